/* SPDX-License-Identifier: Apache-2.0 */
/* Writes COCO JSON, one image or annotation a line. Ignore regions are iscrowd 1, which is what COCO's evaluation takes
 * for them; landmarks are five keypoints, v 2 visible, 1 hidden, 0 absent. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "data/convert_impl.h"

/* Ends an object of one line and adds it to the file. */
static rf_status put_line(rf_atomic_file *file, rf_json_writer *w, bool last) {
    char *text;
    rf_json_end_object(w);
    RF_TRY(rf_json_finish(w, &text));
    rf_status status = rf_atomic_write(file, text, strlen(text));
    rf_free(text);
    if (status == RF_OK) status = rf_atomic_write(file, last ? "\n" : ",\n", last ? 1 : 2);
    return status;
}

static rf_status put_text(rf_atomic_file *file, const char *text) {
    return rf_atomic_write(file, text, strlen(text));
}

static rf_status put_image(rf_atomic_file *file, const rf_converted *set, size_t i) {
    rf_json_writer w = {0};
    const char *name = set->dataset->samples[i].name;
    if (!rf_json_is_utf8(name))
        return rf_fail(RF_ERR_USER, "the image name \"%s\" is not UTF-8, which JSON needs; rename the image", name);
    rf_json_begin_object(&w, NULL);
    rf_json_put_int(&w, "id", (long long)i + 1);
    rf_json_put_string(&w, "file_name", name);
    rf_json_put_int(&w, "width", set->sizes[i][0]);
    rf_json_put_int(&w, "height", set->sizes[i][1]);
    return put_line(file, &w, i + 1 == set->dataset->n_samples);
}

/* As many as other programs expect when there are none. */
static int points_of(const rf_dataset *dataset) {
    return dataset->n_points ? dataset->n_points : RF_POINTS;
}

static void put_points(rf_json_writer *w, const rf_face *face, int n_points) {
    rf_json_begin_array(w, "keypoints");
    for (int k = 0; k < n_points; k++) {
        rf_json_put_number(w, NULL, face->n_points ? face->points[2 * k] : 0);
        rf_json_put_number(w, NULL, face->n_points ? face->points[2 * k + 1] : 0);
        rf_json_put_int(w, NULL, face->n_points ? 2 - rf_face_hides(face, k) : 0);
    }
    rf_json_end_array(w);
    rf_json_put_int(w, "num_keypoints", face->n_points);
}

static rf_status put_face(rf_atomic_file *file, const rf_face *face, int n_points, size_t image, size_t id, bool last) {
    rf_json_writer w = {0};
    double width = (double)face->box[2] - face->box[0], height = (double)face->box[3] - face->box[1];
    rf_json_begin_object(&w, NULL);
    rf_json_put_int(&w, "id", (long long)id);
    rf_json_put_int(&w, "image_id", (long long)image);
    rf_json_put_int(&w, "category_id", 1 + face->label);
    rf_json_begin_array(&w, "bbox");
    rf_json_put_number(&w, NULL, face->box[0]);
    rf_json_put_number(&w, NULL, face->box[1]);
    rf_json_put_number(&w, NULL, width);
    rf_json_put_number(&w, NULL, height);
    rf_json_end_array(&w);
    rf_json_put_number(&w, "area", width * height);
    rf_json_put_int(&w, "iscrowd", face->ignore);
    put_points(&w, face, n_points);
    return put_line(file, &w, last);
}

static const char five[] = "\"keypoints\": [\"left_eye\", \"right_eye\", \"nose\", \"mouth_left\", \"mouth_right\"],\n"
                           "\"skeleton\": [[1, 2], [1, 3], [2, 3], [3, 4], [3, 5], [4, 5]]}";

/* "left" tells our own reader that names mean sides of the image. Other points than the five have numbers for names,
 * from 0. */
static rf_status put_category(rf_atomic_file *file, int id, const char *name, int n_points) {
    char text[160];
    snprintf(text, sizeof text, "{\"id\": %d, \"name\": \"%s\", \"supercategory\": \"person\", \"left\": \"image\",\n",
             id, name);
    RF_TRY(put_text(file, text));
    if (n_points == RF_POINTS) return put_text(file, five);
    RF_TRY(put_text(file, "\"keypoints\": ["));
    for (int k = 0; k < n_points; k++) {
        snprintf(text, sizeof text, k ? ", \"%d\"" : "\"%d\"", k);
        RF_TRY(put_text(file, text));
    }
    return put_text(file, "]}");
}

static rf_status put_ending(rf_atomic_file *file, const rf_dataset *d) {
    RF_TRY(put_text(file, "],\n\"categories\": ["));
    if (d->classes.n == 0) RF_TRY(put_category(file, 1, "face", points_of(d)));
    for (int k = 0; k < d->classes.n; k++) {
        if (k) RF_TRY(put_text(file, ",\n"));
        RF_TRY(put_category(file, 1 + k, d->classes.name[k], points_of(d)));
    }
    return put_text(file, "]}\n");
}

static rf_status put_all(rf_atomic_file *file, const rf_converted *set) {
    const rf_dataset *d = set->dataset;
    size_t id = 0;
    RF_TRY(put_text(file, "{\"info\": {\"description\": \"faces, converted by rf-data\"},\n\"images\": [\n"));
    for (size_t i = 0; i < d->n_samples; i++) RF_TRY(put_image(file, set, i));
    RF_TRY(put_text(file, "],\n\"annotations\": [\n"));
    for (size_t i = 0; i < d->n_samples; i++)
        for (size_t k = 0; k < d->samples[i].n_faces; k++) {
            id++;
            RF_TRY(put_face(file, &d->faces[d->samples[i].first_face + k], points_of(d), i + 1, id, id == d->n_faces));
        }
    return put_ending(file, d);
}

rf_status rf_coco_write(const rf_converted *set, const char *path) {
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    rf_status status = put_all(file, set);
    if (status == RF_OK) return rf_atomic_commit(file);
    rf_atomic_abort(file);
    return status;
}
