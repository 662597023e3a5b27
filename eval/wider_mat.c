/* The official MATLAB files of WIDER FACE, through matio. A variable is a 61 x 1 cell array (events) of n x 1 cell
 * arrays (images): boxes (n x 4 numbers, column by column), names (text) or 1-based box numbers of a subset. */
#include "eval/wider_gt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <matio.h>

#include "core/file.h"
#include "core/mem.h"

/* One open file and where in it we are, for messages. */
typedef struct source {
    char *path;
    mat_t *mat;
} source;

static void source_close(source *s) {
    if (s->mat) Mat_Close(s->mat);
    rf_free(s->path);
    *s = (source){0};
}

/* A little-endian version-5 file is a 128-byte header and elements of 8 + size bytes: whether it ends with an element.
 * matio itself reads a file whose end was cut off as if the rest were zero. */
static bool is_complete(FILE *file) {
    uint8_t header[128], tag[8];
    if (fread(header, 1, sizeof header, file) != sizeof header) return false;
    if (memcmp(header + 124, "\x00\x01IM", 4) != 0) return true; /* another version: left to matio */
    if (fseek(file, 0, SEEK_END) != 0) return false;
    long end = ftell(file), at = sizeof header;
    while (at < end) {
        if (fseek(file, at, SEEK_SET) != 0 || fread(tag, 1, sizeof tag, file) != sizeof tag) return false;
        at += 8 + ((long)tag[4] | (long)tag[5] << 8 | (long)tag[6] << 16 | (long)tag[7] << 24);
    }
    return at == end && end > (long)sizeof header;
}

static rf_status source_open(const char *dir, const char *name, source *s) {
    *s = (source){.path = rf_path_join(dir, name)};
    if (!s->path) return RF_ERR_NOMEM;
    FILE *file = fopen(s->path, "rb");
    if (!file)
        return rf_fail(RF_ERR_IO, "%s: %s; expected the WIDER FACE evaluation's ground truth", s->path,
                       strerror(errno));
    bool complete = is_complete(file);
    fclose(file);
    if (complete) s->mat = Mat_Open(s->path, MAT_ACC_RDONLY);
    if (!s->mat) return rf_fail(RF_ERR_FORMAT, "%s: not a MATLAB file, or a damaged one; fetch it again", s->path);
    return RF_OK;
}

static size_t elements(const matvar_t *v) {
    size_t n = 1;
    if (!v || !v->dims || v->rank < 1) return 0;
    for (int i = 0; i < v->rank; i++)
        if (!rf_size_mul(n, v->dims[i], &n)) return 0;
    return n;
}

/* The i-th element of a cell array, or NULL. */
static const matvar_t *cell_at(const matvar_t *cells, size_t i) {
    if (!cells || cells->class_type != MAT_C_CELL || !cells->data || i >= elements(cells)) return NULL;
    return ((matvar_t **)cells->data)[i];
}

static rf_status read_cells(const source *s, const char *name, matvar_t **out) {
    *out = Mat_VarRead(s->mat, name);
    if (!*out) return rf_fail(RF_ERR_FORMAT, "%s: no variable %s, or a damaged file; fetch it again", s->path, name);
    if ((*out)->class_type == MAT_C_CELL && (elements(*out) == 0 || (*out)->data)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: the variable %s is no cell array", s->path, name);
}

/* A numeric array without imaginary part; `bytes` of one element by class, 0 for others. */
static size_t number_bytes(const matvar_t *v) {
    if (v->isComplex) return 0;
    switch (v->class_type) {
    case MAT_C_DOUBLE:
        return sizeof(double);
    case MAT_C_SINGLE:
        return sizeof(float);
    case MAT_C_INT8:
    case MAT_C_UINT8:
        return 1;
    case MAT_C_INT16:
    case MAT_C_UINT16:
        return 2;
    case MAT_C_INT32:
    case MAT_C_UINT32:
        return 4;
    default:
        return 0;
    }
}

static double number_at(const matvar_t *v, size_t i) {
    switch (v->class_type) {
    case MAT_C_DOUBLE:
        return ((const double *)v->data)[i];
    case MAT_C_SINGLE:
        return (double)((const float *)v->data)[i];
    case MAT_C_INT8:
        return ((const int8_t *)v->data)[i];
    case MAT_C_UINT8:
        return ((const uint8_t *)v->data)[i];
    case MAT_C_INT16:
        return ((const int16_t *)v->data)[i];
    case MAT_C_UINT16:
        return ((const uint16_t *)v->data)[i];
    case MAT_C_INT32:
        return ((const int32_t *)v->data)[i];
    default:
        return ((const uint32_t *)v->data)[i];
    }
}

/* Whether v holds n numbers that can be read. */
static bool has_numbers(const matvar_t *v, size_t n) {
    size_t size = v ? number_bytes(v) : 0;
    return size > 0 && v->data && v->nbytes / size >= n && (size_t)v->data_size == size;
}

/* ASCII text of a char array into `text`; false when it is none or too long. */
static bool text_of(const matvar_t *v, char *text, size_t bytes) {
    size_t n = elements(v);
    if (!v || v->class_type != MAT_C_CHAR || !v->data || n == 0 || n >= bytes) return false;
    if ((v->data_size != 1 && v->data_size != 2) || v->nbytes / (size_t)v->data_size < n) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned c = v->data_size == 1 ? ((const uint8_t *)v->data)[i] : ((const uint16_t *)v->data)[i];
        if (c < 32 || c > 126) return false;
        text[i] = (char)c;
    }
    text[n] = '\0';
    return true;
}

