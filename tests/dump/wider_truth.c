/* SPDX-License-Identifier: Apache-2.0 */
/* Writes WIDER FACE's ground truth files for a set of one's own, so that scripts/check_docs.sh can run the documents'
 * commands on drawn faces. wider_truth ANNOTATIONS FOLDER: wider_face_val.mat and the three subsets, which hold the
 * faces that are at least 50, 30 and 10 pixels high. Images are grouped by the folder in their name, the event. */
#include <matio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/dataset.h"

enum { FILES = 4 };
static const char *const file_names[FILES] = {"face", "easy", "medium", "hard"};
static const float heights[FILES] = {0, 50, 30, 10};

typedef struct event {
    const rf_sample *first;
    size_t n;
    int name_bytes;
} event;

static size_t group(const rf_dataset *set, event *events) {
    size_t n = 0;
    for (size_t i = 0; i < set->n_samples; i++) {
        const rf_sample *sample = &set->samples[i];
        const char *slash = strchr(sample->name, '/');
        int bytes = slash ? (int)(slash - sample->name) : 0;
        event *last = n ? &events[n - 1] : NULL;
        if (!last || last->name_bytes != bytes || strncmp(last->first->name, sample->name, (size_t)bytes) != 0)
            events[n++] = (event){sample, 1, bytes};
        else
            last->n++;
    }
    return n;
}

static matvar_t *cell(size_t n) {
    return Mat_VarCreate(NULL, MAT_C_CELL, MAT_T_CELL, 2, (size_t[]){n, 1}, NULL, 0);
}

static matvar_t *word(const char *text, size_t bytes) {
    return Mat_VarCreate(NULL, MAT_C_CHAR, MAT_T_UTF8, 2, (size_t[]){1, bytes}, (void *)(uintptr_t)text, 0);
}

static matvar_t *image_name(const rf_sample *sample) {
    const char *slash = strchr(sample->name, '/'), *name = slash ? slash + 1 : sample->name;
    const char *dot = strrchr(name, '.');
    return word(name, dot ? (size_t)(dot - name) : strlen(name));
}

/* Boxes x y w h, column by column. */
static matvar_t *image_boxes(const rf_face *faces, size_t n) {
    double *numbers = calloc(4 * n + 1, sizeof *numbers);
    if (!numbers) return NULL;
    for (size_t f = 0; f < n; f++)
        for (size_t k = 0; k < 4; k++)
            numbers[k * n + f] = (double)faces[f].box[k] - (k < 2 ? 0 : (double)faces[f].box[k - 2]);
    matvar_t *made = Mat_VarCreate(NULL, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, (size_t[]){n, 4}, numbers, 0);
    free(numbers);
    return made;
}

/* Rows, from 1, of the faces that are high enough for a subset. */
static matvar_t *image_rows(const rf_face *faces, size_t all, float height) {
    size_t n = 0;
    double *numbers = calloc(all + 1, sizeof *numbers);
    if (!numbers) return NULL;
    for (size_t f = 0; f < all; f++)
        if (!faces[f].ignore && faces[f].box[3] - faces[f].box[1] >= height) numbers[n++] = (double)(f + 1);
    matvar_t *made = Mat_VarCreate(NULL, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, (size_t[]){n, 1}, numbers, 0);
    free(numbers);
    return made;
}

enum { EVENT_NAMES, IMAGE_NAMES, BOXES, ROWS };
static const char *const list_names[] = {"event_list", "file_list", "face_bbx_list", "gt_list"};

static int write_list(mat_t *mat, int list, const rf_dataset *set, const event *events, size_t n, float height) {
    matvar_t *top = cell(n);
    for (size_t e = 0; e < n; e++) {
        if (list == EVENT_NAMES) {
            Mat_VarSetCell(top, (int)e, word(events[e].first->name, (size_t)events[e].name_bytes));
            continue;
        }
        matvar_t *images = cell(events[e].n);
        for (size_t i = 0; i < events[e].n; i++) {
            const rf_sample *sample = &events[e].first[i];
            const rf_face *faces = set->faces + sample->first_face;
            Mat_VarSetCell(images, (int)i,
                           list == IMAGE_NAMES ? image_name(sample)
                           : list == BOXES     ? image_boxes(faces, sample->n_faces)
                                               : image_rows(faces, sample->n_faces, height));
        }
        Mat_VarSetCell(top, (int)e, images);
    }
    top->name = strdup(list_names[list]);
    int status = Mat_VarWrite(mat, top, MAT_COMPRESSION_NONE);
    Mat_VarFree(top);
    return status;
}

int main(int argc, char **argv) {
    rf_dataset *set = NULL;
    if (argc != 3 || rf_dataset_open("auto", argv[1], "", NULL, &set) != RF_OK) {
        fprintf(stderr, "wider_truth: %s\n", argc == 3 ? rf_error_message() : "expected ANNOTATIONS FOLDER");
        return 2;
    }
    event *events = calloc(set->n_samples + 1, sizeof *events);
    if (!events) return 3;
    size_t n = group(set, events);
    int status = 0;
    for (int file = 0; file < FILES && !status; file++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/wider_%s_val.mat", argv[2], file_names[file]);
        mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
        status = !mat;
        for (int list = file ? ROWS : EVENT_NAMES; mat && !status && list <= (file ? ROWS : BOXES); list++)
            status = write_list(mat, list, set, events, n, heights[file]);
        if (mat) Mat_Close(mat);
        if (status) fprintf(stderr, "wider_truth: %s cannot be written\n", path);
    }
    free(events);
    rf_dataset_free(set);
    return status ? 2 : 0;
}
