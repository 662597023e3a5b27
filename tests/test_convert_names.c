/* SPDX-License-Identifier: Apache-2.0 */
/* Names of pictures as other machines write them: other folders, other letter cases, Windows, %XX. Found when one file
 * alone can be meant, and told; never a file outside of the image folder, never one that another image is called by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "tests/convert_kit.h"

static const rf_convert_options keep = {.place = RF_IMAGES_KEEP};

static int set_up(void **state) {
    if (scratch_make(state)) return 1;
    kit_picture("pictures/photo.jpg", 100, 80);
    kit_picture("pictures/day/Two.JPG", 50, 40);
    kit_picture("pictures/night/two.jpg", 50, 40);
    kit_picture("pictures/caf\xc3\xa9 1.png", 50, 40);
    kit_picture("pictures/deep/er/only.png", 50, 40);
    kit_picture("pictures/ab/two.png", 50, 40);
    kit_picture("pictures/c/two.png", 50, 40);
    kit_picture("pictures/back\\slash.png", 50, 40);
    kit_picture("outside.jpg", 50, 40);
    return 0;
}

/* What a COCO file with such a file_name becomes: the name in label.txt, or "" when no picture is taken. */
static const char *found_as(const char *name) {
    static char first[256];
    char text[1024];
    snprintf(text, sizeof text,
             "{\"images\":[{\"id\":1,\"file_name\":\"%s\"}],\"annotations\":[{\"image_id\":1,\"bbox\":[1,2,3,4]}]}",
             name);
    kit_write_text("a.json", text);
    rf_status status = kit_convert("coco", "label", "a.json", "out", &keep);
    if (status != RF_OK) {
        assert_int_equal(status, RF_ERR_USER);
        return "";
    }
    snprintf(first, sizeof first, "%s", kit_read("out/train/label.txt") + 2);
    *strchr(first, '\n') = 0;
    scratch_clear("out");
    return first;
}

static void names_of_other_machines(void **state) {
    (void)state;
    static const struct {
        const char *name, *found;
        bool as_named;
    } cases[] = {
        {"photo.jpg", "photo.jpg", true},
        {"./x/../photo.jpg", "photo.jpg", true},
        {"deep\\\\er\\\\only.png", "deep/er/only.png", true},
        {"deep\\\\er/only.png", "deep/er/only.png", true},
        {"back\\\\slash.png", "back\\slash.png", true},
        {"photo", "photo.jpg", true},
        {"ab/two.png", "ab/two.png", true},
        {"c/two.png", "c/two.png", true},
        {"s3://bucket/c/two.png", "c/two.png", false},
        {"C:\\\\Users\\\\me\\\\set\\\\photo.jpg", "photo.jpg", false},
        {"\\\\\\\\server\\\\share\\\\er\\\\only.png", "deep/er/only.png", false},
        {"d:/photo.jpg", "photo.jpg", false},
        {"file:///data/me/photo.jpg", "photo.jpg", false},
        {"https://example.org/upload/photo.jpg", "photo.jpg", false},
        {"/data/me/photo.jpg", "photo.jpg", false},
        {"/data/me/night/two.jpg", "night/two.jpg", false},
        {"../outside.jpg", "", false},
        {"..\\\\outside.jpg", "", false},
        {"../pictures/photo.jpg", "photo.jpg", false},
        {"../../photo.jpg", "photo.jpg", false},
        {"PHOTO.jpg", "photo.jpg", false},
        {"photo.JPG", "photo.jpg", false},
        {"caf%C3%A9%201.png", "caf\xc3\xa9 1.png", false},
        {"caf%c3%a9 1.PNG", "caf\xc3\xa9 1.png", false},
        {"x/y/photo.jpg", "photo.jpg", false},
        {"only.png", "deep/er/only.png", false},
        {"er/only.png", "deep/er/only.png", false},
        {"only", "deep/er/only.png", false},
        {"elsewhere/only.png", "", false}, /* the folders differ */
        {"two.jpg", "", false},            /* there are two of them */
        {"TWO.jpg", "", false},
        {"/x/TWO.jpg", "", false},
        {"day/two.jpg", "day/Two.JPG", false},
        {"photo%2.jpg", "", false},
        {"photo.jpg%00", "", false},
        {"/etc/passwd", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = found_as(cases[i].name);
        if (strcmp(found, cases[i].found) != 0)
            fail_msg("%s: \"%s\", not \"%s\"; %s", cases[i].name, found, cases[i].found, kit_found);
        bool told = strstr(kit_found, " is taken for ") != NULL;
        if (*found && told == cases[i].as_named) fail_msg("%s: %s", cases[i].name, kit_found);
        if (*found) assert_int_equal(kit_stats.left_out[RF_CONVERT_RENAMED], !cases[i].as_named);
    }
    found_as("two.jpg");
    assert_non_null(strstr(kit_found, "it may be day/Two.JPG or night/two.jpg"));
    found_as("elsewhere/only.png");
    assert_non_null(strstr(kit_found, "deep/er/only.png has that name, in another folder"));
}

/* Each picture belongs to one image: what one image is called is not taken for another, and what two may mean is not
 * taken for either. The same name in other letters is the same. */
static void a_picture_is_taken_once(void **state) {
    (void)state;
    static const char two[] = "path,x,y,w,h\nphoto.jpg,1,2,3,4\nx/photo.jpg,5,6,7,8\n";
    assert_non_null(strstr(kit_labels("csv", "a.csv", two, &keep), "# photo.jpg\n1 2 3 4 "));
    assert_int_equal(kit_stats.images, 1);
    assert_int_equal(kit_stats.faces, 1);
    assert_non_null(strstr(kit_found, ":3: x/photo.jpg is not below"));
    assert_non_null(strstr(kit_found, "photo.jpg may be meant, but another image is called so"));
    static const char apart[] = "path,x,y,w,h\na/photo.jpg,1,2,3,4\nb/photo.jpg,5,6,7,8\nday/Two.JPG,1,2,3,4\n";
    assert_non_null(strstr(kit_labels("csv", "a.csv", apart, &keep), "# day/Two.JPG\n"));
    assert_int_equal(kit_stats.images, 1);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_MISSING], 2);
    static const char letters[] = "path,x,y,w,h\nPHOTO.JPG,1,2,3,4\nPhoto.jpg,5,6,7,8\n";
    const char *labels = kit_labels("csv", "a.csv", letters, &keep);
    assert_int_equal(kit_stats.images, 1);
    assert_int_equal(kit_stats.faces, 2);
    assert_non_null(strstr(labels, "\n5 6 7 8 "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_other_machines),
        cmocka_unit_test(a_picture_is_taken_once),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
