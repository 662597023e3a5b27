/* SPDX-License-Identifier: Apache-2.0 */
/* Files, folders, paths and checksums. Everything is written below one folder that is removed at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "tests/scratch.h"

static void expect_contents(const char *path, const char *text) {
    uint8_t *data;
    size_t size;
    if (rf_file_read(path, 0, &data, &size) != RF_OK) fail_msg("%s", rf_error_message());
    assert_string_equal((const char *)data, text);
    assert_int_equal(size, strlen(text));
    rf_free(data);
}

static void expect_names(const char *suffixes, bool recursive, const char *expected) {
    char **names, joined[512] = "";
    size_t count;
    assert_int_equal(rf_dir_list(scratch, suffixes, recursive, &names, &count), RF_OK);
    for (size_t i = 0; i < count; i++) {
        strcat(joined, names[i]);
        strcat(joined, " ");
    }
    assert_string_equal(joined, expected);
    rf_names_free(names, count);
}

static void reading_tells_what_is_wrong(void **state) {
    (void)state;
    uint8_t *data;
    size_t size;
    assert_int_equal(rf_file_read(scratch_path("missing"), 0, &data, &size), RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), "missing': No such file"));
    assert_int_equal(rf_file_read(scratch, 0, &data, &size), RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), "it is a folder"));
    assert_int_equal(rf_file_read("/dev/zero", 0, &data, &size), RF_ERR_IO);
    assert_int_equal(rf_file_write_atomic(scratch_path("ten"), "0123456789", 10), RF_OK);
    assert_int_equal(rf_file_read(scratch_path("ten"), 9, &data, &size), RF_ERR_FORMAT);
    assert_int_equal(rf_file_read(scratch_path("ten"), 10, &data, &size), RF_OK);
    assert_string_equal((char *)data, "0123456789");
    rf_free(data);
    assert_int_equal(rf_file_write_atomic(scratch_path("ten"), NULL, 0), RF_OK);
    expect_contents(scratch_path("ten"), "");
    unlink(scratch_path("ten"));
}

static void an_aborted_or_failing_write_leaves_the_old_file(void **state) {
    (void)state;
    const char *path = scratch_path("old.txt");
    assert_int_equal(rf_file_write_atomic(path, "old", 3), RF_OK);

    rf_atomic_file *file;
    assert_int_equal(rf_atomic_open(path, &file), RF_OK);
    assert_int_equal(rf_atomic_write(file, "new", 3), RF_OK);
    expect_contents(path, "old");
    rf_atomic_abort(file);
    rf_atomic_abort(NULL);
    expect_contents(path, "old");
    expect_names(NULL, false, "old.txt ");

    /* A file-size limit stands for a full disk: the write fails half-way, in rf_atomic_write or when commit flushes. */
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 5000;
    signal(SIGXFSZ, SIG_IGN);
    static char big[100000];
    memset(big, 'b', sizeof big);
    setrlimit(RLIMIT_FSIZE, &limit);
    rf_status large = rf_file_write_atomic(path, big, sizeof big);
    char message[256];
    snprintf(message, sizeof message, "%s", rf_error_message());
    rf_status opened = rf_atomic_open(path, &file), small = RF_OK, committed = RF_OK;
    if (opened == RF_OK) {
        for (int i = 0; i < 6 && small == RF_OK; i++) small = rf_atomic_write(file, big, 1000);
        committed = rf_atomic_commit(file);
    }
    rf_status streamed = rf_atomic_open(path, &file);
    if (streamed == RF_OK) {
        fprintf(rf_atomic_stream(file), "%6000d", 1);
        streamed = rf_atomic_commit(file);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(large, RF_ERR_IO);
    assert_non_null(strstr(message, "cannot write"));
    assert_non_null(strstr(message, "File too large"));
    assert_int_equal(opened, RF_OK);
    assert_int_equal(committed, RF_ERR_IO);
    assert_int_equal(streamed, RF_ERR_IO);
    expect_contents(path, "old");
    expect_names(NULL, false, "old.txt ");

    assert_int_equal(rf_atomic_open(path, &file), RF_OK);
    fprintf(rf_atomic_stream(file), "%d", 42);
    assert_int_equal(rf_atomic_commit(file), RF_OK);
    expect_contents(path, "42");
    assert_int_equal(rf_file_write_atomic(scratch, "x", 1), RF_ERR_IO);
    assert_int_equal(rf_file_write_atomic(scratch_path("no/such/folder"), "x", 1), RF_ERR_IO);
    unlink(path);
    expect_names(NULL, false, "");
}

