/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/args_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/kernels/cpu.h"
#include "cli/manual.h"
#include "cli/say.h"
#include "cli/version.h"
#include "settings/settings.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/show.h"
#include "core/signals.h"
#include "core/text.h"

int rf_args_exit_code(rf_args_action action) {
    return action == RF_ARGS_WRONG ? 2 : 0;
}

int rf_cli_fail(const char *name, rf_status status) {
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", name, rf_error_message()); /* shown already, and memory may be out */
    return rf_exit_code(status);
}

int rf_cli_usage(const char *name, const char *fmt, ...) {
    rf_text t = {0};
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    rf_show_vprintf(&t, fmt, args);
    va_end(args);
    if (rf_text_finish(&t, &text, NULL) == RF_OK) rf_note("%s: %s; see %s --help\n", name, text, name);
    rf_free(text);
    return 2;
}

/* A text that was built, and whether there was memory for it. */
static rf_args_action print_text(const rf_program *program, rf_text *t) {
    char *text = NULL;
    if (rf_text_finish(t, &text, NULL) != RF_OK) {
        rf_cli_fail(program->name, RF_ERR_NOMEM);
        return RF_ARGS_WRONG;
    }
    rf_say_text(text);
    rf_free(text);
    return RF_ARGS_DONE;
}

static rf_args_action print_help(const rf_program *program, const rf_command *commands) {
    rf_text t = {0};
    rf_manual_help(program, commands, &t);
    return print_text(program, &t);
}

static bool parse_real(const char *text, double *out) {
    char *stop;
    errno = 0;
    *out = strtod(text, &stop);
    return *text && *stop == 0 && errno == 0 && isfinite(*out);
}

static bool parse_whole(const char *text, long *out) {
    char *stop;
    errno = 0;
    *out = strtol(text, &stop, 10);
    return *text && *stop == 0 && errno == 0;
}

static bool in_range(const rf_option *o, double value) {
    return (o->lo == 0 && o->hi == 0) || (value >= o->lo && value <= o->hi);
}

/* One wrong value: what it is called, what was expected. */
static bool wrong_value(const rf_program *program, const rf_option *o, const char *text, const char *expected) {
    if (o->lo == 0 && o->hi == 0)
        rf_cli_usage(program->name, "--%s %s: expected %s", o->name, text, expected);
    else
        rf_cli_usage(program->name, "--%s %s: expected %s from %.10g to %.10g", o->name, text, expected, o->lo, o->hi);
    return false;
}

static bool store_size(const rf_program *program, const rf_option *o, const char *text) {
    const char *cross = strchr(text, 'x');
    char first[16];
    long w, h;
    if (cross && (size_t)(cross - text) < sizeof first) {
        memcpy(first, text, (size_t)(cross - text));
        first[cross - text] = 0;
        if (parse_whole(first, &w) && parse_whole(cross + 1, &h) && w > 0 && h > 0 && w < 1 << 24 && h < 1 << 24 &&
            in_range(o, (double)w) && in_range(o, (double)h)) {
            ((int *)o->target)[0] = (int)w;
            ((int *)o->target)[1] = (int)h;
            return true;
        }
    }
    return wrong_value(program, o, text, "WIDTHxHEIGHT");
}

/* Arrays of lists, each with a pointer to the one before in front: lists have no end of their own. */
static const char **list_arrays;

rf_status rf_text_list_add(rf_text_list *list, const char *text) {
    if (list->n == list->capacity) {
        size_t grown = list->capacity ? 2 * list->capacity : 16;
        const char **array = rf_alloc(grown + 1, sizeof *array);
        if (!array) return RF_ERR_NOMEM;
        array[0] = (const char *)list_arrays;
        list_arrays = array;
        if (list->n) memcpy(array + 1, list->v, list->n * sizeof *array);
        list->v = array + 1;
        list->capacity = grown;
    }
    list->v[list->n++] = text;
    return RF_OK;
}

bool rf_text_list_sets(const rf_text_list *list, const char *key) {
    static const char blanks[] = " \t";
    for (size_t i = 0; i < list->n; i++) {
        const char *at = list->v[i], *k = key;
        while (*at && *at != '=' && (*at == *k || strchr(blanks, *at))) k += !strchr(blanks, *at++);
        if (*at == '=' && *k == 0) return true;
    }
    return false;
}

