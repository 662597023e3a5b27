/* SPDX-License-Identifier: Apache-2.0 */
/* rf help: the manuals of the commands, as pages for man, and completion for shells; all from the tables of the
 * programs. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "cli/programs.h"
#include "cli/say.h"
#include "cli/version.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"

static const char name[] = "rf help";

enum { NAME_BYTES = 64, NAMES_MAX = 64 };

/* What is looked for, and every name there is for the sentence when it is not found. */
typedef struct search {
    char wanted[NAME_BYTES];
    const char *pages; /* folder that every page is written to; NULL: print the one that is wanted */
    bool page, found;
    rf_status status;
    rf_text out;
    char names[NAMES_MAX][NAME_BYTES];
    size_t n;
} search;

/* "rf-data synth", "data synth" and "rf-data-synth" are one: "rf-data-synth". */
static void page_name(const char *words, char out[NAME_BYTES]) {
    bool whole = strncmp(words, "rf-", 3) == 0 || strncmp(words, "rf ", 3) == 0 || strcmp(words, "rf") == 0;
    snprintf(out, NAME_BYTES, "%s%s", whole ? "" : "rf-", words);
    for (char *c = out; *c; c++)
        if (*c == ' ') *c = '-';
}

static rf_status write_page(search *s, const char *page) {
    char file[NAME_BYTES + 3], *text = NULL, *path = NULL;
    size_t bytes;
    RF_TRY(rf_text_finish(&s->out, &text, &bytes));
    snprintf(file, sizeof file, "%s.1", page);
    path = rf_path_join(s->pages, file); /* own name */
    rf_status status = path ? rf_file_write_atomic(path, text, bytes) : RF_ERR_NOMEM;
    rf_free(path);
    rf_free(text);
    return status;
}

static void look(void *ctx, const rf_program *program, const rf_command *commands) {
    search *s = ctx;
    char page[NAME_BYTES];
    page_name(program->name, page);
    if (s->n < NAMES_MAX) memcpy(s->names[s->n++], page, sizeof page);
    if (!s->pages && strcmp(page, s->wanted) != 0) return;
    s->found = true;
    if (s->pages || s->page)
        rf_manual_page(program, commands, rf_commit_date, &s->out);
    else
        rf_manual_help(program, commands, &s->out);
    if (s->pages && s->status == RF_OK) s->status = write_page(s, page);
}

static rf_status unknown(const search *s) {
    const char *names[NAMES_MAX];
    for (size_t i = 0; i < s->n; i++) names[i] = s->names[i];
    const char *near = rf_nearest_name(s->wanted, names, s->n);
    return rf_fail(RF_ERR_USER, "there is no command %s%s%s; rf help lists them", s->wanted,
                   near ? ", did you mean " : "", near ? near : "");
}

static rf_status say(rf_text *t) {
    char *text = NULL;
    RF_TRY(rf_text_finish(t, &text, NULL));
    rf_say_text(text);
    rf_free(text);
    return RF_OK;
}

int rf_help_main(int argc, char **argv) {
    static search s;
    const char *shell = NULL, *words[2];
    bool page = false;
    const rf_option options[] = {
        {"man", 0, RF_OPT_FLAG, &page, NULL, "the manual page in troff: rf help train --man | man -l -", 0, 0},
        {"pages", 0, RF_OPT_TEXT, &s.pages, "DIR", "write every manual page into DIR", 0, 0},
        {"completion", 0, RF_OPT_TEXT, &shell, "bash|zsh",
         "what completes commands, options and settings in a shell: source <(rf help --completion bash)", 0, 0},
        {0}};
    static const char description[] =
        "  Prints the manual of a command, as COMMAND --help does; without one, the list of commands.";
    const rf_program program = {name,
                                "manuals, manual pages and completion",
                                "[COMMAND [COMMAND]] [options]",
                                description,
                                options,
                                "  rf help data synth\n  rf help train --man | man -l -",
                                NULL,
                                0,
                                2};
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, words, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    char joined[NAME_BYTES];
    snprintf(joined, sizeof joined, "%s%s%s", n ? words[0] : "rf", n > 1 ? " " : "", n > 1 ? words[1] : "");
    page_name(joined, s.wanted);
    s.page = page;
    if (shell) {
        s.status = rf_completion_text(shell, rf_front_main, &s.out);
        if (s.status == RF_OK) s.status = say(&s.out);
        return s.status == RF_OK ? 0 : rf_cli_fail(name, s.status);
    }
    if (s.pages) s.status = rf_dir_make(s.pages);
    if (s.status == RF_OK) rf_args_visit(rf_front_main, look, &s);
    if (s.status == RF_OK && !s.found) s.status = unknown(&s);
    if (s.status == RF_OK && !s.pages) s.status = say(&s.out);
    return s.status == RF_OK ? 0 : rf_cli_fail(name, s.status);
}
