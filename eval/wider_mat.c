/* SPDX-License-Identifier: Apache-2.0 */
/* The official MATLAB files of WIDER FACE. A variable is a 61 x 1 cell array (events) of n x 1 cell
 * arrays (images): boxes (n x 4 numbers, column by column), names (text) or 1-based box numbers of a subset. */
#include "eval/wider_gt.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/file.h"
#include "core/mat_file.h"
#include "core/mem.h"

/* One open file, for messages. */
typedef struct source {
    char *path;
    rf_mat_file *mat;
} source;

static void source_close(source *s) {
    rf_mat_close(s->mat);
    rf_free(s->path);
    *s = (source){0};
}

static rf_status source_open(const char *dir, const char *name, source *s) {
    *s = (source){.path = rf_path_join(dir, name)};
    if (!s->path) return RF_ERR_NOMEM;
    rf_status status = rf_mat_open(s->path, &s->mat);
    return status == RF_ERR_IO
               ? rf_fail(status, "%s; expected the WIDER FACE evaluation's ground truth", rf_error_message())
               : status;
}

static size_t elements(const rf_mat_array *v) {
    return v ? v->n : 0;
}

/* The i-th element of a cell array, or NULL. */
static const rf_mat_array *cell_at(const rf_mat_array *cells, size_t i) {
    return cells && cells->kind == RF_MAT_CELLS && i < cells->n ? &cells->cells[i] : NULL;
}

static rf_status read_cells(const source *s, const char *name, rf_mat_array **out) {
    RF_TRY(rf_mat_read(s->mat, name, out));
    if ((*out)->kind == RF_MAT_CELLS) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: the variable %s is no cell array", s->path, name);
}

enum { NAME_BYTES = 512 };

static bool is_name(const rf_mat_array *v) {
    return v && v->kind == RF_MAT_TEXT && v->text && v->n > 0 && v->n < NAME_BYTES;
}

static rf_status add_image(const source *s, const char *event, const rf_mat_array *name, const rf_mat_array *boxes,
                           rf_wider_gt *gt) {
    char full[2 * NAME_BYTES];
    if (!is_name(name))
        return rf_fail(RF_ERR_FORMAT, "%s: file_list of event %s has an entry that is no text", s->path, event);
    snprintf(full, sizeof full, "%s/%s", event, name->text);
    size_t n = elements(boxes);
    if (n > 0 && (boxes->kind != RF_MAT_NUMBERS || boxes->columns != 4))
        return rf_fail(RF_ERR_FORMAT, "%s: face_bbx_list of %s is not an n x 4 array of numbers", s->path, full);
    n /= 4;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 4; k++) {
            double x = boxes->numbers[k * n + i];
            /* Negative widths occur in the official files; such a box just overlaps nothing. */
            if (!isfinite(x) || fabs(x) > 1e6)
                return rf_fail(RF_ERR_FORMAT, "%s: box %zu of %s has the number %g", s->path, i + 1, full, x);
            gt->boxes[gt->n_boxes + i][k] = (float)x;
        }
    rf_wider_image *added = &gt->images[gt->n_images];
    *added = (rf_wider_image){.name = rf_strdup(full), .first_box = gt->n_boxes, .n_boxes = n};
    if (!added->name) return RF_ERR_NOMEM;
    gt->n_images++;
    gt->n_boxes += n;
    return RF_OK;
}

static rf_status add_events(const source *s, const rf_mat_array *events, const rf_mat_array *files,
                            const rf_mat_array *boxes, rf_wider_gt *gt) {
    size_t n_events = elements(events), n_images = 0, n_numbers = 0;
    if (n_events != elements(files) || n_events != elements(boxes))
        return rf_fail(RF_ERR_FORMAT, "%s: event_list, file_list and face_bbx_list have %zu, %zu and %zu events",
                       s->path, n_events, elements(files), elements(boxes));
    for (size_t e = 0; e < n_events; e++) {
        if (!cell_at(files, e) || elements(cell_at(files, e)) != elements(cell_at(boxes, e)))
            return rf_fail(RF_ERR_FORMAT, "%s: file_list and face_bbx_list of event %zu differ in length", s->path,
                           e + 1);
        n_images += elements(cell_at(files, e));
        for (size_t i = 0; i < elements(cell_at(boxes, e)); i++) n_numbers += elements(cell_at(cell_at(boxes, e), i));
    }
    gt->images = rf_alloc(n_images, sizeof *gt->images);
    gt->boxes = rf_alloc(n_numbers / 4, sizeof *gt->boxes);
    gt->subsets = rf_alloc(n_numbers / 4, sizeof *gt->subsets);
    if (!gt->images || !gt->boxes || !gt->subsets) return RF_ERR_NOMEM;
    for (size_t e = 0; e < n_events; e++) {
        const rf_mat_array *event = cell_at(events, e);
        if (!is_name(event)) return rf_fail(RF_ERR_FORMAT, "%s: event_list: entry %zu is no text", s->path, e + 1);
        const rf_mat_array *names = cell_at(files, e), *faces = cell_at(boxes, e);
        for (size_t i = 0; i < elements(names); i++)
            RF_TRY(add_image(s, event->text, cell_at(names, i), cell_at(faces, i), gt));
    }
    return RF_OK;
}

