/* SPDX-License-Identifier: Apache-2.0 */
/* rf-detect on streams: pictures one after the other, Y4M, raw frames; and what it makes of faces. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "data/blur.h"
#include "data/image.h"
#include "data/planes.h"
#include "tests/programs.h"
#include "tests/slow.h"

#define MODEL "@/model/last.safetensors"
#define DETECT "$P/rf-detect " MODEL " --set eval.scales=64 -t 1 "

/* A command of the shell, in which $P is the folder of the programs. */
static int shell(const char *command) {
    char text[4096];
    snprintf(text, sizeof text, "(%s) >%s/stdout.txt 2>%s/stderr.txt", at(command), programs_dir, programs_dir);
    int status = system(text);
    read_text("@/stderr.txt", programs_err);
    read_text("@/stdout.txt", programs_out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void ends_with(int expected, const char *command, const char *words) {
    int code = shell(command);
    if (code != expected) fail_msg("%s\nended with %d: %s", command, code, programs_err);
    if (words && !strstr(programs_err, at(words))) fail_msg("%s\nsays no '%s': %s", command, words, programs_err);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 1 --size 96x96 --seed 5");
    succeeds("rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 --set "
             "data.root=@/set --set data.val= --set train.max_steps=1 -t 1 --out @/model");
    ends_with(
        0,
        "i=0; for f in @/set/train/images/*/*; do i=$((i+1)); cp $f @/p$i.jpg; done; head -c 900 @/p2.jpg >@/half.jpg",
        NULL);
    rf_image image;
    assert_int_equal(rf_image_load(at("@/p1.jpg"), NULL, &image), RF_OK);
    assert_int_equal(rf_image_save(at("@/p5.png"), &image, 0), RF_OK);
    rf_image_free(&image);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* The frames of a JSON file: "1 2 3e 4" where e stands for an error. */
static void frames_are(const char *path, const char *expected) {
    static char text[PROGRAMS_TEXT];
    char found[256] = "";
    read_text(path, text);
    for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        rf_json *root;
        double frame = 0, version = 0;
        assert_int_equal(rf_json_parse(line, strlen(line), &root), RF_OK);
        rf_json_number(rf_json_get(root, "frame"), &frame);
        assert_true(rf_json_number(rf_json_get(root, "version"), &version) && version == 1);
        size_t n = strlen(found);
        snprintf(found + n, sizeof found - n, "%s%g%s", n ? " " : "", frame, rf_json_get(root, "error") ? "e" : "");
        rf_json_free(root);
    }
    assert_string_equal(found, expected);
}

static void broken_frames_end_only_themselves(void **state) {
    (void)state;
    ends_with(0, "cat @/p1.jpg @/p5.png @/p3.jpg | " DETECT "--json @/a.jsonl -", NULL);
    frames_are("@/a.jsonl", "1 2 3");
    ends_with(1, "cat @/p1.jpg @/half.jpg @/p5.png @/p3.jpg | " DETECT "--json @/a.jsonl -", "- frame 2");
    frames_are("@/a.jsonl", "1 2e 3 4");
    ends_with(1,
              "(cat @/p1.jpg; head -c 700 @/p5.png; cat @/p5.png; tail -c +9 @/p2.jpg; cat @/p4.jpg; head -c 300 "
              "@/p3.jpg) | " DETECT "--json @/a.jsonl -",
              "- frame 4: ");
    frames_are("@/a.jsonl", "1 2e 3 4e 5 6e");
    assert_non_null(strstr(programs_err, "bytes that are no picture"));
    /* By name, from a FIFO, and what a camera puts between its pictures. */
    ends_with(0, "cat @/p1.jpg @/p2.jpg >@/film.mjpeg; " DETECT "--json @/a.jsonl @/film.mjpeg @/p3.jpg", NULL);
    frames_are("@/a.jsonl", "1 2 0");
    ends_with(0, "mkfifo @/fifo; (cat @/p1.jpg @/p2.jpg >@/fifo &) ; " DETECT "--json @/a.jsonl @/fifo", NULL);
    frames_are("@/a.jsonl", "1 2");
    ends_with(
        0,
        "for i in 1 2; do printf -- '--b\\r\\nContent-Type: image/jpeg\\r\\n\\r\\n'; cat @/p$i.jpg; done | " DETECT
        "--json @/a.jsonl -",
        NULL);
    frames_are("@/a.jsonl", "1 2");
}

static void frames_have_the_faces_of_files(void **state) {
    (void)state;
    ends_with(0,
              "for t in 1 2 4; do cat @/p1.jpg @/p2.jpg @/p3.jpg | $P/rf-detect " MODEL
              " --set eval.scales=64 --score 0.01 -t $t --json - - | grep -o '\"faces.*' >@/t$t; done; cmp @/t1 @/t2 "
              "&& cmp @/t1 @/t4",
              NULL);
    ends_with(0, DETECT "--score 0.01 --json - @/p1.jpg '@/p[23].jpg' | grep -o '\"faces.*' | cmp - @/t1", NULL);
    ends_with(0, "ls @/p[123].jpg | " DETECT "--score 0.01 --json - --list - | grep -o '\"faces.*' | cmp - @/t1", NULL);
    assert_non_null(strstr(programs_err, "3 images"));
}

/* Y4M with two frames of every colour kind; full_range stands in the header. */
static void write_y4m(const char *path, const char *colours, rf_planes planes, bool cut) {
    FILE *f = fopen(at(path), "wb");
    assert_non_null(f);
    fprintf(f, "YUV4MPEG2 W%d H%d F25:1 Ip C%s\n", planes.width, planes.height, colours);
    size_t n = rf_planes_bytes(&planes);
    for (int frame = 0; frame < 2; frame++) {
        fputs("FRAME\n", f);
        for (size_t i = 0; i < (cut && frame ? n / 2 : n); i++)
            fputc((int)(16 + (i * 7 + i / 90 + (size_t)frame * 50) % 220), f);
    }
    fclose(f);
}

static void films_come_out_as_they_went_in(void **state) {
    (void)state;
    static const struct {
        const char *name;
        rf_planes planes;
    } kinds[] = {{"420jpeg", {RF_PLANES_YUV, 97, 65, 2, 2, false}},
                 {"422", {RF_PLANES_YUV, 97, 65, 2, 1, false}},
                 {"444", {RF_PLANES_YUV, 97, 65, 1, 1, false}},
                 {"mono", {RF_PLANES_GREY, 97, 65, 0, 0, false}}};
    for (size_t i = 0; i < 4; i++) {
        write_y4m("@/in.y4m", kinds[i].name, kinds[i].planes, false);
        ends_with(0, DETECT "--blur --score 1 - <@/in.y4m | cmp - @/in.y4m", "2 images, 0 faces");
        ends_with(
            0, DETECT "--blur --score 0 - <@/in.y4m >@/out.y4m; test $(stat -c %s @/in.y4m) = $(stat -c %s @/out.y4m)",
            NULL);
        assert_false(same_bytes("@/in.y4m", "@/out.y4m"));
        ends_with(0, DETECT "--json @/a.jsonl @/out.y4m", NULL);
        frames_are("@/a.jsonl", "1 2");
    }
    write_y4m("@/in.y4m", "420", kinds[0].planes, true);
    ends_with(1, DETECT "@/in.y4m", "@/in.y4m frame 2: the stream ends inside of it, after 4769 of 9539 bytes");
    ends_with(2, "sed s/C420/C420p10/ @/in.y4m | " DETECT "-",
              "colours '420p10', expected 420, 422, 444 or mono of 8 bits");
    ends_with(0, "cat @/p1.jpg @/p5.png >@/in; " DETECT "--blur --score 1 - <@/in | cmp - @/in", NULL);
    static const char *const raw[] = {"rgb24", "bgr24", "gray", "yuv420p"};
    static const int bytes[] = {3, 3, 1, 0};
    for (size_t i = 0; i < 4; i++) {
        char command[600];
        snprintf(command, sizeof command,
                 "head -c %d /dev/urandom >@/in; " DETECT "--raw 64x48:%s --blur --score 1 - <@/in | cmp - @/in",
                 3 * (bytes[i] ? 64 * 48 * bytes[i] : 64 * 48 * 3 / 2), raw[i]);
        ends_with(0, command, "3 images");
    }
}

static void mistakes_have_a_sentence(void **state) {
    (void)state;
    ends_with(2, DETECT "- </dev/null", "-: nothing comes from it");
    ends_with(2, DETECT "- -", "named twice");
    ends_with(2, DETECT "'@/none*.jpg'", "no file is called like that");
    ends_with(2, DETECT "--crop @/p1.jpg", "--crop needs a folder for the pictures of faces: --out DIR");
    ends_with(2, DETECT "--crop=x --out @/o @/p1.jpg", "--crop x: expected a margin");
    ends_with(2, DETECT "--raw 64 @/p1.jpg", "--raw 64: expected WxH");
    ends_with(2, DETECT "--blur --json - @/p1.jpg | cat; exit ${PIPESTATUS:-2}", "would both be the standard output");
    ends_with(2, "printf '\\0\\0\\0\\040ftypisom\\0\\0\\0\\0iso2mp41' | " DETECT "-", "ffmpeg -i FILM -f image2pipe");
    ends_with(2, DETECT "--list - </dev/null", "no path is in it");
    write_y4m("@/in.y4m", "444", (rf_planes){RF_PLANES_YUV, 40, 30, 1, 1, false}, false);
    ends_with(2, DETECT "--blur @/p1.jpg @/in.y4m >@/out", "cannot follow what was written");
}

/* A film without end, whose reader has seen enough. */
static void the_reader_may_go(void **state) {
    (void)state;
    ends_with(0,
              "(while cat @/p1.jpg; do :; done) 2>/dev/null | (timeout 60 " DETECT
              "--json - - 2>@/said; echo $? >@/code) | head -2 | wc -l",
              NULL);
    assert_string_equal(programs_out, "2\n");
    static char text[PROGRAMS_TEXT];
    for (int i = 0; i < 100 && (read_text("@/code", text), !*text); i++) wait_milliseconds(50);
    assert_string_equal(text, "130\n");
    read_text("@/said", text);
    assert_null(strstr(text, "rf-detect:"));
}

static void faces_become_files(void **state) {
    (void)state;
    ends_with(0, DETECT "--set eval.keep=3 --score 0.01 --align 112 --crop 0.5 --out @/faces --json @/a.jsonl @/p1.jpg",
              NULL);
    static char text[PROGRAMS_TEXT];
    read_text("@/a.jsonl", text);
    assert_non_null(strstr(text, "\"aligned\":\"p1.aligned-1.png\""));
    assert_non_null(strstr(text, "\"crop\":\"p1.crop-1.jpg\""));
    assert_true(count_files("@/faces", "aligned") > 0);
    assert_int_equal(count_files("@/faces", "p1.jpg"), 0);
    rf_image_info info;
    assert_int_equal(rf_image_probe(at("@/faces/p1.aligned-1.png"), NULL, &info), RF_OK);
    assert_true(info.width == 112 && info.height == 112);
}

/* What --label writes is a data set as it is. */
static void labels_are_a_data_set(void **state) {
    (void)state;
    ends_with(0, "cat @/p1.jpg @/p5.png | " DETECT "--label @/lab --score 0.01 --set eval.keep=5 - @/p3.jpg", NULL);
    assert_int_equal(count_files("@/lab/images", ""), 3);
    assert_true(same_bytes("@/lab/images/p3.jpg", "@/p3.jpg"));
    assert_true(same_bytes("@/lab/images/stdin-000002.png", "@/p5.png"));
    assert_int_not_equal(run("rf-data check @/lab"), 2);
    succeeds("rf-train configs/mnet025.ini --set input.size=64 --set train.batch=2 --set model.channels=16 --set "
             "train.log_every=1 --data @/lab --set train.max_steps=1 -t 1 --out @/model2");
    refused("rf-detect " MODEL " @/p1.jpg --label @/lab", "there is a label.txt in it");
    /* Pictures that lie where a data set has them stay there; others are not written over. */
    ends_with(0, "mkdir -p @/here/images; cp @/p1.jpg @/p2.jpg @/here/images; " DETECT "--label @/here @/here/images",
              NULL);
    assert_int_equal(count_files("@/here/images", ""), 2);
    assert_true(same_bytes("@/here/images/p1.jpg", "@/p1.jpg") && count_files("@/here", "label") == 2);
    ends_with(2, "rm @/here/label*; " DETECT "--label @/here @/p1.jpg", "is there already: choose another folder");
}

/* Side by side or one after the other: the same files, lines and order, broken ones in their places. */
static void many_at_once_are_as_one(void **state) {
    (void)state;
    const char *jobs[] = {"1 -t 1", "2 -t 2", "5 -t 2", "12 -t 1"};
    for (int i = 0; i < 4; i += in_quick_loop() ? 2 : 1) {
        char command[1024];
        snprintf(command, sizeof command,
                 "rm -rf @/many; for k in 1 2 3 4; do echo @/p1.jpg; echo @/half.jpg; echo @/p3.jpg; echo "
                 "@/p5.png; echo "
                 "@/none.jpg; done | $P/rf-detect " MODEL
                 " --set eval.scales=64 --score 0.2 --list - --out @/many --crop "
                 "--draw --json @/many.json --jobs %s && exit 9; cat @/many.json @/many/* | cksum >@/sum%d",
                 jobs[i], i);
        ends_with(0, command, "none.jpg: ");
        ends_with(0, "[ $(wc -l <@/many.json) = 20 ] && [ $(cksum @/sum* | cut -d' ' -f1 | sort -u | wc -l) = 1 ]",
                  NULL);
    }
    ends_with(0, "cat @/p1.jpg @/half.jpg @/p3.jpg >@/s; for j in 1 2 3; do cat @/s; done >@/film", NULL);
    ends_with(1, DETECT "--blur --jobs 3 - <@/film >@/three.mjpeg", NULL);
    ends_with(1, DETECT "--blur --jobs 1 - <@/film >@/one.mjpeg", NULL);
    ends_with(0, "cmp @/one.mjpeg @/three.mjpeg", NULL);
    ends_with(2, DETECT "--jobs 0 @/p1.jpg", "--jobs");
}

/* kB that a command of the shell took at most. */
static long memory_of(const char *command) {
    struct rusage use;
    int status;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", at(command), (char *)NULL);
        _exit(127);
    }
    assert_int_equal(wait4(child, &status, 0, &use), child);
    assert_int_equal(status, 0);
    return use.ru_maxrss;
}

/* However long a film is, it takes the memory of a few frames. */
static void long_films_take_no_more(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* they keep what was freed */
#endif
    if (getenv("RF_RUNNER")) skip();
#define LONG(frames)                                                                                                   \
    "head -c " frames " /dev/zero | exec $P/rf-detect " MODEL                                                          \
    " --set eval.scales=32 -t 2 --jobs 2 --raw 32x32 --json - - 2>/dev/null | tail -n 1 >@/last.json"
    long few = memory_of(LONG("92160")), many = memory_of(LONG("3072000"));
    read_text("@/last.json", programs_out);
    assert_non_null(strstr(programs_out, "\"frame\":1000"));
    if (many > few + 8192) fail_msg("30 frames took %ld kB, 1,000 took %ld", few, many);
}

static void colours_survive(void **state) {
    (void)state;
    rf_planes p = {RF_PLANES_YUV, 4, 2, 1, 1, false};
    uint8_t frame[24] = {81, 145, 41, 235, 16, 126, 180, 60}, before[24];
    static const uint8_t u[8] = {90, 54, 240, 128, 128, 128, 100, 150}, v[8] = {240, 34, 110, 128, 128, 128, 140, 120};
    memcpy(frame + 8, u, 8);
    memcpy(frame + 16, v, 8);
    memcpy(before, frame, sizeof frame);
    rf_image image = {0};
    assert_int_equal(rf_planes_decode(&p, frame, &image), RF_OK);
    static const int expected[5][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}, {0, 0, 0}};
    for (int i = 0; i < 5; i++)
        for (int c = 0; c < 3; c++) assert_true(abs(image.pixels[3 * i + c] - expected[i][c]) <= 2);
    rf_planes_update(&p, &image, frame);
    assert_memory_equal(frame, before, sizeof frame);
    memset(image.pixels, 0, 3);
    rf_planes_update(&p, &image, frame);
    assert_true(frame[0] == 16 && frame[8] == 128 && frame[16] == 128 && frame[1] == before[1]);
    rf_image_free(&image);
}

