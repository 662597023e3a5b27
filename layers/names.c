/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define RF_NAMES_PREFIX(text) {.kind = RF_NAME_PREFIX, .file = text},
#define RF_NAMES_INTO(text) {.kind = RF_NAME_INTO, .file = text},
#define RF_NAMES_IGNORED(tail) {.kind = RF_NAME_IGNORED, .file = tail},
#define RF_NAMES_UNIT(conv, bn, our_conv, our_bn, epsilon)                                                             \
    {.kind = RF_NAME_UNIT, .file = conv, .file_bn = bn, .ours = our_conv, .ours_bn = our_bn, .eps = epsilon},
#define RF_NAMES_CONV(conv, our_conv) {.kind = RF_NAME_UNIT, .file = conv, .ours = our_conv},
#define RF_NAMES_BN(bn, our_bn, epsilon, fixed)                                                                        \
    {.kind = RF_NAME_UNIT, .file_bn = bn, .ours_bn = our_bn, .eps = epsilon, .fixed_scale = fixed},
#define RF_NAMES_HEAD(name, our_name, by_class)                                                                        \
    {.kind = RF_NAME_HEAD, .file = name, .ours = our_name, .class_major = by_class},
#define RF_NAMES_UNFIT(array, sentence) {.kind = RF_NAME_UNFIT, .file = array, .ours = sentence},
#define RF_NAMES_MODEL(array, without, config)                                                                         \
    {.kind = RF_NAME_MODEL, .file = array, .file_bn = without, .ours = config},
const rf_name_row rf_name_rows[] = {
#include "layers/names.def"
};
const size_t rf_name_row_count = sizeof rf_name_rows / sizeof *rf_name_rows;

/* ---- names ---- */

/* Replaces %L, %I and %S; false when there is no such level of the pattern. */
static bool expand(const char *pattern, int level, char out[RF_NAME_BYTES]) {
    size_t used = 0;
    bool levels = false;
    for (const char *p = pattern; *p && used + 4 < RF_NAME_BYTES; p++) {
        if (*p != '%') {
            out[used++] = *p;
            continue;
        }
        int value = *++p == 'L' ? level + 1 : *p == 'I' ? level : 8 << level;
        used += (size_t)snprintf(out + used, RF_NAME_BYTES - used, "%d", value);
        levels = true;
    }
    out[used] = 0;
    return levels || level == 0;
}

static bool join(const char *pattern, int level, const char *tail, char out[RF_NAME_BYTES]) {
    size_t used;
    if (!pattern || !expand(pattern, level, out)) return false;
    used = strlen(out);
    return snprintf(out + used, RF_NAME_BYTES - used, "%s", tail) < (int)(RF_NAME_BYTES - used);
}

static const struct {
    const char *file, *older, *ours;
    bool of_bn;
} roles[RF_NAME_ROLES] = {
    [RF_NAME_WEIGHT] = {"_weight", NULL, ".weight", false},
    [RF_NAME_BIAS] = {"_bias", NULL, ".bias", false},
    [RF_NAME_GAMMA] = {"_gamma", NULL, ".weight", true},
    [RF_NAME_BETA] = {"_beta", NULL, ".bias", true},
    [RF_NAME_MEAN] = {"_moving_mean", "_running_mean", ".running_mean", true},
    [RF_NAME_VAR] = {"_moving_var", "_running_var", ".running_var", true},
};

bool rf_name_write(const rf_name_row *row, int level, rf_name_role role, char file[RF_NAME_BYTES],
                   char ours[RF_NAME_BYTES]) {
    if (row->kind != RF_NAME_UNIT && row->kind != RF_NAME_HEAD) return false;
    bool bn = roles[role].of_bn;
    if (!join(bn ? row->file_bn : row->file, level, roles[role].file, file)) return false;
    ours[0] = 0;
    if (role == RF_NAME_BIAS && row->kind == RF_NAME_UNIT) return true;
    return join(bn ? row->ours_bn : row->ours, level, roles[role].ours, ours);
}

/* An array of the file by row, level and role; both spellings of the running statistics. */
static const rf_st_tensor *find_array(const rf_st_file *file, const rf_name_row *row, int level, rf_name_role role) {
    char name[RF_NAME_BYTES], ours[RF_NAME_BYTES];
    if (!rf_name_write(row, level, role, name, ours)) return NULL;
    const rf_st_tensor *t = rf_st_find(file, name);
    if (t || !roles[role].older) return t;
    return join(row->file_bn, level, roles[role].older, name) ? rf_st_find(file, name) : NULL;
}

static const char *without_prefixes(const char *name) {
    for (size_t i = 0; i < rf_name_row_count; i++) {
        const rf_name_row *row = &rf_name_rows[i];
        if (row->kind != RF_NAME_PREFIX || strncmp(name, row->file, strlen(row->file)) != 0) continue;
        name += strlen(row->file);
        i = (size_t)-1; /* again from the first row */
    }
    return name;
}

