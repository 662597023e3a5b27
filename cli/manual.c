/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manual.h"

#include <ctype.h>
#include <string.h>

#include "core/show.h"

static const char exit_status[] =
    "  0 done, 2 a mistake in the call, a file or a setting, 3 out of memory, 4 NaN or infinity, 130\n"
    "  stopped by a signal (SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU), with what was begun saved or removed";

/* In every table, after its own. */
static const rf_option common[] = {{"help", 'h', RF_OPT_FLAG, NULL, NULL, "this text", 0, 0},
                                   {"version", 0, RF_OPT_FLAG, NULL, NULL, "the version, and what this build is", 0, 0},
                                   {0}};

/* ---- --help ---- */

static void help_option(const rf_option *o, rf_text *out) {
    if (o->letter) rf_text_printf(out, "  -%c, --%s", o->letter, o->name);
    if (!o->letter) rf_text_printf(out, "  --%s", o->name);
    rf_text_printf(out, o->value ? " %s\n" : "\n", o->value);
    for (const char *line = o->doc; line && *line;) {
        size_t n = strcspn(line, "\n");
        rf_text_printf(out, "        %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

void rf_manual_help(const rf_program *program, const rf_command *commands, rf_text *out) {
    rf_text_printf(out, "NAME\n  %s - %s\n\nSYNOPSIS\n  %s %s\n", program->name, program->summary, program->name,
                   program->synopsis);
    rf_text_printf(out, "\nDESCRIPTION\n%s\n", program->description);
    if (commands) rf_text_put(out, "\nCOMMANDS\n");
    for (const rf_command *c = commands; c && c->name; c++) rf_text_printf(out, "  %-10s %s\n", c->name, c->summary);
    if (commands) rf_text_printf(out, "  %s COMMAND --help tells more.\n", program->name);
    if (!commands || program->options) rf_text_put(out, "\nOPTIONS\n");
    for (const rf_option *o = program->options; o && o->name; o++) help_option(o, out);
    for (const rf_option *o = common; !commands && o->name; o++) help_option(o, out);
    if (program->examples) rf_text_printf(out, "\nEXAMPLES\n%s\n", program->examples);
    if (program->notes) rf_text_printf(out, "\n%s\n", program->notes);
    rf_text_printf(out, "\nEXIT STATUS\n%s\n", exit_status);
}

/* ---- man ---- */

enum { PAGE_WIDTH = 78 }; /* of the lines that troff fills */

/* n bytes with what troff would take for its own made plain. Only inside a line. */
static void put_plain(rf_text *out, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '-')
            rf_text_put(out, "\\-");
        else if (text[i] == '\\')
            rf_text_put(out, "\\e");
        else
            rf_text_put_bytes(out, text + i, 1);
    }
}

/* A line that stands as it is. */
static void put_line(rf_text *out, const char *line, size_t n) {
    if (n && (*line == '.' || *line == '\'')) rf_text_put(out, "\\&");
    put_plain(out, line, n);
    rf_text_put(out, "\n");
}

/* The words of a line, to be filled; a line of the source is cut before it gets long. */
static void put_words(rf_text *out, const char *line, size_t n) {
    size_t used = 0;
    for (const char *at = line, *stop = line + n; at < stop;) {
        size_t blanks = strspn(at, " ");
        at += blanks;
        size_t word = strcspn(at, " \n");
        if (at >= stop || !word) break;
        if (used && used + 1 + word > PAGE_WIDTH) {
            rf_text_put(out, "\n");
            used = 0;
        }
        if (used) rf_text_put(out, " ");
        if (!used && (*at == '.' || *at == '\'')) rf_text_put(out, "\\&");
        put_plain(out, at, word);
        used += word + 1;
        at += word;
    }
    if (used) rf_text_put(out, "\n");
}

/* Whether a line of a text is laid out by hand: set in further than the text, or with gaps between its columns. */
static bool is_laid_out(const char *line, size_t n, size_t margin) {
    size_t blanks = strspn(line, " ");
    if (blanks > margin) return blanks < n;
    for (size_t i = blanks; i + 1 < n; i++)
        if (line[i] == ' ' && line[i + 1] == ' ') return true;
    return false;
}

/* Paragraphs as they come, lines that are laid out as they are, headings (capitals at the left margin) as sections.
 * `open`: a section has been opened, so that the first paragraph needs no break. */
static void put_prose(rf_text *out, const char *text, size_t margin, bool open) {
    bool filled = true, gap = !open;
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        bool heading = margin && n && isupper((unsigned char)*line) && !memchr(line, ' ', n);
        bool laid_out = !heading && is_laid_out(line, n, margin);
        if (n && filled == laid_out) rf_text_put(out, laid_out ? (open ? ".PP\n.nf\n" : ".nf\n") : ".fi\n");
        if (n) filled = !laid_out;
        if (heading)
            rf_text_printf(out, ".SH %.*s\n", (int)n, line);
        else if (n && gap && filled)
            rf_text_put(out, ".PP\n");
        gap = n == 0;
        open = n && !heading;
        if (laid_out)
            put_line(out, line + margin, n - margin);
        else if (!heading)
            put_words(out, line, n);
        line += n + (line[n] == '\n');
    }
    if (!filled) rf_text_put(out, ".fi\n");
}

