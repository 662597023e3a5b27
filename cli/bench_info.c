/* SPDX-License-Identifier: Apache-2.0 */
/* rf bench info: what a report of a fault or a time should say about the build and the machine. */
#define _GNU_SOURCE
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/peak.h"
#include "cli/bench.h"
#include "cli/say.h"
#include "cli/version.h"
#include "core/deflate.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/processors.h"
#include "core/team.h"
#include "data/image.h"
#include "data/xml.h"

static const char name[] = "rf-bench info";

enum { LINE = 512 };

/* ---- each fact is a line and a member of the JSON ---- */

static void tell(rf_json_writer *w, const char *key, const char *value) {
    if (!*value) return;
    rf_say("%-14s %s\n", key, value);
    rf_json_put_string(w, key, value);
}

static void tell_number(rf_json_writer *w, const char *key, double value, const char *unit) {
    rf_say("%-14s %.5g%s%s\n", key, value, *unit ? " " : "", unit);
    rf_json_put_number(w, key, value);
}

/* The first line of a file of the system, without its end; "" when it cannot be read. */
static void first_line(const char *path, char line[LINE]) {
    FILE *f = fopen(path, "re");
    line[0] = 0;
    if (!f) return;
    if (!fgets(line, LINE, f)) line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    fclose(f);
}

/* What follows a key in a file of "key   : value" or KEY="value" lines; "" when there is none. */
static void value_of(const char *path, const char *key, char value[LINE]) {
    char line[LINE];
    size_t n = strlen(key);
    FILE *f = fopen(path, "re");
    value[0] = 0;
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, n) != 0 || !strchr(" \t:=", line[n])) continue;
        char *at = line + n + strspn(line + n, " \t:=\"");
        at[strcspn(at, "\"\n")] = 0;
        snprintf(value, LINE, "%s", at);
        break;
    }
    if (f) fclose(f);
}

/* ---- the facts ---- */

static rf_status tell_build(rf_json_writer *w) {
    rf_text t = {0};
    char *isas = NULL;
    rf_version_isas(&t);
    RF_TRY(rf_text_finish(&t, &isas, NULL));
    tell(w, "version", RF_VERSION);
    tell(w, "commit", rf_commit);
    tell(w, "compiler", rf_compiler);
    tell(w, "variant", rf_variant);
    tell(w, "machine", rf_machine);
    tell(w, "isas", isas);
    tell(w, "isa", rf_isa_text(rf_isa_current()));
    tell(w, "threads_kind", rf_team_kind);
    rf_free(isas);
    return RF_OK;
}

static void tell_processor(rf_json_writer *w) {
    char text[LINE];
    rf_processors p = rf_processors_find("");
    value_of("/proc/cpuinfo", "model name", text);
    if (!*text) value_of("/proc/cpuinfo", "cpu", text);      /* POWER */
    if (!*text) value_of("/proc/cpuinfo", "CPU part", text); /* ARM has numbers only */
    tell(w, "processor", text);
    tell_number(w, "processors", (double)sysconf(_SC_NPROCESSORS_ONLN), "");
    tell_number(w, "affinity", p.mask, "");
    if (p.quota > 0) tell_number(w, "quota", p.quota, "");
    first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text);
    tell(w, "governor", text);
    rf_json_put_int(w, "threads", rf_get_threads());
    char threads[RF_THREADS_TEXT];
    rf_say("%-14s %s\n", "threads", rf_threads_text(threads, sizeof threads));
}

/* "L1d 48K, L1i 32K, L2 2048K, L3 260096K", of the first processor. */
static void tell_caches(rf_json_writer *w) {
    char all[LINE] = "";
    size_t used = 0;
    for (int i = 0; i < 8; i++) {
        char path[LINE], part[3][LINE];
        static const char *const parts[] = {"level", "type", "size"};
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, parts[k]);
            first_line(path, part[k]);
        }
        if (!*part[2]) break;
        const char *kind = strcmp(part[1], "Data") == 0 ? "d" : strcmp(part[1], "Instruction") == 0 ? "i" : "";
        int n = snprintf(all + used, sizeof all - used, "%sL%.4s%s %.16s", used ? ", " : "", part[0], kind, part[2]);
        if (n < 0 || (size_t)n >= sizeof all - used) break;
        used += (size_t)n;
    }
    tell(w, "caches", all);
}

