/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/data_commands.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/sets.h"
#include "cli/say.h"
#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/dataset.h"
#include "data/draw.h"
#include "data/mesh_table.h"
#include "data/sample.h"

/* The name of the kind, above the box. */
static void draw_class(rf_image *image, const rf_face *face, const char *name, rf_colour colour) {
    int scale = (rf_draw_thickness(image) + 1) / 2;
    float y = face->box[1] - (float)(9 * scale), w = (float)rf_draw_text_width(name, scale);
    if (y < 0) y = 0;
    const float back[4] = {face->box[0], y, face->box[0] + w + (float)scale, y + (float)(9 * scale)};
    rf_draw_filled(image, back, (rf_colour){0, 0, 0});
    rf_draw_text(image, face->box[0] + (float)scale, y + (float)scale, name, scale, colour);
}

static void draw_face(rf_image *image, const rf_face *face, const rf_mesh_table *mesh, const rf_classes *classes) {
    static const rf_colour red = {255, 40, 40}, ignored = {255, 220, 0}, eye = {0, 220, 255}, other = {0, 255, 60};
    rf_colour wanted = classes->n ? rf_draw_class_colour(face->label) : red;
    int stroke = rf_draw_thickness(image);
    if (mesh && face->mesh)
        rf_draw_mesh(image, mesh->xy + 2 * mesh->n_vertices * (face->mesh - 1), mesh->n_vertices,
                     face->box[3] - face->box[1]);
    rf_draw_rectangle(image, face->box, stroke, face->ignore ? ignored : wanted);
    for (int k = 0; k < face->n_points; k++)
        rf_draw_disc(image, face->points[2 * k], face->points[2 * k + 1],
                     rf_draw_point_radius((float)stroke + 0.5f, face->n_points), k == 0 ? eye : other);
    if (face->label < classes->n) draw_class(image, face, classes->name[face->label], wanted);
}

enum { LONGEST = 230 }; /* bytes of a name, before ".jpg" and a number */

/* "folder_name.jpg" of "folder/name.png"; rf_free it. */
static char *flat_name(const char *name) {
    size_t length = strlen(name);
    const char *dot = strrchr(rf_path_base(name), '.');
    if (dot) length = (size_t)(dot - name);
    char *flat = rf_alloc(length + sizeof ".jpg", 1);
    if (!flat) return NULL;
    memcpy(flat, name, length);
    char *leaf = rf_below_leaf(flat); /* as long, but for an empty one */
    if (leaf && *flat) memcpy(flat, leaf, length);
    rf_free(leaf);
    if (length > LONGEST) { /* the names of many folders in one */
        size_t kept = LONGEST - 9;
        while ((flat[kept] & 0xC0) == 0x80) kept--; /* a letter's middle */
        length = kept + (size_t)sprintf(flat + kept, "~%08x", rf_crc32(0, name, strlen(name)));
    }
    memcpy(flat + length, ".jpg", sizeof ".jpg");
    return leaf ? flat : NULL;
}

/* Writes one annotated picture as OUT/folder_name.jpg, or -2.jpg and so on when that is another picture's name. */
static rf_status write_sample(const rf_dataset *dataset, const rf_sample *sample, rf_image *image, const char *out,
                              rf_distinct *names) {
    for (size_t i = 0; i < sample->n_faces; i++)
        draw_face(image, &dataset->faces[sample->first_face + i], dataset->mesh, &dataset->classes);
    char *flat = flat_name(sample->name), *name = NULL, *path = NULL;
    rf_status status = flat ? rf_distinct_take(names, flat, &name, NULL) : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_below_make(out, name, &path);
    if (status == RF_OK && rf_output_is_input(path, sample->path))
        status = rf_fail(RF_ERR_USER, "%s is a picture of the data set: choose another --out", path);
    if (status == RF_OK) status = rf_image_save(path, image, 92);
    rf_free(flat);
    rf_free(name);
    rf_free(path);
    return status;
}

