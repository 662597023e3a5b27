/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: a table of options with typed targets, one for every program and subcommand. --help and --version come
 * with it. Words: --name value, --name=value, -n value, -nvalue; flags --name, and --no-name to switch one off; "--"
 * ends the options. Options and positional arguments may be mixed. Where there is --set, --section.key VALUE sets any
 * key. */
#ifndef RF_CLI_ARGS_H
#define RF_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum rf_option_kind {
    RF_OPT_FLAG,   /* bool */
    RF_OPT_TOGGLE, /* int: -1 as long as neither --name (1) nor --no-name (0) is given */
    RF_OPT_INT,    /* long, lo..hi */
    RF_OPT_SEED,   /* uint64_t */
    RF_OPT_REAL,   /* double, lo..hi */
    RF_OPT_TEXT,   /* const char *, pointing into argv */
    RF_OPT_SIZE,   /* int[2] from WIDTHxHEIGHT, lo..hi each */
    RF_OPT_LIST,   /* rf_text_list; the option may be repeated */
    RF_OPT_KEY,    /* rf_option_key: a setting of the configuration under a short name */
} rf_option_kind;

/* Start from zeros. Texts are borrowed, usually from argv; the array lives until the program ends. */
typedef struct rf_text_list {
    const char **v;
    size_t n, capacity;
} rf_text_list;
/* Not thread safe. */
rf_status rf_text_list_add(rf_text_list *list, const char *text);

/* --batch 4 as --set train.batch=4: "train.batch=4" is added to the list. The configuration checks the value. */
typedef struct rf_option_key {
    rf_text_list *sets;
    const char *key; /* "train.batch" */
} rf_option_key;

/* Whether one of a list's "section.key=value", with blanks as the configuration allows them, sets `key`. */
bool rf_text_list_sets(const rf_text_list *list, const char *key);

typedef struct rf_option {
    const char *name; /* without "--" */
    char letter;      /* 0: none */
    rf_option_kind kind;
    void *target;      /* of the kind's type; holds the default before parsing */
    const char *value; /* what the value is called in the help, "DIR"; NULL for flags; "[SHARE]" of a text: a number may
                          follow, else the text is empty */
    const char *doc;   /* one line or more; the default belongs into it */
    double lo, hi;     /* allowed range of numbers; both 0: any */
} rf_option;

/* Of --model, in every program that takes one (cli/find.h). */
#define RF_MODEL_DOC                                                                                                   \
    "instead of the argument MODEL: a file of weights, a run's folder (its best, else its last), or the name\n"        \
    "of a model in ., $RF_MODELS or the installation"
/* Of --threads, in every program. */
#define RF_THREADS_DOC "threads, 0: as many as the affinity mask and the CPU quota allow (0)"

typedef struct rf_program {
    const char *name;     /* "rf-data" or "rf-data synth" */
    const char *summary;  /* after the name in the first line of the help */
    const char *synopsis; /* what follows the name */
    const char *description;
    const rf_option *options; /* ends with a row of zeros; may be NULL */
    const char *examples;     /* lines of commands, indented by two spaces; may be NULL */
    const char *notes;        /* further sections, e.g. exit codes beyond the common ones; may be NULL */
    size_t min_positional, max_positional;
} rf_program;

typedef enum rf_args_action {
    RF_ARGS_RUN,   /* go on */
    RF_ARGS_DONE,  /* help or version was printed to stdout: end with exit code 0 */
    RF_ARGS_WRONG, /* one sentence was printed to stderr: end with exit code 2 */
} rf_args_action;

/* max_positional when there may be as many as the system takes. */
#define RF_ANY_NUMBER SIZE_MAX

/* Parses argv[1..argc). Positional arguments go to positional[max_positional] (NULL when there are none), their number
 * into *n. positional may be argv itself, which has room for any number: nothing is read after its place is taken. */
rf_args_action rf_args_parse(const rf_program *program, int argc, char **argv, const char **positional, size_t *n);
/* The exit code of an action that is not RF_ARGS_RUN. */
int rf_args_exit_code(rf_args_action action);

/* A program of several commands: a row a command, then a row of zeros. fn gets argv from the command's name on. */
typedef struct rf_command {
    const char *name, *summary;
    int (*fn)(int argc, char **argv);
} rf_command;

/* Runs the command that argv[1] names and returns its exit code; handles --help, --version and unknown commands. */
int rf_commands_run(const rf_program *program, const rf_command *commands, int argc, char **argv);

/* What goes through the tables instead of running: called with each program, and with its commands when it has some
 * (NULL when it has none), a program of commands before them. Both live until the call returns. */
typedef void rf_args_visit_fn(void *ctx, const rf_program *program, const rf_command *commands);

/* Visits what the program `entry` and its commands would parse their words by. Nothing runs, for a program does nothing
 * before rf_args_parse or rf_commands_run. Completion, manual pages and tests of the tables come from here. Not thread
 * safe. */
void rf_args_visit(int (*entry)(int argc, char **argv), rf_args_visit_fn *visit, void *ctx);

/* Prints "name: message" (this thread's error message) to stderr and returns the status' exit code. */
int rf_cli_fail(const char *name, rf_status status);
/* The same with a message of one's own; returns 2, the exit code of wrong usage. */
int rf_cli_usage(const char *name, const char *fmt, ...) RF_PRINTF(2, 3);

#endif
