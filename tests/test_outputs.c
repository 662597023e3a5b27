/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs write and where: streams, outputs that cannot be written, names of others as files and on the
 * terminal, pictures of one name. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "tests/programs.h"

#define MODEL "@/model/last.safetensors"
#define PICTURES "@/set/val/images/0--Synth"

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

/* A command of the shell, in which $P is the folder of the programs; what it prints is read back. */
static int shell(const char *command) {
    char text[4096];
    snprintf(text, sizeof text, "(%s) 2>%s/stderr.txt", at(command), programs_dir);
    int status = system(text);
    read_text("@/stderr.txt", programs_err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void shell_succeeds(const char *command) {
    int code = shell(command);
    if (code) fail_msg("%s\nended with %d: %s", command, code, programs_err);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 3 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    succeeds("rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 --set "
             "data.root=@/set --set train.max_steps=2 -t 1 --out @/model");
    return 0;
}

/* The programs' own line ends and cursor movements are no names: a terminal sees lines, nothing escaped. */
static void lines_end_where_they_should(void **state) {
    (void)state;
    static const char *const commands[] = {
        "rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 --set "
        "data.root=@/set --set train.max_steps=3 --set train.log_every=1 -t 1 --out @/terminal",
        "rf-data synth --out @/terminal_set --train 2 --val 1 --size 96x96",
        "rf-data convert @/set --from label --out @/terminal_conv",
        "rf-data convert --formats",
        "rf-detect " MODEL " " PICTURES,
        "rf-eval " MODEL " --data @/set",
        "rf-data check @/set",
        "rf-train --help"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char text[1024], folder[1024], *argv[64], printed[1 << 16];
        int argc = 0, terminal = posix_openpt(O_RDWR | O_NOCTTY);
        if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
            printf("skip: no terminals here\n");
            return;
        }
        snprintf(text, sizeof text, "%s", at(commands[i]));
        for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
            argv[argc++] = word;
        argv[argc] = NULL;
        snprintf(folder, sizeof folder, "%s/%s", getenv("P"), argv[0]);
        const char *name = ptsname(terminal);
        int end = open(name, O_RDWR | O_NOCTTY);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(end, STDOUT_FILENO);
            dup2(end, STDERR_FILENO);
            execv(folder, argv);
            _exit(99);
        }
        close(end);
        size_t n = 0;
        for (ssize_t k; n < sizeof printed - 1 && (k = read(terminal, printed + n, sizeof printed - 1 - n)) > 0;)
            n += (size_t)k;
        printed[n] = 0;
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(terminal);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("%s: %s", commands[i], printed);
        if (strstr(printed, "\\x0")) fail_msg("%s prints %s", commands[i], strstr(printed, "\\x0"));
        assert_true(n > 2 && printed[n - 1] == '\n');
        if (i == 0) assert_non_null(strstr(printed, "\r\033[Kstep 3/3"));
    }
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* Every line is an object, all JSON and nothing else; returns their number. */
static int json_lines(const char *text) {
    int n = 0;
    static char copy[PROGRAMS_TEXT];
    memcpy(copy, text, sizeof copy);
    for (char *save, *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
        rf_json *root;
        if (rf_json_parse(line, strlen(line), &root) != RF_OK) fail_msg("no JSON: %s", line);
        rf_json_free(root);
    }
    return n;
}

static const char *const json_commands[] = {
    "$P/rf-detect " MODEL " " PICTURES " --score 0.01 --json",
    "$P/rf-eval " MODEL " --data @/set --json",
    "$P/rf-data check @/set --json",
    "$P/rf-bench targets configs/mnet025.ini --size 64x64 --iters 1 --json",
};
enum { JSON_COMMANDS = sizeof json_commands / sizeof *json_commands };

/* Names of what is open already: the JSON goes to where it stands, what is there stays, and the program's own words go
 * to stderr. */
static void streams_are_written_to_and_never_emptied(void **state) {
    (void)state;
    static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "@/link", "@/log"};
    assert_int_equal(symlink("/dev/stdout", at("@/link")), 0);
    static char log[PROGRAMS_TEXT];
    for (int c = 0; c < JSON_COMMANDS; c++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            char command[1024];
            write_text("@/log", "{\"old\":1}\n");
            snprintf(command, sizeof command, "%s %s >>@/log", json_commands[c], names[i]);
            shell_succeeds(command);
            read_text("@/log", log);
            if (strncmp(log, "{\"old\":1}\n", 10) != 0) fail_msg("%s emptied the log: %s", command, log);
            if (json_lines(log) < 2 || !*programs_err) fail_msg("%s: %s", command, log);
            assert_false(rf_file_exists("-"));
            snprintf(command, sizeof command, "%s %s | cat >@/piped", json_commands[c], names[i]);
            if (strcmp(names[i], "@/log") == 0) continue;
            shell_succeeds(command);
            read_text("@/piped", log);
            if (json_lines(log) < 1) fail_msg("%s", command);
        }
    /* Another descriptor, and a pipe with a name. */
    write_text("@/log", "{\"old\":1}\n");
    shell_succeeds("$P/rf-eval " MODEL " --data @/set --json /dev/fd/7 7>>@/log >@/words");
    read_text("@/log", log);
    assert_int_equal(json_lines(log), 2);
    read_text("@/words", log);
    assert_non_null(strstr(log, "ms an image"));
    assert_int_equal(mkfifo(at("@/pipe"), 0600), 0);
    shell_succeeds("cat @/pipe >@/got & $P/rf-detect " MODEL " " PICTURES " --json @/pipe >@/words && wait");
    read_text("@/got", log);
    assert_int_equal(json_lines(log), 3);
    struct stat info;
    assert_true(stat(at("@/pipe"), &info) == 0 && S_ISFIFO(info.st_mode));
    shell_succeeds("$P/rf-data mesh - >@/face.obj");
    read_text("@/face.obj", log);
    assert_ptr_equal(strstr(log, "v "), log);
    assert_null(strstr(log, "vertices"));
}

