/* SPDX-License-Identifier: Apache-2.0 */
/* What the generated detectors are compared with, by rf's own finder:
 *   reference random MODEL.safetensors FACTOR [SETTING...]: a random model (tests/cexport_model.h)
 *   reference faces MODEL SCORE DIR PICTURE...     writes DIR/0.ppm, DIR/1.ppm ... and DIR/faces.txt (driver.c's lines)
 *   reference compare FACES FACES                  the largest differences of two such files; exit 1 when they differ
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model.h"
#include "settings/classes.h"
#include "core/file.h"
#include "core/mem.h"
#include "tests/cexport_model.h"

static rf_status write_ppm(const char *dir, int number, const rf_image *image) {
    char path[1100], header[64];
    rf_atomic_file *file;
    snprintf(path, sizeof path, "%s/%d.ppm", dir, number);
    snprintf(header, sizeof header, "P6\n%d %d\n255\n", image->width, image->height);
    RF_TRY(rf_atomic_open(path, &file));
    rf_status status = rf_atomic_write(file, header, strlen(header));
    if (status == RF_OK)
        status = rf_atomic_write(file, image->pixels, (size_t)image->width * (size_t)image->height * 3);
    if (status == RF_OK) return rf_atomic_commit(file);
    rf_atomic_abort(file);
    return status;
}

static void print_faces(FILE *to, int number, const rf_config *config, const rf_face_list *faces) {
    int n_points = (int)config->data.points;
    for (size_t i = 0; i < faces->n; i++) {
        const rf_face *f = &faces->items[i];
        fprintf(to, "%d %.4f %.4f %.4f %.4f %.7f", number, (double)f->box[0], (double)f->box[1], (double)f->box[2],
                (double)f->box[3], (double)f->score);
        for (int k = 0; k < 2 * n_points; k++) fprintf(to, " %.4f", f->n_points ? (double)f->points[k] : 0);
        if (rf_classes_count(config) > 1) fprintf(to, " %d", f->label);
        fprintf(to, "\n");
    }
}

static rf_status find_all(int argc, char **argv) {
    char score[64], path[1100];
    const char *sets[] = {score};
    rf_model model;
    rf_face_list faces = {0};
    snprintf(score, sizeof score, "eval.score=%s", argv[3]);
    snprintf(path, sizeof path, "%s/faces.txt", argv[4]);
    rf_status status = rf_dir_make(argv[4]);
    if (status == RF_OK) status = rf_model_open(argv[2], NULL, sets, 1, &model);
    if (status != RF_OK) return status;
    FILE *out = fopen(path, "w");
    for (int i = 5; i < argc && status == RF_OK && out; i++) {
        rf_image image = {0};
        status = rf_image_load(argv[i], NULL, &image);
        if (status == RF_OK) status = write_ppm(argv[4], i - 5, &image);
        if (status == RF_OK) status = rf_finder_run(model.finder, &image, &faces);
        if (status == RF_OK) print_faces(out, i - 5, &model.config, &faces);
        rf_image_free(&image);
    }
    if (!out || fclose(out) != 0) status = rf_fail(RF_ERR_IO, "cannot write %s", path);
    rf_face_list_free(&faces);
    rf_model_close(&model);
    return status;
}

enum { NUMBERS = 7 + 2 * RF_POINTS_MAX }; /* of a line at most: picture, box, score, points, label */

/* How many numbers there are; 0 at the end of the file. */
static int read_line(FILE *file, double v[NUMBERS]) {
    static char line[64 * NUMBERS];
    int n = 0;
    if (!fgets(line, sizeof line, file)) return 0;
    for (char *at = line, *end; n < NUMBERS; at = end, n++) {
        v[n] = strtod(at, &end);
        if (end == at) break;
    }
    return n;
}

static int compare(const char *path, const char *other) {
    FILE *a = fopen(path, "r"), *b = fopen(other, "r");
    double va[NUMBERS], vb[NUMBERS], pixels = 0, score = 0;
    int n = 0, same = a && b;
    while (same) {
        int more_a = read_line(a, va), more_b = read_line(b, vb);
        if (more_a != more_b) same = 0;
        if (more_a < 6 || more_a != more_b) break;
        n++;
        for (int i = 0; i < more_a; i++)
            if (i != 5) pixels = fmax(pixels, fabs(va[i] - vb[i]));
        score = fmax(score, fabs(va[5] - vb[5]));
    }
    same = same && pixels < 0.01 && score < 1e-4 && n > 0;
    printf("%d faces, %s: largest difference %.4f pixels, %.1e in score\n", n, same ? "the same" : "DIFFERENT", pixels,
           score);
    if (a) fclose(a);
    if (b) fclose(b);
    return !same;
}

int main(int argc, char **argv) {
    rf_status status;
    if (argc == 4 && strcmp(argv[1], "compare") == 0) return compare(argv[2], argv[3]);
    if (argc >= 4 && strcmp(argv[1], "random") == 0)
        status = cexport_random_model(argv[2], atof(argv[3]), (const char *const *)argv + 4, (size_t)argc - 4);
    else if (argc > 5 && strcmp(argv[1], "faces") == 0)
        status = find_all(argc, argv);
    else
        status = rf_fail(RF_ERR_USER, "see the first lines of tests/cexport/reference.c");
    if (status != RF_OK) fprintf(stderr, "reference: %s\n", rf_error_message());
    return rf_exit_code(status);
}
