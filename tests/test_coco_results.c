/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's results JSON as predictions: which picture an image_id is, which category the face, what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "eval/coco_results.h"
#include "tests/scratch.h"

enum { N = 4 };
static char names[N][32] = {"a/000000000007.jpg", "b/000000000009.jpg", "a/photo.png", "b/photo.png"};
static rf_sample samples[N];
static rf_dataset set = {.annotation_path = "truth.txt", .samples = samples, .n_samples = N};
static rf_prediction_set found;

static const char *put(const char *file, const char *text) {
    static char path[2][300];
    static int at;
    at = !at;
    snprintf(path[at], sizeof path[at], "%s/%s", scratch, file);
    assert_int_equal(rf_file_write_atomic(path[at], text, strlen(text)), RF_OK);
    return path[at];
}

static rf_status read_text(const char *text, const char *ids) {
    rf_prediction_set_free(&found);
    for (int i = 0; i < N; i++) samples[i].name = names[i];
    const char *ids_path = ids ? put("ids.json", ids) : NULL;
    return rf_coco_results_read(put("results.json", text), ids_path, &set, &found);
}

#define BOX(image, category, score)                                                                                    \
    "{\"image_id\":" image ",\"category_id\":" category ",\"bbox\":[1,2,3,4],\"score\":" score                         \
    ",\"segmentation\":[[1,2]]}"
#define IDS                                                                                                            \
    "{\"info\":{},\"images\":[{\"id\":1,\"file_name\":\"000000000007.jpg\"},{\"id\":2,\"width\":5,\"file_name\":\"b/"  \
    "photo.png\"},{\"id\":3,\"file_name\":\"elsewhere.jpg\"}],\"categories\":[{\"id\":5,\"name\":\"mask\"},{\"id\":6," \
    "\"name\":\"face\"}]}"

static void ids_are_pictures(void **state) {
    (void)state;
    static const struct {
        const char *text, *ids;
        size_t rows[N];
        int note; /* that occurs, beside the pictures that are not named; -1: none */
    } cases[] = {
        {"[" BOX("7", "1", "0.25") "," BOX("9", "1", "0.1234567890123") "]", NULL, {1, 1}, -1},
        {" [\n" BOX("\"a/photo\"", "1", "1") "," BOX("\"b/photo.png\"", "1", "1") "]\n", NULL, {0, 0, 1, 1}, -1},
        {"[" BOX("\"a\\\\photo\"", "1", "1") "," BOX("\"set\\\\b\\\\photo.png\"", "1", "1") "]",
         NULL,
         {0, 0, 1, 1},
         -1},
        {"[" BOX("\"000000000007\"", "1", "1") "," BOX("8", "1", "1") "]", NULL, {1}, RF_NOTE_strays},
        {"[" BOX("\"photo\"", "1", "1") "," BOX("7", "1", "1") "]", NULL, {1}, RF_NOTE_strays}, /* two are called so */
        {"[" BOX("1", "6", "1") "," BOX("2", "6", "1") "]", IDS, {1, 0, 0, 1}, -1},
        {"[" BOX("1", "6", "1") "," BOX("2", "5", "1") "]", IDS, {1}, RF_NOTE_other_categories},
        {"[" BOX("1", "6", "1") "," BOX("3", "6", "1") "]", IDS, {1}, RF_NOTE_strays},
        {"[" BOX("7", "1", "1") ",{\"image_id\":7,\"score\":1}]", NULL, {1}, RF_NOTE_bad_rows},
        {"[" BOX("7", "1", "1") ",{\"image_id\":7,\"score\":1,\"bbox\":[1,2,3]}]", NULL, {1}, RF_NOTE_bad_rows},
        {"[" BOX("7", "1", "1") ",{\"image_id\":7,\"score\":null,\"bbox\":[1,2,3,4]}]", NULL, {1}, RF_NOTE_bad_rows},
        {"[{\"image_id\":7,\"score\":1,\"bbox\":[1,2,null,4]}]", NULL, {1}, RF_NOTE_not_finite},
        {"[{\"image_id\":7,\"score\":1,\"bbox\":[1,2,-3,4]}]", NULL, {1}, RF_NOTE_no_area},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (read_text(cases[i].text, cases[i].ids) != RF_OK) fail_msg("%zu: %s", i, rf_error_message());
        for (int s = 0; s < N; s++)
            if (found.lists[s].n != cases[i].rows[s]) fail_msg("%zu: %zu rows of picture %d", i, found.lists[s].n, s);
        for (int n = 0; n < RF_NOTE_COUNT; n++)
            if (n != RF_NOTE_unnamed && found.notes.n[n] != (n == cases[i].note))
                fail_msg("%zu: %zu of %s", i, found.notes.n[n], rf_prediction_note_names[n]);
    }
    assert_int_equal(read_text(cases[0].text, NULL), RF_OK);
    assert_float_equal(found.scores[1][0], 0.1234567890123, 0);
    assert_float_equal(found.lists[1].items[0].box[3], 6, 0);
    rf_prediction_set_free(&found);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *ids, *words;
    } bad[] = {
        {"[]", NULL, "not one row is of a picture of truth.txt"},
        {"[" BOX("8", "1", "1") "]", NULL, "add --ids FILE"},
        {"[" BOX("8", "1", "1") "]", NULL, "image_id 8"},
        {"[" BOX("7", "1", "1") ",\n" BOX("9", "2", "1") "]", NULL, ":2: categories 1 and 2"},
        {"[" BOX("7", "1", "1"), NULL, "results.json:1"},
        {"[7]", NULL, "results.json:1"},
        {"{}", NULL, "expected an array of results"},
        {"[{\"image_id\":7,\"keypoints\":[1,2,3],\"score\":1}]", NULL, "not one row can be used; rows that are not"},
        {"[" BOX("7", "1", "1") "]", "[]", "ids.json:1"},
        {"[" BOX("7", "1", "1") "]", "{\"images\":[{\"id\":1}]}", "ids.json:1: an entry without"},
        {"[" BOX("7", "1", "1") "]", "{\"images\":[]}", "none of its images is in truth.txt"},
        {"[" BOX("7", "1", "1") "]",
         "{\"images\":[{\"id\":1,\"file_name\":\"a/photo.png\"},{\"id\":1,\"file_name\":\"b/photo.png\"}]}",
         "two images have the id 1"},
        {"[" BOX("7", "1", "1") "]", "{\"categories\":[{\"id\":1,\"name\":\"cat\"},{\"id\":2,\"name\":\"dog\"}]}",
         "none of its categories (cat, dog) is called face"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_text(bad[i].text, bad[i].ids), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), bad[i].words)) fail_msg("%zu: %s", i, rf_error_message());
        assert_null(found.lists);
    }
    assert_true(rf_coco_results_sniff(put("x", "\xef\xbb\xbf \n[")));
    assert_false(rf_coco_results_sniff(put("x", "e/a\n0\n")) || rf_coco_results_sniff(put("x", "")));
    int failures = 0;
    for (uint64_t n = 1; n < 200; n++, failures++) {
        const char *ids = put("ids.json", IDS), *path = put("results.json", "[" BOX("1", "6", "1") "]");
        rf_alloc_fail_at(n);
        rf_status status = rf_coco_results_read(path, ids, &set, &found);
        rf_alloc_fail_at(0);
        rf_prediction_set_free(&found);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    assert_in_range(failures, 6, 190);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids_are_pictures), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