static void tell_system(rf_json_writer *w) {
    char text[LINE], line[2 * LINE];
    struct utsname system;
    double page = (double)sysconf(_SC_PAGESIZE);
    tell_number(w, "memory_gb", page * (double)sysconf(_SC_PHYS_PAGES) / 1e9, "GB");
    value_of("/proc/meminfo", "MemAvailable", text);
    if (*text) tell_number(w, "available_gb", strtod(text, NULL) * 1024 / 1e9, "GB");
    value_of("/etc/os-release", "PRETTY_NAME", text);
    if (uname(&system) == 0) {
        snprintf(line, sizeof line, "%s%s%s %s", text, *text ? ", " : "", system.sysname, system.release);
        tell(w, "system", line);
    }
}

static void tell_libraries(rf_json_writer *w) {
    tell(w, "libc", gnu_get_libc_version());
    tell(w, "jpeg", rf_image_jpeg_version());
    tell(w, "png", rf_image_png_version());
    tell(w, "zlib", rf_zlib_version());
    tell(w, "expat", rf_xml_version());
    tell(w, "cjson", rf_json_version());
}

/* Variables of the environment that begin with RF_. */
static void tell_variables(rf_json_writer *w) {
    rf_json_begin_object(w, "environment");
    for (char **v = environ; v && *v; v++) {
        char key[64];
        size_t n = strcspn(*v, "=");
        if (strncmp(*v, "RF_", 3) != 0 || n >= sizeof key || !(*v)[n]) continue;
        snprintf(key, sizeof key, "%.*s", (int)n, *v);
        rf_say("%-14s %s\n", key, *v + n + 1);
        rf_json_put_string(w, key, *v + n + 1);
    }
    rf_json_end_object(w);
}

static rf_status tell_all(rf_json_writer *w, bool measure) {
    rf_peak peak;
    RF_TRY(tell_build(w));
    tell_processor(w);
    tell_caches(w);
    tell_system(w);
    tell_libraries(w);
    tell_variables(w);
    if (!measure) return RF_OK;
    rf_say_flush();
    RF_TRY(rf_peak_measure(&peak));
    tell_number(w, "peak_gflops", peak.gflops, "GFLOP/s");
    tell_number(w, "peak_gb_s", peak.gb_s, "GB/s");
    return RF_OK;
}

int rf_bench_info(int argc, char **argv) {
    const char *json = NULL;
    bool measure = true;
    long threads = 0;
    const rf_option options[] = {
        {"measure", 0, RF_OPT_FLAG, &measure, NULL,
         "also measure the peak of multiply-adds and of memory, a second's work (on; --no-measure)", 0, 0},
        {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC, 0, 1024},
        {"json", 0, RF_OPT_TEXT, &json, "FILE", "write the facts as one JSON object; -: to stdout", 0, 0},
        {0}};
    const rf_program program = {
        name,
        "what a bug report should say about build and machine",
        "[options]",
        "  Prints version, commit, compiler and instruction sets, the processor with its caches, what of it\n"
        "  this process may use, memory, system, the libraries that run, variables RF_* of the environment,\n"
        "  and the measured peak. Nothing else of the environment, and no file, is told.",
        options,
        "  rf-bench info\n  rf-bench info --no-measure --json info.json",
        NULL,
        0,
        0};
    size_t n;
    rf_output_file file = {0};
    rf_json_writer w = {0};
    char *text = NULL;
    rf_args_action action = rf_args_parse(&program, argc, argv, NULL, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    rf_set_threads((int)threads);
    rf_status status = rf_output_open("--json", json, &file);
    rf_json_begin_object(&w, NULL);
    if (status == RF_OK) status = tell_all(&w, measure);
    rf_json_end_object(&w);
    rf_status written = rf_json_finish(&w, &text);
    if (status == RF_OK) status = written;
    if (status == RF_OK) status = rf_output_write(&file, text);
    rf_output_close(&file);
    rf_free(text);
    return status == RF_OK ? 0 : rf_cli_fail(name, status);
}