enum { NAME_BYTES = 512 };

static rf_status add_image(const source *s, const char *event, const matvar_t *name, const matvar_t *boxes,
                           rf_wider_gt *gt) {
    char image[NAME_BYTES], full[2 * NAME_BYTES];
    if (!text_of(name, image, sizeof image))
        return rf_fail(RF_ERR_FORMAT, "%s: file_list of event %s has an entry that is no text", s->path, event);
    snprintf(full, sizeof full, "%s/%s", event, image);
    size_t n = elements(boxes);
    if (n > 0 && (boxes->rank != 2 || boxes->dims[1] != 4 || !has_numbers(boxes, n)))
        return rf_fail(RF_ERR_FORMAT, "%s: face_bbx_list of %s is not an n x 4 array of numbers", s->path, full);
    n /= 4;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 4; k++) {
            double x = number_at(boxes, k * n + i);
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

static rf_status add_events(const source *s, const matvar_t *events, const matvar_t *files, const matvar_t *boxes,
                            rf_wider_gt *gt) {
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
        char event[NAME_BYTES];
        if (!text_of(cell_at(events, e), event, sizeof event))
            return rf_fail(RF_ERR_FORMAT, "%s: event_list: entry %zu is no text", s->path, e + 1);
        const matvar_t *names = cell_at(files, e), *faces = cell_at(boxes, e);
        for (size_t i = 0; i < elements(names); i++)
            RF_TRY(add_image(s, event, cell_at(names, i), cell_at(faces, i), gt));
    }
    return RF_OK;
}

static rf_status read_faces(const char *dir, rf_wider_gt *gt) {
    source s;
    matvar_t *events = NULL, *files = NULL, *boxes = NULL;
    rf_status status = source_open(dir, "wider_face_val.mat", &s);
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(read_cells(&s, "event_list", &events));
    RF_TRY_GOTO(read_cells(&s, "file_list", &files));
    RF_TRY_GOTO(read_cells(&s, "face_bbx_list", &boxes));
    RF_TRY_GOTO(add_events(&s, events, files, boxes, gt));
fail:
    Mat_VarFree(boxes);
    Mat_VarFree(files);
    Mat_VarFree(events);
    source_close(&s);
    return status;
}

static rf_status mark_image(const source *s, const matvar_t *rows, const rf_wider_image *image, int subset,
                            uint8_t *subsets) {
    size_t n = elements(rows);
    if (n > 0 && !has_numbers(rows, n))
        return rf_fail(RF_ERR_FORMAT, "%s: gt_list of %s holds no numbers", s->path, image->name);
    for (size_t i = 0; i < n; i++) {
        double row = number_at(rows, i);
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

static rf_status mark_subset(const source *s, const matvar_t *lists, int subset, rf_wider_gt *gt) {
    size_t n = 0, image = 0;
    for (size_t e = 0; e < elements(lists); e++) n += elements(cell_at(lists, e));
    if (n != gt->n_images)
        return rf_fail(RF_ERR_FORMAT, "%s: gt_list has %zu images, wider_face_val.mat %zu; fetch both again", s->path,
                       n, gt->n_images);
    for (size_t e = 0; e < elements(lists); e++) {
        const matvar_t *event = cell_at(lists, e);
        for (size_t i = 0; i < elements(event); i++, image++)
            RF_TRY(mark_image(s, cell_at(event, i), &gt->images[image], subset, gt->subsets));
    }
    return RF_OK;
}

static rf_status read_subset(const char *dir, int subset, rf_wider_gt *gt) {
    char name[64];
    snprintf(name, sizeof name, "wider_%s_val.mat", rf_wider_subset_names[subset]);
    source s;
    matvar_t *lists = NULL;
    rf_status status = source_open(dir, name, &s);
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(read_cells(&s, "gt_list", &lists));
    status = mark_subset(&s, lists, subset, gt);
fail:
    Mat_VarFree(lists);
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
