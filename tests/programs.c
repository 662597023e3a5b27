/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the programs under test. */
#define _GNU_SOURCE
#include "tests/programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"

char programs_dir[] = "/tmp/rf_test_cli_XXXXXX", programs_out[PROGRAMS_TEXT], programs_err[PROGRAMS_TEXT];
const char *programs_stdout = "@/stdout.txt";
size_t programs_file_limit, programs_memory_limit;
static char folder[512]; /* of the programs */
enum { PATIENCE = 300 };

static void expand(const char *text, char *to, size_t room) {
    size_t n = 0;
    for (; *text; text++) {
        assert_true(n + sizeof programs_dir < room);
        if (*text == '@')
            n += (size_t)sprintf(to + n, "%s", programs_dir);
        else
            to[n++] = *text;
    }
    to[n] = 0;
}

/* "@/x" is x in the test's folder. Eight results may be in use at once. */
const char *at(const char *text) {
    static char buffers[8][2048];
    static int turn;
    char *to = buffers[turn++ % 8];
    expand(text, to, sizeof buffers[0]);
    return to;
}

void read_text(const char *path, char text[PROGRAMS_TEXT]) {
    FILE *file = fopen(at(path), "rb");
    if (!file) fail_msg("%s is missing", at(path));
    text[fread(text, 1, PROGRAMS_TEXT - 1, file)] = 0;
    fclose(file);
}

static void redirect(int fd, const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, fd) < 0) _exit(99);
    close(file);
}

static int split(char *text, char **words) {
    int n = 0;
    for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) words[n++] = word;
    return n;
}

/* Starts a command of words between blanks. RF_RUNNER are the words of an emulator that runs another machine's programs
 * here ("qemu-aarch64 -L FOLDER", set by scripts/check_cross.sh); this test program itself was started by it too. */
pid_t start(const char *command) {
    static char text[1 << 18], *argv[1 << 13];
    char runner[1024] = "", program[1024];
    if (getenv("RF_RUNNER")) snprintf(runner, sizeof runner, "%s", getenv("RF_RUNNER"));
    int first = split(runner, argv), argc = first;
    expand(command, text, sizeof text);
    argc += split(text, argv + argc);
    argv[argc] = NULL;
    snprintf(program, sizeof program, "%s/%s", folder, argv[first]);
    if (first) argv[first] = program;
    *programs_out = 0;
    if (*programs_stdout == '@') unlink(at(programs_stdout)); /* or wait_for might see the last program's */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid) return pid;
    redirect(STDOUT_FILENO, at(programs_stdout));
    redirect(STDERR_FILENO, at("@/stderr.txt"));
    rlim_t bytes = programs_file_limit ? programs_file_limit : RLIM_INFINITY;
    struct rlimit limit = {bytes, bytes};
    signal(SIGXFSZ, SIG_IGN); /* writing then fails as on a full disk */
    setrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max = programs_memory_limit ? programs_memory_limit : RLIM_INFINITY;
    if (programs_memory_limit) setrlimit(RLIMIT_AS, &limit);
    alarm(PATIENCE);
    execvp(first ? argv[0] : program, argv);
    _exit(99);
}

/* The exit code, or 1000 + signal; what was printed is in programs_out and programs_err. */
int finish(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *programs_out = 0;
    if (*programs_stdout == '@') read_text(programs_stdout, programs_out);
    read_text("@/stderr.txt", programs_err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int run(const char *command) {
    return finish(start(command));
}

void succeeds(const char *command) {
    int code = run(command);
    if (code) fail_msg("%s\nended with %d: %s", command, code, programs_err);
}

/* Exit code 2 and one line on stderr with these words in it. */
void refused(const char *command, const char *words) {
    int code = run(command);
    size_t length = strlen(programs_err);
    if (code != 2 || !strstr(programs_err, at(words)) || !length ||
        strchr(programs_err, '\n') != programs_err + length - 1)
        fail_msg("%s\nended with %d, expected 2 and the words: %s\nstderr: %s", command, code, at(words), programs_err);
}

bool same_bytes(const char *a, const char *b) {
    uint8_t *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    if (rf_file_read(at(a), 0, &x, &n) != RF_OK || rf_file_read(at(b), 0, &y, &m) != RF_OK)
        fail_msg("%s", rf_error_message());
    bool same = n == m && memcmp(x, y, n) == 0;
    rf_free(x);
    rf_free(y);
    return same;
}

size_t count_files(const char *path, const char *part) {
    char **names;
    size_t n, found = 0;
    if (rf_dir_list(at(path), NULL, true, &names, &n) != RF_OK) fail_msg("%s", rf_error_message());
    for (size_t i = 0; i < n; i++) found += strstr(names[i], part) != NULL;
    rf_names_free(names, n);
    return found;
}

void wait_milliseconds(long n) {
    nanosleep(&(struct timespec){n / 1000, n % 1000 * 1000000}, NULL);
}

/* Until the running program has printed these words. */
void wait_for(const char *words) {
    for (int i = 0; i < PATIENCE * 1000; i++) {
        if (access(at(programs_stdout), R_OK) == 0) read_text(programs_stdout, programs_out);
        if (strstr(programs_out, words)) return;
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid) break;
        wait_milliseconds(1);
    }
    read_text("@/stderr.txt", programs_err);
    fail_msg("never printed: %s\nstderr: %s", words, programs_err);
}

void programs_set_up(void) {
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    assert_true(n > 0);
    for (int i = 0; i < 2; i++) *strrchr(folder, '/') = 0;
    assert_int_equal(setenv("P", folder, 1), 0);
    assert_non_null(mkdtemp(programs_dir));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    return remove(path);
}

int programs_tear_down(void) {
    return nftw(programs_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