/* Nothing finer than the cells is left in the box; far away nothing changes. */
static void what_is_hidden_is_gone(void **state) {
    (void)state;
    rf_image image;
    assert_int_equal(rf_image_alloc(&image, 120, 120), RF_OK);
    for (size_t i = 0; i < 120 * 120 * 3; i++) image.pixels[i] = (i / 3 + i / 360) % 2 ? 255 : 0;
    const float box[4] = {30, 30, 90, 90}, wrong[4] = {200, 200, 300, 300};
    assert_int_equal(rf_image_hide(&image, wrong), RF_OK);
    assert_int_equal(rf_image_hide(&image, box), RF_OK);
    for (int y = 30; y < 90; y++)
        for (int x = 30; x < 90; x++) assert_in_range(image.pixels[(y * 120 + x) * 3], 112, 144);
    for (int x = 0; x < 120; x++) assert_int_equal(image.pixels[x * 3], x % 2 ? 255 : 0);
    rf_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(broken_frames_end_only_themselves),
                                       cmocka_unit_test(frames_have_the_faces_of_files),
                                       cmocka_unit_test(films_come_out_as_they_went_in),
                                       cmocka_unit_test(mistakes_have_a_sentence),
                                       cmocka_unit_test(the_reader_may_go),
                                       cmocka_unit_test(faces_become_files),
                                       cmocka_unit_test(labels_are_a_data_set),
                                       cmocka_unit_test(many_at_once_are_as_one),
                                       cmocka_unit_test(long_films_take_no_more),
                                       cmocka_unit_test(colours_survive),
                                       cmocka_unit_test(what_is_hidden_is_gone)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