/* A list, a configuration or weights may come from a pipe; a list is asked for more than once. */
static void inputs_may_be_streams(void **state) {
    (void)state;
    shell_succeeds("echo 0--Synth/synth_val_000001.jpg | $P/rf-eval " MODEL
                   " --data @/set --list - --json @/listed.json >@/words");
    static char text[PROGRAMS_TEXT];
    read_text("@/listed.json", text);
    assert_non_null(strstr(text, "\"images\":1,"));
    shell_succeeds("cat @/model/config.ini | $P/rf-train - --plan >@/words");
    shell_succeeds("cat " MODEL " | $P/rf-detect --model - " PICTURES " >@/words");
    shell_succeeds(
        "echo 0--Synth/synth_val_000001.jpg | $P/rf-data check @/set/val/label.txt --list /dev/stdin >@/words");
    shell_succeeds("cat @/model/config.ini | $P/rf-train /dev/stdin --plan >@/words");
    shell_succeeds("cat @/model/config.ini | $P/rf-eval " MODEL " --data @/set --config /proc/self/fd/0 >@/words");
    assert_int_equal(shell("true | $P/rf-train -"), 2);
    assert_int_equal(shell("true | $P/rf-detect --model - " PICTURES), 2);
    assert_non_null(strstr(programs_err, "- is empty; expected a model"));
}

/* Found before anything is read: the model of these calls does not exist. */
static void outputs_that_cannot_be_written_are_found_first(void **state) {
    (void)state;
    static const char *const programs[] = {("rf-detect @/none.safetensors " PICTURES),
                                           "rf-eval @/none.safetensors --data @/set", "rf-data check @/none",
                                           "rf-bench targets @/none.safetensors"};
    write_text("@/file", "");
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        static const char *const wrong[][2] = {
            {"@/no/such/x.json", "cannot write '@/no/such/x.json': there is no folder '@/no/such'"},
            {"@/set", "cannot write '@/set': it is a folder"},
            {"@/file/x", "cannot write '@/file/x': Not a directory"},
            {"/proc/none", "cannot write '/proc/none'"},
            {"@/new/", "it is a folder, expected the name of a file"},
            {"/dev/fd/93", "descriptor 93 is not open"}};
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            char command[512];
            snprintf(command, sizeof command, "%s --json %s", programs[i], wrong[k][0]);
            refused(command, wrong[k][1]);
        }
    }
    static const char *const folders[] = {"rf-detect @/none.safetensors " PICTURES " --out",
                                          "rf-eval @/none.safetensors --data @/set --pred-out",
                                          "rf-eval @/none.safetensors --data @/set --gt @/none --report",
                                          "rf-bench ops @/none.safetensors --profile",
                                          "rf-data show @/set --out",
                                          "rf-data synth --out",
                                          "rf-data convert @/set --from label --out"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char command[512];
        snprintf(command, sizeof command, "%s @/file", folders[i]);
        refused(command, "'@/file' is no folder");
        snprintf(command, sizeof command, "%s @/file/below", folders[i]);
        refused(command, "cannot make the folder '@/file/below'");
        snprintf(command, sizeof command, "%s -", folders[i]);
        refused(command, "expected a folder, not a stream");
    }
    refused("rf-export @/none.safetensors -o -", "it is read back");
    assert_int_equal(mkdir(at("@/card.onnx.json"), 0777), 0);
    refused("rf-export @/none.safetensors -o @/card.onnx", "cannot write '@/card.onnx.json': it is a folder");
    refused("rf-detect @/none.safetensors " PICTURES " --out @/both_out --json @/both_out", "one is a folder");
    refused("rf-export @/none.safetensors -o @/file/x.onnx", "'@/file' is no folder");
    assert_int_equal(count_files("@/set", "json"), 0);
}

