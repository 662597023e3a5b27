/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- quota ---- */

enum { LINE = 2 * PATH_MAX };

/* A hierarchy of control groups in which the processor's time can be limited. */
typedef struct hierarchy {
    bool v2;
    bool found;      /* in /proc/self/cgroup */
    bool mounted;    /* a mount shows our group */
    char path[LINE]; /* of our group */
    double quota;    /* the smallest so far; 0: none */
} hierarchy;

/* The next line without its end; one that is too long is passed over. */
static bool next_line(FILE *f, char line[LINE]) {
    while (fgets(line, LINE, f)) {
        size_t n = strlen(line);
        if (n > 0 && line[n - 1] == '\n') {
            line[n - 1] = 0;
            return true;
        }
        if (n + 1 < LINE) return n > 0;
        int c;
        do {
            c = fgetc(f);
        } while (c != '\n' && c != EOF);
    }
    return false;
}

static FILE *open_below(const char *root, const char *path) {
    char name[LINE];
    int n = snprintf(name, sizeof name, "%s%s", root, path);
    return n > 0 && n < LINE ? fopen(name, "re") : NULL;
}

static bool list_has(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == 0)) return true;
    return false;
}

/* /proc/self/cgroup: "4:cpu,cpuacct:/path", or "0::/path" for version 2. */
static void find_groups(const char *root, hierarchy *v1, hierarchy *v2) {
    char line[LINE];
    FILE *f = open_below(root, "/proc/self/cgroup");
    if (!f) return;
    while (next_line(f, line)) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *controllers++ = 0;
        *path++ = 0;
        hierarchy *h = *controllers == 0 && strcmp(line, "0") == 0 ? v2 : list_has(controllers, "cpu") ? v1 : NULL;
        if (!h) continue;
        h->found = true;
        snprintf(h->path, sizeof h->path, "%s", path);
    }
    fclose(f);
}

/* The limit that one group sets; 0: none. */
static double quota_of(const char *root, const char *group, bool v2) {
    char name[LINE], text[64];
    const char *files[] = {v2 ? "cpu.max" : "cpu.cfs_quota_us", "cpu.cfs_period_us"};
    double value[2] = {0, 0};
    for (int i = 0; i < (v2 ? 1 : 2); i++) {
        int n = snprintf(name, sizeof name, "%s/%s", group, files[i]);
        FILE *f = n > 0 && n < LINE ? open_below(root, name) : NULL;
        bool read = f && fgets(text, sizeof text, f);
        if (f) fclose(f);
        if (!read) return 0;
        char *end; /* "max" is no number, and version 1 says -1 */
        value[i] = (double)strtoll(text, &end, 10);
        if (v2) value[1] = (double)strtoll(end, NULL, 10);
    }
    return value[0] > 0 && value[1] > 0 ? value[0] / value[1] : 0;
}

/* The group `below` of a mount and all around it up to the mount itself. */
static void walk_up(const char *root, const char *mount, const char *below, hierarchy *h) {
    char group[LINE];
    size_t stop = strlen(mount);
    int n = snprintf(group, sizeof group, "%s%s", mount, below);
    if (n < 0 || n >= LINE) return;
    for (;;) {
        double quota = quota_of(root, group, h->v2);
        if (quota > 0 && (h->quota == 0 || quota < h->quota)) h->quota = quota;
        char *slash = strrchr(group, '/');
        if (!slash || (size_t)(slash - group) < stop) return;
        *slash = 0;
    }
}

/* mountinfo writes blanks and the like as \040. */
static void unescape(char *text) {
    char *out = text;
    for (const char *in = text; *in; in++) {
        bool octal = in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' &&
                     in[3] <= '7';
        *out++ = octal ? (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + in[3] - '0') : *in;
        if (octal) in += 3;
    }
    *out = 0;
}

/* What of `path` lies below `top`: "" or "/...". NULL: it does not lie there, or a group of another namespace. */
static const char *path_below(const char *path, const char *top) {
    size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);
    if (strncmp(path, top, n) != 0 || (path[n] != '/' && path[n] != 0) || strncmp(path, "/..", 3) == 0) return NULL;
    return strcmp(path + n, "/") == 0 ? "" : path + n;
}

/* One line of mountinfo: id parent device root mount options [more...] - type source options. `blind`: for hierarchies
 * none of whose mounts holds our group, the top of each. */
static void use_mount(const char *root, char *line, hierarchy *v1, hierarchy *v2, bool blind) {
    char *field[6], *save = NULL, *rest = strstr(line, " - ");
    if (!rest) return;
    *rest = 0;
    for (int i = 0; i < 6; i++)
        if (!(field[i] = strtok_r(i ? NULL : line, " ", &save))) return;
    char *type = strtok_r(rest + 3, " ", &save), *source = strtok_r(NULL, " ", &save);
    char *options = source ? strtok_r(NULL, " ", &save) : NULL;
    hierarchy *h = type && strcmp(type, "cgroup2") == 0                                 ? v2
                   : options && strcmp(type, "cgroup") == 0 && list_has(options, "cpu") ? v1
                                                                                        : NULL;
    if (!h || !h->found || (blind && h->mounted)) return;
    unescape(field[3]);
    unescape(field[4]);
    const char *below = blind ? "" : path_below(h->path, field[3]);
    if (!below) return;
    h->mounted = true;
    walk_up(root, strcmp(field[4], "/") == 0 ? "" : field[4], below, h);
}

double rf_processors_quota(const char *root) {
    hierarchy v1 = {.v2 = false}, v2 = {.v2 = true};
    char line[LINE];
    find_groups(root, &v1, &v2);
    for (int blind = 0; blind < 2; blind++) {
        FILE *f = open_below(root, "/proc/self/mountinfo");
        if (!f) return 0;
        while (next_line(f, line)) use_mount(root, line, &v1, &v2, blind);
        fclose(f);
    }
    return v1.quota > 0 && (v2.quota == 0 || v1.quota < v2.quota) ? v1.quota : v2.quota;
}

/* ---- all ---- */

/* The kernel refuses a set that is smaller than its own. */
static int mask_count(void) {
    for (int bits = 1024; bits <= 1 << 20; bits *= 2) {
        cpu_set_t *set = CPU_ALLOC(bits);
        if (!set) break;
        size_t bytes = CPU_ALLOC_SIZE(bits);
        int n = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (n > 0) return n;
    }
    return 1;
}

rf_processors rf_processors_find(const char *root) {
    rf_processors p = {.mask = mask_count(), .quota = rf_processors_quota(root)};
    p.all = p.mask >= sysconf(_SC_NPROCESSORS_ONLN);
    p.count = p.mask;
    if (p.quota > 0 && p.quota < p.mask) {
        p.count = (int)p.quota;
        if (p.count < p.quota) p.count++;
    }
    return p;
}