/* Vertices are shown where a file of them stands beside the annotations. */
static rf_status read_mesh(rf_dataset *dataset) {
    char *path = rf_mesh_table_path(dataset->annotation_path);
    rf_status status = path ? RF_OK : RF_ERR_NOMEM;
    if (path && rf_file_exists(path)) status = rf_dataset_read_mesh(dataset, 0);
    rf_free(path);
    return status;
}

static rf_status show_set(const rf_set_paths *set, const char *format, const char *exif, const char *list,
                          const char *out, size_t limit, rf_distinct *names, size_t *shown) {
    rf_dataset *dataset;
    rf_exif_rule rule = RF_EXIF_UNTOLD;
    RF_TRY(rf_dataset_open_tolerant(format, set->annotation, set->images, list, &dataset));
    for (size_t i = 0; i < dataset->n_remarks; i++)
        rf_note("%s:%d: %s\n", dataset->annotation_path, dataset->remarks[i].line, dataset->remarks[i].text);
    rf_status status = rf_exif_rule_parse("data.exif", exif, &rule);
    if (status == RF_OK) status = rf_apply_exif(dataset, rule, true);
    if (status == RF_OK) status = read_mesh(dataset);
    for (size_t i = 0; status == RF_OK && i < dataset->n_samples && *shown < limit; i++) {
        const rf_sample *sample = &dataset->samples[i];
        const rf_face *faces;
        size_t n_faces;
        rf_image image = {0};
        rf_status loaded = rf_sample_load(dataset, i, &image, &faces, &n_faces);
        if (loaded != RF_OK) {
            rf_note("%s:%d: %s\n", dataset->annotation_path, sample->line, rf_error_message());
            continue;
        }
        status = write_sample(dataset, sample, &image, out, names);
        rf_image_free(&image);
        if (status != RF_OK) break;
        (*shown)++;
    }
    rf_dataset_free(dataset);
    return status;
}

int rf_data_show(int argc, char **argv) {
    static const char name[] = "rf-data show";
    const char *images = NULL, *format = "auto", *list = NULL, *out = NULL, *exif = "auto";
    long limit = 20;
    const rf_option options[] = {
        {"out", 'o', RF_OPT_TEXT, &out, "DIR", "folder to write, made when it is missing; needed", 0, 0},
        {"limit", 'n', RF_OPT_INT, &limit, "N", "pictures of each annotation file (20)", 1, 1e9},
        {"images", 'i', RF_OPT_TEXT, &images, "DIR", "image folder of an annotation file (guessed: images/ beside it)",
         0, 0},
        {"exif", 0, RF_OPT_TEXT, &exif, "yes|no|auto", RF_EXIF_DOC, 0, 0},
        {"format", 'f', RF_OPT_TEXT, &format, "auto|label|wider", "of the annotations (auto)", 0, 0},
        {"list", 'l', RF_OPT_TEXT, &list, "FILE", "only the images that the file lists, one name a line", 0, 0},
        {0}};
    const rf_program program = {name,
                                "draw the annotations of a data set into its pictures",
                                "DIR|ANNOTATION --out DIR [options]",
                                "  Boxes are red, or of a colour for each kind of object, with its name; ignored ones "
                                "are yellow; landmarks are green, the left eye blue; vertices of meshes cyan.",
                                options,
                                "  rf-data show synth --out look --limit 10",
                                NULL,
                                1,
                                1};
    const char *positional[1];
    size_t n, shown = 0;
    rf_args_action action = rf_args_parse(&program, argc, argv, positional, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (!out) return rf_cli_usage(name, "--out DIR is missing");
    rf_set_list sets;
    rf_status status = rf_sets_find(positional[0], images, &sets);
    if (status != RF_OK) return rf_cli_fail(name, status);
    rf_distinct *names = rf_distinct_new();
    status = names ? rf_output_claim_folder("--out", out, name) : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_dir_make(out);
    for (size_t i = 0; status == RF_OK && i < sets.n; i++) {
        size_t of_set = 0;
        status = show_set(&sets.v[i], format, exif, list, out, (size_t)limit, names, &of_set);
        shown += of_set;
    }
    rf_sets_free(&sets);
    rf_distinct_free(names);
    if (status != RF_OK) return rf_cli_fail(name, status);
    rf_say("%s: %zu pictures\n", out, shown);
    return 0;
}