/* A killed writer leaves its temporary: the number in the name tells whether the process is still there. */
static void leftovers_are_swept(void **state) {
    (void)state;
    pid_t gone = fork();
    if (gone == 0) _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    char dead[64], running[64];
    snprintf(dead, sizeof dead, "w.bin.tmp-%ld-0", (long)gone);
    snprintf(running, sizeof running, "w.bin.tmp-%ld-0", (long)getpid());
    const char *const kept[] = {"w.bin", running, "other.bin.tmp-1-0", "w.bin.tmp-x"};
    for (int i = 0; i < 4; i++) assert_int_equal(rf_file_write_atomic(scratch_path(kept[i]), "", 0), RF_OK);
    assert_int_equal(rf_file_write_atomic(scratch_path(dead), "half", 4), RF_OK);
    rf_atomic_sweep(scratch_path("w.bin"));
    assert_false(rf_file_exists(scratch_path(dead)));
    for (int i = 0; i < 4; i++) {
        assert_true(rf_file_exists(scratch_path(kept[i])));
        unlink(scratch_path(kept[i]));
    }
}

static void lines_are_appended(void **state) {
    (void)state;
    assert_int_equal(rf_file_append_line(scratch_path("log"), "{\"a\":1}"), RF_OK);
    assert_int_equal(rf_file_append_line(scratch_path("log"), ""), RF_OK);
    assert_int_equal(rf_file_append_line(scratch_path("log"), "end"), RF_OK);
    expect_contents(scratch_path("log"), "{\"a\":1}\n\nend\n");
    unlink(scratch_path("log"));
    assert_int_equal(rf_file_append_line("/dev/full", "x"), RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), "No space left"));
    assert_int_equal(rf_file_append_line(scratch, "x"), RF_ERR_IO);
}

static void folders_are_made_and_listed(void **state) {
    (void)state;
    assert_int_equal(rf_dir_make(scratch_path("a/b//c/")), RF_OK);
    assert_int_equal(rf_dir_make(scratch_path("a/b")), RF_OK);
    assert_true(rf_dir_exists(scratch_path("a/b/c")));
    assert_false(rf_file_exists(scratch_path("a/b/c")));
    static const char *const files[] = {"z.jpg", "a/y.JPG", "a/b/x.png", "a/b/c/w.txt", "B.jpeg", ".hidden.jpg"};
    for (int i = 0; i < 6; i++) assert_int_equal(rf_file_write_atomic(scratch_path(files[i]), "", 0), RF_OK);
    expect_names(NULL, false, "B.jpeg z.jpg ");
    expect_names(".jpg,.png", true, "a/b/x.png a/y.JPG z.jpg ");
    expect_names(".txt", true, "a/b/c/w.txt ");
    expect_names(".gif", true, "");
    assert_true(rf_file_exists(scratch_path("z.jpg")));
    assert_false(rf_dir_exists(scratch_path("z.jpg")));
    assert_int_equal(rf_dir_make(scratch_path("z.jpg/deeper")), RF_ERR_IO);

    char **names;
    size_t count;
    assert_int_equal(rf_dir_list(scratch_path("nothing"), NULL, true, &names, &count), RF_ERR_IO);
}

static void note_fault(void *ctx, const char *sentence) {
    snprintf(ctx, 1024, "%s", sentence);
}