static rf_status read_faces(const char *dir, rf_wider_gt *gt) {
    source s;
    rf_mat_array *events = NULL, *files = NULL, *boxes = NULL;
    rf_status status = source_open(dir, "wider_face_val.mat", &s);
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(read_cells(&s, "event_list", &events));
    RF_TRY_GOTO(read_cells(&s, "file_list", &files));
    RF_TRY_GOTO(read_cells(&s, "face_bbx_list", &boxes));
    RF_TRY_GOTO(add_events(&s, events, files, boxes, gt));
fail:
    rf_mat_free(boxes);
    rf_mat_free(files);
    rf_mat_free(events);
    source_close(&s);
    return status;
}

static rf_status mark_image(const source *s, const rf_mat_array *rows, const rf_wider_image *image, int subset,
                            uint8_t *subsets) {
    size_t n = elements(rows);
    if (n > 0 && rows->kind != RF_MAT_NUMBERS)
        return rf_fail(RF_ERR_FORMAT, "%s: gt_list of %s holds no numbers", s->path, image->name);
    for (size_t i = 0; i < n; i++) {
        double row = rows->numbers[i];
        if (!(row >= 1 && row <= (double)image->n_boxes) || row != floor(row))
            return rf_fail(RF_ERR_FORMAT, "%s: gt_list of %s names box %g; expected 1 to %zu", s->path, image->name,
                           row, image->n_boxes);
        uint8_t *flags = &subsets[image->first_box + (size_t)row - 1];
        if (*flags >> subset & 1)
            return rf_fail(RF_ERR_FORMAT, "%s: gt_list of %s names box %g twice", s->path, image->name, row);
        *flags |= (uint8_t)(1u << subset);
    }
    return RF_OK;
}

static rf_status mark_subset(const source *s, const rf_mat_array *lists, int subset, rf_wider_gt *gt) {
    size_t n = 0, image = 0;
    for (size_t e = 0; e < elements(lists); e++) n += elements(cell_at(lists, e));
    if (n != gt->n_images)
        return rf_fail(RF_ERR_FORMAT, "%s: gt_list has %zu images, wider_face_val.mat %zu; fetch both again", s->path,
                       n, gt->n_images);
    for (size_t e = 0; e < elements(lists); e++) {
        const rf_mat_array *event = cell_at(lists, e);
        for (size_t i = 0; i < elements(event); i++, image++)
            RF_TRY(mark_image(s, cell_at(event, i), &gt->images[image], subset, gt->subsets));
    }
    return RF_OK;
}

static rf_status read_subset(const char *dir, int subset, rf_wider_gt *gt) {
    char name[64];
    snprintf(name, sizeof name, "wider_%s_val.mat", rf_wider_subset_names[subset]);
    source s;
    rf_mat_array *lists = NULL;
    rf_status status = source_open(dir, name, &s);
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(read_cells(&s, "gt_list", &lists));
    status = mark_subset(&s, lists, subset, gt);
fail:
    rf_mat_free(lists);
    source_close(&s);
    return status;
}

rf_status rf_wider_gt_read(const char *dir, rf_wider_gt **out) {
    *out = NULL;
    rf_status status = RF_ERR_NOMEM;
    rf_wider_gt *gt = rf_alloc(1, sizeof *gt);
    if (!gt) goto fail;
    RF_TRY_GOTO(read_faces(dir, gt));
    for (int subset = 0; subset < RF_WIDER_SUBSETS; subset++) RF_TRY_GOTO(read_subset(dir, subset, gt));
    RF_TRY_GOTO(rf_wider_gt_index(gt));
    *out = gt;
    return RF_OK;
fail:
    rf_wider_gt_free(gt);
    return status;
}