size_t rf_name_entry(const rf_params *params, const char *file_name) {
    char inside[2 * RF_NAME_BYTES];
    const char *name = without_prefixes(file_name);
    const rf_param *p = rf_params_find(params, name);
    for (size_t i = 0; !p && i < rf_name_row_count; i++) {
        if (rf_name_rows[i].kind != RF_NAME_INTO) continue;
        snprintf(inside, sizeof inside, "%s%s", rf_name_rows[i].file, name);
        p = rf_params_find(params, inside);
    }
    return p ? (size_t)(p - params->entries) : params->count;
}

bool rf_name_ignored(const char *file_name) {
    const char *name = without_prefixes(file_name);
    size_t n = strlen(name);
    for (size_t i = 0; i < rf_name_row_count; i++) {
        if (rf_name_rows[i].kind != RF_NAME_IGNORED) continue;
        const char *tail = rf_name_rows[i].file;
        size_t t = strlen(tail);
        if (n < t || strcmp(name + n - t, tail) != 0) continue;
        /* A layer called fc inside something else is no classifier. */
        if (n == t || (name[n - t - 1] == '.' && !strchr(tail, '.'))) return true;
    }
    return false;
}

static bool has(const rf_st_file *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(without_prefixes(file->tensors[i].name), name) == 0) return true;
    return false;
}

const char *rf_names_config(const rf_st_file *file) {
    for (size_t i = 0; i < rf_name_row_count; i++) {
        const rf_name_row *row = &rf_name_rows[i];
        if (row->kind == RF_NAME_MODEL && has(file, row->file) && !has(file, row->file_bn)) return row->ours;
    }
    return NULL;
}

/* ---- translation ---- */

typedef struct translation {
    const char *path;
    const rf_st_file *from;
    const rf_params *params;
    rf_st_file *to;
    float *numbers; /* room for what changes, in to->buffer */
    bool *taken;    /* arrays of `from` that have their place in `to`, or need none */
    bool fits_only; /* arrays of another shape are left */
    size_t absorbed;
} translation;

static bool same_shape(const rf_st_tensor *t, const rf_param *p) {
    bool same = p && t->n_dims == p->n_dims;
    for (int i = 0; same && i < t->n_dims; i++) same = t->dims[i] == p->dims[i];
    return same;
}

static rf_status put(translation *w, const rf_st_tensor *t, const char *name, const float *numbers) {
    rf_st_tensor *out = &w->to->tensors[w->to->count];
    *out = *t;
    out->name = rf_strdup(name);
    if (!out->name) return RF_ERR_NOMEM;
    if (numbers) out->data = numbers;
    w->to->count++;
    return RF_OK;
}

/* Room for the changed numbers of an array; they are float32 in every known file. */
static float *room(translation *w, const rf_st_tensor *t) {
    float *out = w->numbers;
    w->numbers += t->bytes / sizeof *out;
    memcpy(out, t->data, t->bytes);
    return out;
}

static bool is_vector(const rf_st_tensor *t, size_t n) {
    return t->dtype == RF_F32 && t->n_dims == 1 && t->dims[0] == n;
}

static double net_eps(const rf_params *params, const rf_param *gamma) {
    for (size_t f = 0; f < params->n_folds; f++)
        if (params->entries + params->folds[f].gamma == gamma) return params->folds[f].eps;
    return -1;
}

/* gamma is scaled so that gamma / sqrt(var + eps) is the same with this network's eps. */
static void adjust_gamma(float *gamma, const rf_st_tensor *var, double eps, double eps_here) {
    const float *v = var->data;
    for (size_t i = 0; eps_here != eps && i < var->dims[0]; i++)
        gamma[i] = (float)(gamma[i] * sqrt(((double)v[i] + eps_here) / ((double)v[i] + eps)));
}

/* File [cls][a][ins], here [a][cls][ins]. */
static void interleave(const rf_st_tensor *t, float *out) {
    const float *in = t->data;
    size_t anchors = t->dims[0] / 2, ins = t->bytes / sizeof *in / t->dims[0];
    for (size_t cls = 0; cls < 2; cls++)
        for (size_t a = 0; a < anchors; a++)
            memcpy(out + (2 * a + cls) * ins, in + (cls * anchors + a) * ins, ins * sizeof *in);
}