/* Links between folders may form loops: each folder is entered once, by its own name when it has one in the tree. */
static void folders_behind_links_are_listed_once(void **state) {
    (void)state;
    static const char *const files[] = {"t/b/1.jpg", "t/c/2.jpg", "far/3.jpg", "far/in/4.jpg"};
    static const char *const links[][2] = {{".", "t/b/self"}, {"..", "t/b/up"},  {"../c", "t/b/c"},
                                           {"../b", "t/c/b"}, {"c", "t/a"},      {"../far", "t/x"},
                                           {"../far", "t/w"}, {"../t", "far/t"}, {"nowhere", "t/d.jpg"}};
    for (int i = 0; i < 4; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s", scratch_path(files[i]));
        *strrchr(folder, '/') = 0;
        assert_int_equal(rf_dir_make(folder), RF_OK);
        assert_int_equal(rf_file_write_atomic(scratch_path(files[i]), "", 0), RF_OK);
    }
    for (int i = 0; i < 9; i++) assert_int_equal(symlink(links[i][0], scratch_path(links[i][1])), 0);
    assert_int_equal(rename(scratch_path("t"), scratch_path("root")), 0);
    assert_int_equal(symlink("root", scratch_path("t")), 0);
    char **names, text[512] = "", fault[1024] = "";
    size_t count;
    assert_int_equal(rf_dir_list(scratch_path("t"), ".jpg", true, &names, &count), RF_OK);
    for (size_t i = 0; i < count; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", names[i]);
    rf_names_free(names, count);
    assert_string_equal(text, "b/1.jpg c/2.jpg d.jpg w/3.jpg w/in/4.jpg ");

    /* A folder deeper than a name may be long cannot be listed: alone it is an error, beside others it is told. */
    char deep[4200];
    snprintf(deep, sizeof deep, "%s", scratch_path("far/in"));
    for (int i = 0; i < 260; i++) snprintf(deep + strlen(deep), sizeof deep - strlen(deep), "/d");
    assert_int_equal(rf_dir_make(deep), RF_OK);
    assert_int_equal(rf_dir_list(scratch_path("t"), ".jpg", true, &names, &count), RF_ERR_IO);
    assert_int_equal(rf_dir_list_most(scratch_path("t"), ".jpg", true, note_fault, fault, &names, &count), RF_OK);
    assert_int_equal(count, 5);
    rf_names_free(names, count);
    assert_non_null(strstr(fault, "256 folders deep"));
    assert_int_equal(rf_dir_list_most(scratch_path("none"), NULL, true, note_fault, fault, &names, &count), RF_ERR_IO);
    scratch_clear("t");
    scratch_clear("root");
    scratch_clear("far");
}

/* A name may have 255 bytes, and what is written first needs one that is not longer. */
static void names_of_any_length_are_written(void **state) {
    (void)state;
    for (int length = 100; length <= 255; length += 5) {
        char name[256] = "", full[1024];
        for (int i = 0; i + 2 <= length - length % 2; i += 2) memcpy(name + i, "\xc3\xa9", 3); /* two bytes a letter */
        if (length % 2) strcat(name, "x");
        assert_int_equal(strlen(name), length);
        snprintf(full, sizeof full, "%s/%s", scratch, name);
        if (rf_file_write_atomic(full, name, strlen(name)) != RF_OK) fail_msg("%d: %s", length, rf_error_message());
        expect_contents(full, name);
        rf_atomic_file *file;
        pid_t gone = fork();
        if (gone == 0) _exit(rf_atomic_open(full, &file) == RF_OK ? 0 : 1); /* killed while it writes */
        int code;
        assert_int_equal(waitpid(gone, &code, 0), gone);
        assert_int_equal(code, 0);
        char **names;
        size_t count;
        int left = 0;
        assert_int_equal(rf_dir_list(scratch, NULL, false, &names, &count), RF_OK);
        for (size_t i = 0; i < count; i++) left += strncmp(names[i], name, 40) == 0;
        assert_int_equal(left, 2);
        rf_names_free(names, count);
        rf_atomic_sweep(full);
        assert_int_equal(rf_dir_list(scratch, NULL, false, &names, &count), RF_OK);
        left = 0;
        for (size_t i = 0; i < count; i++) left += strncmp(names[i], name, 40) == 0;
        assert_int_equal(left, 1);
        rf_names_free(names, count);
        unlink(full);
    }
}

static void paths_and_checksums(void **state) {
    (void)state;
    static const char *const joins[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"},
                                           {"a", "/b", "/b"}, {"/", "b", "/b"},   {"a", "", "a/"}};
    for (int i = 0; i < 6; i++) {
        char *path = rf_path_join(joins[i][0], joins[i][1]);
        assert_string_equal(path, joins[i][2]);
        rf_free(path);
    }
    assert_string_equal(rf_path_base("a/b/c.x"), "c.x");
    assert_string_equal(rf_path_base("c.x"), "c.x");
    assert_int_equal(rf_crc32(0, "123456789", 9), 0xCBF43926); /* the check value of this CRC */
    assert_int_equal(rf_crc32(rf_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_tells_what_is_wrong),
        cmocka_unit_test(an_aborted_or_failing_write_leaves_the_old_file),
        cmocka_unit_test(leftovers_are_swept),
        cmocka_unit_test(lines_are_appended),
        cmocka_unit_test(folders_are_made_and_listed),
        cmocka_unit_test(folders_behind_links_are_listed_once),
        cmocka_unit_test(names_of_any_length_are_written),
        cmocka_unit_test(paths_and_checksums),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
