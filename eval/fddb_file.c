#include "eval/fddb_file.h"

#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/counted.h"

enum { BOX_ROW = 5, ELLIPSE_ROW = 6 };

typedef struct reader {
    const char *path;
    const rf_dataset *dataset;
    rf_face_list *lists;
    rf_ellipse **ellipses;
    bool *named;
    size_t image; /* whose rows come */
    size_t found;
    int columns; /* of its rows, 0: none came yet */
} reader;

static bool is_named(const rf_sample *sample, const char *name, size_t bytes) {
    size_t n = strlen(sample->name);
    const char *dot = strrchr(rf_path_base(sample->name), '.');
    return (n == bytes && memcmp(sample->name, name, n) == 0) ||
           (dot && (size_t)(dot - sample->name) == bytes && memcmp(sample->name, name, bytes) == 0);
}

/* The images usually come in the order of the annotation, so the search begins behind the last one. */
static rf_status next_image(void *ctx, const char *name, size_t bytes, int line) {
    reader *r = ctx;
    size_t n = r->dataset->n_samples;
    for (size_t k = 0; k < n; k++) {
        size_t i = (r->image + 1 + k) % n;
        if (!is_named(&r->dataset->samples[i], name, bytes)) continue;
        if (r->named[i]) return rf_fail(RF_ERR_FORMAT, "%s:%d: %.*s a second time", r->path, line, (int)bytes, name);
        r->named[i] = true;
        r->image = i;
        r->columns = 0;
        r->found++;
        return RF_OK;
    }
    return rf_fail(RF_ERR_FORMAT, "%s:%d: %.*s is not in %s", r->path, line, (int)bytes, name,
                   r->dataset->annotation_path);
}

static rf_status add_ellipse(reader *r, const double *v, rf_face *face) {
    rf_ellipse ellipse = {(float)v[0], (float)v[1], (float)v[2], (float)v[3], (float)v[4]};
    size_t n = r->lists[r->image].n;
    double box[4];
    rf_ellipse *grown = rf_realloc(r->ellipses[r->image], n, n + 1, sizeof *grown);
    if (!grown) return RF_ERR_NOMEM;
    r->ellipses[r->image] = grown;
    grown[n] = ellipse;
    rf_ellipse_box(&ellipse, box);
    for (int k = 0; k < 4; k++) face->box[k] = (float)box[k];
    return RF_OK;
}

static rf_status add_row(void *ctx, const rf_line_reader *line, const double *v, int n) {
    reader *r = ctx;
    if (n != BOX_ROW && n != ELLIPSE_ROW)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %d numbers; expected x y w h score, or major minor angle x y score of an ellipse",
                       r->path, line->number, n);
    if (r->columns && n != r->columns)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: boxes and ellipses in one image", r->path, line->number);
    r->columns = n;
    rf_face face = {.score = (float)v[n - 1]};
    if (n == ELLIPSE_ROW && (v[0] < 0 || v[1] < 0))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a negative radius", r->path, line->number);
    RF_TRY(n == ELLIPSE_ROW ? add_ellipse(r, v, &face) : rf_line_box(line, v, face.box));
    return rf_face_list_push(&r->lists[r->image], &face);
}

rf_status rf_fddb_read(const char *path, const rf_dataset *dataset, rf_face_list *lists, rf_ellipse **ellipses,
                       size_t *n_missing) {
    uint8_t *text = NULL;
    size_t bytes = 0, n = dataset->n_samples;
    rf_status status = RF_ERR_NOMEM;
    reader r = {path, dataset, lists, ellipses, rf_alloc(n, sizeof *r.named), n ? n - 1 : 0, 0, 0};
    if (!r.named) goto fail;
    RF_TRY_GOTO(rf_file_read(path, (size_t)1 << 30, &text, &bytes));
    RF_TRY_GOTO(rf_text_check(path, (const char *)text, bytes));
    const rf_counted_reader call = {next_image, add_row, &r, "detections"};
    RF_TRY_GOTO(rf_counted_read(&call, path, (const char *)text, bytes));
    *n_missing = n - r.found;
    if (n && r.found == 0) status = rf_fail(RF_ERR_FORMAT, "%s: no image is named", path);
fail:
    rf_free(text);
    rf_free(r.named);
    return status;
}