static void what_is_read_is_not_written_over(void **state) {
    (void)state;
    shell_succeeds("cp " PICTURES "/synth_val_000000.jpg @/p.jpg; cp @/p.jpg @/p.before; cp " MODEL " @/m.safetensors");
    assert_int_equal(symlink("p.jpg", at("@/alias")), 0);
    refused("rf-detect @/m.safetensors @/p.jpg --json @/p.jpg", "is a picture");
    refused("rf-detect @/m.safetensors @ --json @/p.jpg", "is a picture");
    refused("rf-detect @/m.safetensors @/p.jpg --json @/alias", "is a picture to look at itself");
    refused("rf-detect @/m.safetensors @/p.jpg --json @/m.safetensors", "is the model itself");
    refused("rf-detect @/m.safetensors @/p.jpg --out @", "would overwrite @/p.jpg itself");
    refused("rf-detect @/m.safetensors " PICTURES " --out " PICTURES, "would overwrite");
    refused("rf-eval @/m.safetensors --data @/set/val/label.txt --json @/set/val/label.txt",
            "is the annotation itself");
    refused("rf-data check @/set/val/label.txt --json @/set/val/label.txt", "is the annotation itself");
    refused("rf-export @/m.safetensors -o @/m.safetensors", "is the model itself");
    assert_true(same_bytes("@/p.jpg", "@/p.before"));
    assert_true(same_bytes("@/m.safetensors", MODEL));
}