/* "KEY=VALUE" at the end of a list of settings; the text lives as long as the list. */
static bool add_setting(const rf_program *program, rf_text_list *sets, const char *key, size_t length,
                        const char *value) {
    rf_text t = {0};
    char *text = NULL;
    rf_text_printf(&t, "%.*s=%s", (int)length, key, value);
    rf_status status = rf_text_finish(&t, &text, NULL);
    if (status == RF_OK) status = rf_text_list_add(sets, text);
    if (status == RF_OK) return true;
    rf_free(text);
    rf_cli_fail(program->name, status);
    return false;
}

/* Puts a value into its target; false after a message. */
static bool store(const rf_program *program, const rf_option *o, const char *text) {
    long whole;
    double real;
    char *stop;
    switch (o->kind) {
    case RF_OPT_INT:
        if (!parse_whole(text, &whole) || !in_range(o, (double)whole))
            return wrong_value(program, o, text, "a whole number");
        *(long *)o->target = whole;
        return true;
    case RF_OPT_SEED:
        errno = 0;
        *(uint64_t *)o->target = strtoull(text, &stop, 10);
        if (*text < '0' || *text > '9' || *stop || errno)
            return wrong_value(program, o, text, "a whole number, 0 or more");
        return true;
    case RF_OPT_REAL:
        if (!parse_real(text, &real) || !in_range(o, real)) return wrong_value(program, o, text, "a number");
        *(double *)o->target = real;
        return true;
    case RF_OPT_TEXT:
        *(const char **)o->target = text;
        return true;
    case RF_OPT_SIZE:
        return store_size(program, o, text);
    case RF_OPT_LIST:
        if (rf_text_list_add(o->target, text) == RF_OK) return true;
        rf_cli_fail(program->name, RF_ERR_NOMEM);
        return false;
    case RF_OPT_KEY: {
        const rf_option_key *key = o->target;
        return add_setting(program, key->sets, key->key, strlen(key->key), text);
    }
    case RF_OPT_FLAG:
    case RF_OPT_TOGGLE:
        break;
    }
    return false;
}

static bool is_flag(const rf_option *o) {
    return o->kind == RF_OPT_FLAG || o->kind == RF_OPT_TOGGLE;
}

/* --section.key VALUE or =VALUE, where there is --set. */
static bool take_key(const rf_program *program, int argc, char **argv, int *i) {
    const char *word = argv[*i] + 2, *value = strchr(word, '=');
    const rf_option *set = rf_args_find(program, "set", 3);
    size_t length = strcspn(word, "=");
    if (!set || set->kind != RF_OPT_LIST) return rf_args_unknown(program, argv[*i]);
    if (value) return add_setting(program, set->target, word, length, value + 1);
    if (*i + 1 < argc) return add_setting(program, set->target, word, length, argv[++*i]);
    rf_cli_usage(program->name, "--%s needs a value", word);
    return false;
}

/* Handles the option word argv[*i]; moves *i over a separate value. False after a message. */
static bool take_option(const rf_program *program, int argc, char **argv, int *i) {
    const char *word = argv[*i], *value = NULL;
    const rf_option *o = NULL;
    bool off = false;
    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        if (word[2 + length] == '=') value = word + 2 + length + 1;
        o = rf_args_find(program, word + 2, length);
        if (!o && strncmp(word, "--no-", 5) == 0) {
            o = rf_args_find(program, word + 5, length - 3);
            off = true;
            if (o && !is_flag(o)) o = NULL;
        }
    } else {
        for (size_t k = 0; k < rf_args_count(program); k++)
            if (program->options[k].letter == word[1]) o = &program->options[k];
        if (o && word[2]) value = word + 2;
    }
    if (!o && word[1] == '-' && memchr(word, '.', strcspn(word, "="))) return take_key(program, argc, argv, i);
    if (!o) return rf_args_unknown(program, word);
    if (is_flag(o)) {
        if (value) {
            rf_cli_usage(program->name, "--%s takes no value", o->name);
            return false;
        }
        if (o->kind == RF_OPT_FLAG)
            *(bool *)o->target = !off;
        else
            *(int *)o->target = !off;
        return true;
    }
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    double number;
    if (!value && *o->value == '[' && (!next || !parse_real(next, &number))) return store(program, o, "");
    if (!value && next && strncmp(next, "--", 2) == 0 && rf_args_find(program, next + 2, strcspn(next + 2, "="))) {
        rf_cli_usage(program->name, "--%s needs a value, %s, before %s", o->name, o->value, next);
        return false;
    }
    if (!value && next) value = argv[++*i];
    if (!value) {
        rf_cli_usage(program->name, "--%s needs a value, %s", o->name, o->value);
        return false;
    }
    return store(program, o, value);
}