static void page_option(const rf_option *o, rf_text *out) {
    rf_text_put(out, ".TP\n");
    if (o->letter) rf_text_printf(out, "\\fB\\-%c\\fR, ", o->letter);
    rf_text_put(out, "\\fB\\-\\-");
    put_plain(out, o->name, strlen(o->name));
    rf_text_put(out, "\\fR");
    if (o->value) {
        rf_text_put(out, " \\fI");
        put_plain(out, o->value, strlen(o->value));
        rf_text_put(out, "\\fR");
    }
    rf_text_put(out, "\n");
    put_prose(out, o->doc, 0, true);
}

/* "rf-data synth" has the page rf-data-synth. */
static void put_page_name(rf_text *out, const char *name, bool capitals) {
    for (const char *c = name; *c; c++) {
        char letter = *c == ' ' ? '-' : capitals ? (char)toupper((unsigned char)*c) : *c;
        put_plain(out, &letter, 1);
    }
}

static void page_see_also(const rf_program *program, const rf_command *commands, rf_text *out) {
    bool front = strcmp(program->name, "rf") == 0;
    rf_text_put(out, ".SH SEE ALSO\n");
    if (!front) rf_text_put(out, ".BR rf (1)");
    size_t parent = strcspn(program->name, " ");
    if (!front && program->name[parent] && parent > 2) {
        rf_text_put(out, ",\n.BR ");
        put_plain(out, program->name, parent);
        rf_text_put(out, " (1)");
    }
    for (const rf_command *c = commands; c && c->name; c++) {
        rf_text_put(out, c == commands && front ? ".BR " : ",\n.BR ");
        put_plain(out, program->name, strlen(program->name));
        rf_text_put(out, "\\-");
        put_plain(out, c->name, strlen(c->name));
        rf_text_put(out, " (1)");
    }
    rf_text_put(out, "\n");
}

void rf_manual_page(const rf_program *program, const rf_command *commands, const char *date, rf_text *out) {
    rf_text_put(out, ".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Made by rf help --man.\n.TH ");
    put_page_name(out, program->name, true);
    rf_text_printf(out, " 1 \"%s\" \"rf %s\" \"User Commands\"\n.SH NAME\n", date, RF_VERSION);
    put_page_name(out, program->name, false);
    rf_text_put(out, " \\- ");
    put_line(out, program->summary, strlen(program->summary));
    rf_text_put(out, ".SH SYNOPSIS\n.B ");
    put_line(out, program->name, strlen(program->name));
    put_words(out, program->synopsis, strlen(program->synopsis));
    rf_text_put(out, ".SH DESCRIPTION\n");
    put_prose(out, program->description, 2, true);
    if (commands) rf_text_put(out, ".SH COMMANDS\n");
    for (const rf_command *c = commands; c && c->name; c++) {
        rf_text_put(out, ".TP\n.B ");
        put_line(out, c->name, strlen(c->name));
        put_words(out, c->summary, strlen(c->summary));
    }
    if (!commands || program->options) rf_text_put(out, ".SH OPTIONS\n");
    for (const rf_option *o = program->options; o && o->name; o++) page_option(o, out);
    for (const rf_option *o = common; !commands && o->name; o++) page_option(o, out);
    if (program->examples) {
        rf_text_put(out, ".SH EXAMPLES\n.nf\n");
        for (const char *line = program->examples; *line;) {
            size_t n = strcspn(line, "\n"), margin = n < 2 ? n : 2;
            put_line(out, line + margin, n - margin);
            line += n + (line[n] == '\n');
        }
        rf_text_put(out, ".fi\n");
    }
    if (program->notes && *program->notes == ' ') rf_text_put(out, ".SH NOTES\n");
    if (program->notes) put_prose(out, program->notes, 2, *program->notes == ' ');
    rf_text_put(out, ".SH EXIT STATUS\n");
    put_prose(out, exit_status, 2, true);
    page_see_also(program, commands, out);
}