/* Somebody without rights, since tests often run as root. */
static void missing_rights_are_told_as_such(void **state) {
    (void)state;
    static const char *const user = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    char command[1024];
    assert_int_equal(chmod(programs_dir, 0755), 0);
    assert_int_equal(mkdir(at("@/closed"), 0700), 0);
    assert_int_equal(mkdir(at("@/readable"), 0755), 0);
    write_text("@/readable/old.json", "old");
    snprintf(command, sizeof command, "%s $P/rf-data --version >@/words", user);
    if (geteuid() != 0 || shell(command) != 0) {
        printf("skip: rights are only tested by root with setpriv\n");
        return;
    }
    static const char *const cases[][2] = {
        {"rf-detect " MODEL " " PICTURES " --json @/readable/x.json",
         "cannot write '@/readable/x.json': Permission denied"},
        {"rf-detect " MODEL " " PICTURES " --json @/readable/old.json",
         "cannot write '@/readable/old.json': Permission denied"},
        {"rf-detect " MODEL " " PICTURES " --json @/closed/x.json", "Permission denied"},
        {"rf-detect " MODEL " " PICTURES " --out @/readable/new",
         "cannot make the folder '@/readable/new': Permission denied"},
        {"rf-detect " MODEL " @/closed/p.jpg", "Permission denied"},
        {"rf-detect @/closed/model.safetensors " PICTURES, "Permission denied"},
        {"rf-eval " MODEL " --data @/closed/set", "Permission denied"},
        {"rf-eval " MODEL " --data @/set --report @/readable/r --gt @/set", "Permission denied"},
        {"rf-eval " MODEL " --data @/set --pred-out @/closed", "Permission denied"},
        {"rf-data check @/closed/set", "Permission denied"},
        {"rf-data convert @/closed/set --from label --out @/x", "Permission denied"},
        {"rf-data synth --out @/closed/a/b", "Permission denied"},
        {"rf-export " MODEL " -o @/readable/x.onnx", "Permission denied"},
        {"rf-train @/closed/x.ini", "Permission denied"},
        {"rf-train configs/mnet025.ini --set data.root=@/closed/set --out @/x", "Permission denied"},
        {"rf-train configs/mnet025.ini --set data.root=@/set --out @/readable/run", "Permission denied"},
        {"rf-train configs/mnet025.ini --set data.root=@/set --out @/closed/run", "Permission denied"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(command, sizeof command, "%s $P/%s >@/words", user, cases[i][0]);
        int code = shell(command);
        if (code != 2 || !strstr(programs_err, at(cases[i][1])))
            fail_msg("%s\nended with %d: %s", cases[i][0], code, programs_err);
    }
    static char old[PROGRAMS_TEXT];
    read_text("@/readable/old.json", old);
    assert_string_equal(old, "old");
}

/* A picture whose name would lead out of the folder is refused with its line before anything is detected. */
static void names_of_annotations_stay_in_the_folder(void **state) {
    (void)state;
    shell_succeeds("mkdir -p @/evil/images/sub @/victim; cp @/p.jpg @/evil/images/sub/a.jpg; cp @/p.jpg @/evil/up.jpg");
    static const char *const names[] = {"../up.jpg", "sub/../../up.jpg", "@/p.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[512];
        snprintf(text, sizeof text, "# sub/a.jpg\n10 10 20 20\n# %s\n10 10 20 20\n", at(names[i]));
        write_text("@/evil/label.txt", text);
        refused("rf-eval " MODEL " --data @/evil --pred-out @/victim/out", "rename it in the data");
        refused("rf-eval " MODEL " --data @/evil --protocol wider_test --pred-out @/victim/out",
                "rename it in the data");
        assert_int_equal(count_files("@/victim", ""), 0);
    }
    write_text("@/evil/label.txt", "# sub/a.jpg\n10 10 20 20\n");
    assert_int_equal(mkdir(at("@/preds"), 0777), 0);
    assert_int_equal(symlink(at("@/victim"), at("@/preds/sub")), 0);
    refused("rf-eval " MODEL " --data @/evil --pred-out @/preds", "leads out of");
    assert_int_equal(mkdir(at("@/draws"), 0777), 0);
    assert_int_equal(symlink(at("@/victim"), at("@/draws/sub")), 0);
    run("rf-detect " MODEL " @/evil/images --out @/draws");
    assert_non_null(strstr(programs_err, "leads out of"));
    assert_int_equal(count_files("@/victim", ""), 0);
}

/* Formats whose texts are UTF-8 stay valid with settings that are not. */
static void files_are_utf8_whatever_the_settings_hold(void **state) {
    (void)state;
    static const char *const files[] = {"@/bytes.onnx", "@/bytes.onnx.json"};
    succeeds("rf-export " MODEL " -o @/bytes.onnx --set data.root=/d\xff\xc3/x");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint8_t *bytes;
        size_t n, found = 0;
        assert_int_equal(rf_file_read(at(files[i]), 0, &bytes, &n), RF_OK);
        for (size_t k = 0; k + 4 < n; k++) {
            if (memcmp(bytes + k, "/d\xff", 3) == 0) fail_msg("%s holds a byte that is not UTF-8", files[i]);
            found += memcmp(bytes + k, "/d\\", 3) == 0;
        }
        assert_true(found > 0);
        rf_free(bytes);
    }
}

/* Two pictures of one name have a result each, whose name does not depend on which of them can be read. */
static void pictures_of_one_name_have_a_result_each(void **state) {
    (void)state;
    shell_succeeds("mkdir -p @/one @/two @/both; cp @/p.jpg @/one/a.jpg; cp " PICTURES
                   "/synth_val_000001.jpg @/two/a.jpg; echo x >@/one/b.jpg; cp @/p.jpg @/two/b.jpg; cp @/p.jpg "
                   "@/both/p.jpg; cp @/p.jpg @/both/p.jpeg; cp @/p.jpg @/both/P.jpg; cp @/p.jpg @/both/x.y");
    static char lines[PROGRAMS_TEXT];
    assert_int_equal(run("rf-detect " MODEL " @/one @/two @/two/a.jpg @/both/x.y --out @/drawn --json @/drawn.jsonl"),
                     1);
    static const char *const files[] = {"a.jpg", "a-2.jpg", "a-3.jpg", "b-2.jpg", "x.y.jpg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, "@/drawn/%s", files[i]);
        if (!rf_file_exists(at(path))) fail_msg("no %s", files[i]);
    }
    assert_int_equal(count_files("@/drawn", ""), 5);
    assert_true(same_bytes("@/drawn/a-2.jpg", "@/drawn/a-3.jpg") && !same_bytes("@/drawn/a.jpg", "@/drawn/a-2.jpg"));
    read_text("@/drawn.jsonl", lines);
    assert_int_equal(json_lines(lines), 6);
    assert_non_null(strstr(lines, at("\"image\":\"@/two/a.jpg\",\"drawn\":\"a-2.jpg\"")));
    shell_succeeds("$P/rf-detect " MODEL " @/both --out @/drawn2 >@/words");
    assert_int_equal(count_files("@/drawn2", ""), 3);
    assert_non_null(strstr(programs_err, "P.jpg and p.jpg in"));
    write_text("@/both/label.txt", "# P.jpg\n10 10 30 30\n# p.jpg\n10 10 30 30\n# p.jpeg\n10 10 30 30\n");
    succeeds("rf-eval " MODEL " --data @/both --images @/both --pred-out @/both_pred");
    assert_int_equal(count_files("@/both_pred", ".txt"), 3);
    succeeds("rf-data show @/both/label.txt --images @/both --out @/both_look");
    assert_int_equal(count_files("@/both_look", ".jpg"), 3);
    succeeds("rf-data convert @/both/label.txt --from label --root @/both --out @/both_set");
    assert_int_equal(count_files("@/both_set/train/images", ""), 3);
}