/* At the end of the program: results that could not be printed are a failure, too (the disk behind "> file" is full).
 * When a signal told so (SIGPIPE: the reader is gone, SIGHUP: the terminal is) it has said all there is to say. */
static void check_stdout(void) {
    bool bad = ferror(stdout) != 0;
    errno = 0;
    if (fflush(stdout) == 0 && !bad) return;
    if (rf_signal_pending()) _exit(rf_exit_code(RF_ERR_INTERRUPTED));
    fprintf(stderr, "%s: cannot write to the standard output: %s\n", program_invocation_short_name,
            errno ? strerror(errno) : "an earlier write failed");
    _exit(2);
}

/* A stream that the caller closed (">&-") must not become the next file that is opened: what is printed would land in
 * it. */
static void reserve_streams(void) {
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        while (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) >= 0) continue;
}

static void watch_stdout(void) {
    static bool watched;
    reserve_streams();
    if (!watched) atexit(check_stdout);
    watched = true;
}

/* RF_ISA is a choice like an option: a wrong one is not passed over. */
static rf_args_action check_environment(const rf_program *program) {
    const char *isa = getenv("RF_ISA");
    if (!isa || !*isa || rf_isa_select(isa) == RF_OK) return RF_ARGS_RUN;
    rf_cli_fail(program->name, RF_ERR_USER);
    return RF_ARGS_WRONG;
}

static rf_args_action print_version(const rf_program *program) {
    rf_text t = {0};
    if (check_environment(program) != RF_ARGS_RUN) return RF_ARGS_WRONG;
    rf_version_text(program->name, &t);
    return print_text(program, &t);
}

/* While a visit goes on, programs are handed to it instead of parsing. */
static struct {
    rf_args_visit_fn *fn;
    void *ctx;
} visitor;

void rf_args_visit(int (*entry)(int argc, char **argv), rf_args_visit_fn *visit, void *ctx) {
    char *argv[] = {(char *)"", NULL};
    visitor.fn = visit;
    visitor.ctx = ctx;
    entry(1, argv);
    visitor.fn = NULL;
}

rf_args_action rf_args_parse(const rf_program *program, int argc, char **argv, const char **positional, size_t *n) {
    *n = 0;
    bool options_ended = false;
    if (visitor.fn) {
        visitor.fn(visitor.ctx, program, NULL);
        return RF_ARGS_DONE;
    }
    watch_stdout();
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            return print_help(program, NULL);
        } else if (!options_ended && strcmp(word, "--version") == 0) {
            return print_version(program);
        } else if (!options_ended && word[0] == '-' && word[1]) { /* "-" alone stands for a stream */
            if (!take_option(program, argc, argv, &i)) return RF_ARGS_WRONG;
        } else if (*n == program->max_positional) {
            rf_cli_usage(program->name, "unexpected argument \"%s\"", word);
            return RF_ARGS_WRONG;
        } else {
            positional[(*n)++] = word;
        }
    }
    if (*n >= program->min_positional) return check_environment(program);
    rf_cli_usage(program->name, "too few arguments; usage: %s %s", program->name, program->synopsis);
    return RF_ARGS_WRONG;
}

static int visit_commands(const rf_program *program, const rf_command *commands) {
    visitor.fn(visitor.ctx, program, commands);
    for (const rf_command *c = commands; c->name; c++) {
        char *argv[] = {(char *)c->name, NULL};
        c->fn(1, argv);
    }
    return 0;
}

int rf_commands_run(const rf_program *program, const rf_command *commands, int argc, char **argv) {
    const char *names[RF_OPTIONS_MAX], *word = argc > 1 ? argv[1] : "";
    size_t n = 0;
    if (visitor.fn) return visit_commands(program, commands);
    watch_stdout();
    for (const rf_command *c = commands; c->name; c++) {
        if (strcmp(word, c->name) == 0) return c->fn(argc - 1, argv + 1);
        if (n < RF_OPTIONS_MAX) names[n++] = c->name;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        return rf_args_exit_code(print_help(program, commands));
    }
    if (strcmp(word, "--version") == 0) return rf_args_exit_code(print_version(program));
    const char *near = *word ? rf_nearest_name(word, names, n) : NULL;
    if (!*word) return rf_cli_usage(program->name, "a command is missing");
    if (near) return rf_cli_usage(program->name, "unknown command \"%s\", did you mean %s", word, near);
    return rf_cli_usage(program->name, "unknown command \"%s\"", word);
}