/* The numbers of one array of a unit or head as this network wants them, or NULL for those of the file. */
static rf_status change(translation *w, const rf_name_row *row, int level, rf_name_role role, const rf_st_tensor *t,
                        const rf_param *p, const float **out) {
    const rf_st_tensor *bias = find_array(w->from, row, level, RF_NAME_BIAS);
    const rf_st_tensor *var = find_array(w->from, row, level, RF_NAME_VAR);
    bool unit = row->kind == RF_NAME_UNIT;
    *out = NULL;
    if (unit && ((role == RF_NAME_GAMMA && var) || (role == RF_NAME_MEAN && bias))) {
        if (!is_vector(role == RF_NAME_GAMMA ? var : bias, t->dims[0]) || !is_vector(t, t->dims[0]))
            return rf_fail(RF_ERR_FORMAT, "%s: %s and what belongs to it are not of the same size", w->path, t->name);
        float *numbers = room(w, t);
        for (size_t i = 0; role == RF_NAME_GAMMA && row->fixed_scale && i < t->dims[0]; i++) numbers[i] = 1;
        if (role == RF_NAME_GAMMA) adjust_gamma(numbers, var, row->eps, net_eps(w->params, p));
        for (size_t i = 0; role == RF_NAME_MEAN && i < t->dims[0]; i++) numbers[i] -= ((const float *)bias->data)[i];
        *out = numbers;
    }
    if (row->class_major && t->dtype == RF_F32 && t->bytes && t->dims[0] % 2 == 0) {
        float *numbers = room(w, t);
        interleave(t, numbers);
        *out = numbers;
    }
    return RF_OK;
}

static rf_status take(translation *w, const rf_name_row *row, int level, rf_name_role role) {
    char file[RF_NAME_BYTES], ours[RF_NAME_BYTES];
    const rf_st_tensor *t = find_array(w->from, row, level, role);
    if (!t || !rf_name_write(row, level, role, file, ours)) return RF_OK;
    if (!*ours) { /* it goes into the mean, where that is taken */
        const rf_st_tensor *mean = find_array(w->from, row, level, RF_NAME_MEAN);
        rf_name_write(row, level, RF_NAME_MEAN, file, ours);
        if (!mean || (w->fits_only && !same_shape(mean, rf_params_find(w->params, ours)))) return RF_OK;
        w->absorbed++;
        w->taken[t - w->from->tensors] = true;
        return RF_OK;
    }
    const rf_param *p = rf_params_find(w->params, ours);
    const float *numbers = NULL;
    if (!p || (w->fits_only && !same_shape(t, p))) return RF_OK;
    if (same_shape(t, p)) RF_TRY(change(w, row, level, role, t, p, &numbers));
    w->taken[t - w->from->tensors] = true;
    return put(w, t, ours, numbers);
}

static rf_status take_all(translation *w) {
    for (size_t i = 0; i < rf_name_row_count; i++)
        for (int level = 0; level < RF_NAME_LEVELS; level++)
            for (int role = 0; role < RF_NAME_ROLES; role++)
                RF_TRY(take(w, &rf_name_rows[i], level, (rf_name_role)role));
    for (size_t i = 0; i < w->from->count; i++)
        if (!w->taken[i]) RF_TRY(put(w, &w->from->tensors[i], w->from->tensors[i].name, NULL));
    return RF_OK;
}

/* Whether any array has another program's name: most files have none, and cost nothing then. */
static bool is_foreign(const rf_st_file *file) {
    for (size_t i = 0; i < rf_name_row_count; i++)
        for (int level = 0; level < RF_NAME_LEVELS; level++)
            for (int role = 0; role < RF_NAME_ROLES; role++)
                if (find_array(file, &rf_name_rows[i], level, (rf_name_role)role)) return true;
    return false;
}

rf_status rf_names_translate(const char *path, const rf_st_file *file, const rf_params *params, rf_names_result *out) {
    rf_status status = RF_ERR_NOMEM;
    translation w = {.path = path, .from = file, .params = params};
    *out = (rf_names_result){0};
    size_t bytes = 0;
    for (size_t i = 0; i < file->count; i++) bytes += file->tensors[i].bytes;
    for (size_t i = 0; i < rf_name_row_count; i++) {
        if (rf_name_rows[i].kind != RF_NAME_UNFIT || !rf_st_find(file, rf_name_rows[i].file)) continue;
        if (!out->note) out->note = rf_name_rows[i].ours;
        w.fits_only = true;
    }
    if (!is_foreign(file)) return RF_OK;
    w.to = rf_alloc(1, sizeof *w.to);
    w.taken = rf_alloc(file->count, sizeof *w.taken);
    if (!w.to || !w.taken) goto fail;
    w.to->tensors = rf_alloc(file->count, sizeof *w.to->tensors);
    w.to->buffer = rf_alloc(bytes, 1);
    if (!w.to->tensors || !w.to->buffer) goto fail;
    w.to->buffer_bytes = bytes;
    w.numbers = (float *)w.to->buffer;
    RF_TRY_GOTO(take_all(&w));
    out->absorbed = w.absorbed;
    out->file = w.to;
    w.to = NULL;
    status = RF_OK;
fail:
    rf_st_free(w.to);
    rf_free(w.taken);
    return status;
}