/* No byte of a name reaches the terminal that could steer it, in any program. */
static void names_cannot_steer_the_terminal(void **state) {
    (void)state;
    static const char evil[] = "e\x1b]0;x\x07\nrf-detect: done\r\xc2\x9b\xff\xe2\x80\xae.jpg";
    char path[512];
    assert_int_equal(rf_dir_make(at("@/steer/images")), RF_OK);
    snprintf(path, sizeof path, "%s/%s", at("@/steer/images"), evil);
    uint8_t *bytes;
    size_t n;
    assert_int_equal(rf_file_read(at("@/p.jpg"), 0, &bytes, &n), RF_OK);
    assert_int_equal(rf_file_write_atomic(path, bytes, n), RF_OK);
    path[strlen(path) - 5] = '2';
    assert_int_equal(rf_file_write_atomic(path, "no picture", 10), RF_OK);
    write_text("@/steer/label.txt", "# bad\x1b[2J\xff.jpg\n10 10 20 20\n# \x1b.jpg\n10 a\x1b[1m 20 20\n");
    rf_free(bytes);
    static const char *const commands[] = {"rf-detect " MODEL " @/steer/images --json @/steer.json --out @/steer_out",
                                           "rf-data check @/steer",
                                           "rf-data show @/steer --out @/steer_look",
                                           "rf-eval " MODEL " --data @/steer",
                                           "rf-detect " MODEL " no\x1b[2J\x07\xff",
                                           "rf-train \x1b[31mx.ini",
                                           "rf-train configs/mnet025.ini --set a\x1b.b=c",
                                           "rf-eval --\x1b[2J",
                                           "rf-export x\x9b -o y\x1b",
                                           "rf-data \x1b[2J",
                                           "rf-data convert @/steer --from label --out @/steer_set",
                                           "rf-bench ops x\x1b --json y\x07/z",
                                           "rf-detect m p --score 1\x1b"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        run(commands[i]);
        for (int k = 0; k < 2; k++) {
            const char *text = k ? programs_err : programs_out;
            if (!rf_json_is_utf8(text)) fail_msg("command %zu prints no UTF-8: %s", i, text);
            for (const char *p = text; *p; p++)
                if ((unsigned char)*p < 32 && *p != '\n') fail_msg("command %zu prints byte %d", i, *p);
            assert_null(strstr(text, "\nrf-detect: done"));
            assert_null(strstr(text, "\xe2\x80\xae"));
            assert_null(strstr(text, "\xc2\x9b"));
        }
    }
    static char lines[PROGRAMS_TEXT];
    read_text("@/steer.json", lines);
    assert_true(json_lines(lines) >= 1 && rf_json_is_utf8(lines));
    assert_int_equal(count_files("@/steer_out", ".jpg"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_where_they_should),
        cmocka_unit_test(streams_are_written_to_and_never_emptied),
        cmocka_unit_test(inputs_may_be_streams),
        cmocka_unit_test(outputs_that_cannot_be_written_are_found_first),
        cmocka_unit_test(what_is_read_is_not_written_over),
        cmocka_unit_test(missing_rights_are_told_as_such),
        cmocka_unit_test(names_of_annotations_stay_in_the_folder),
        cmocka_unit_test(files_are_utf8_whatever_the_settings_hold),
        cmocka_unit_test(pictures_of_one_name_have_a_result_each),
        cmocka_unit_test(names_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
