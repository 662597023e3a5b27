/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/args.h"
#include "cli/data_commands.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/sets.h"
#include "cli/say.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/dataset.h"
#include "data/lint.h"

/* Where the findings of a check go. */
typedef struct sink {
    bool quiet, json;
    rf_lint_seen seen; /* pictures of the sets before */
    rf_output_file file;
    rf_json_writer writer;
} sink;

static void take_finding(void *ctx, const rf_finding *f) {
    sink *s = ctx;
    const char *kind = f->severity == RF_LINT_ERROR ? "error" : "warning";
    if (!s->quiet) rf_say("%s:%d: %s: %s\n", f->file, f->line, kind, f->text);
    if (!s->json) return;
    rf_json_begin_object(&s->writer, NULL);
    rf_json_put_string(&s->writer, "severity", kind);
    rf_json_put_string(&s->writer, "file", f->file);
    rf_json_put_int(&s->writer, "line", f->line);
    rf_json_put_string(&s->writer, "text", f->text);
    rf_json_end_object(&s->writer);
}

static void print_bars(const char *title, const char *const *names, const size_t *counts, size_t n) {
    size_t most = 1;
    for (size_t i = 0; i < n; i++)
        if (counts[i] > most) most = counts[i];
    rf_say("  %s\n", title);
    for (size_t i = 0; i < n; i++) {
        int stars = (int)(40.0 * (double)counts[i] / (double)most + 0.5);
        rf_say("    %-9s %8zu %.*s\n", names[i], counts[i], stars, "########################################");
    }
}

static void print_stats(const rf_dataset *d, const rf_lint_stats *s) {
    rf_say("%s\n", d->annotation_path);
    rf_say("  images          %zu, %zu of them unusable, %zu without a face\n", s->images, s->unusable_images,
           s->empty_images);
    if (s->max_width > 0)
        rf_say("  image size      %dx%d to %dx%d, %.2f megapixels on average\n", s->min_width, s->min_height,
               s->max_width, s->max_height, s->mean_pixels / 1e6);
    rf_say("  faces           %zu, %zu of them ignored, %zu with landmarks; at most %zu in an image\n", s->faces,
           s->ignored, s->with_points, s->max_faces);
    for (int k = 0; k < d->classes.n; k++)
        rf_say("  %-15s %zu %s\n", k ? "" : "kinds", s->by_class[k], d->classes.name[k]);
    if (s->exif_images)
        rf_say("  EXIF            %zu images have an orientation and are taken %s\n", s->exif_images,
               d->turned ? "as it turns them" : "as they are stored");
    if (s->unnamed)
        rf_say("  not annotated   %zu pictures below %s, first %s\n", s->unnamed, d->image_dir, s->first_unnamed);
    if (s->unnamed && s->unusable_images) /* perhaps the same ones */
        rf_say("                  names of other letter case, with %%XX or with other folders are found by\n"
               "                  `rf-data convert %s --root %s --out DIR`\n",
               d->annotation_path, d->image_dir);
    print_bars("faces by height", rf_size_bin_names, s->by_height, RF_SIZE_BINS);
    print_bars("images by number of faces", rf_count_bin_names, s->by_count, RF_COUNT_BINS);
    char threads[RF_THREADS_TEXT];
    rf_say("  errors          %zu\n  warnings        %zu\n  read by         %s\n", s->errors, s->warnings,
           rf_threads_text(threads, sizeof threads));
}

static void write_bins(rf_json_writer *w, const char *key, const char *const *names, const size_t *counts, size_t n) {
    rf_json_begin_object(w, key);
    for (size_t i = 0; i < n; i++) rf_json_put_int(w, names[i], (long long)counts[i]);
    rf_json_end_object(w);
}

static void write_stats(rf_json_writer *w, const rf_dataset *d, const rf_lint_stats *s) {
    const struct {
        const char *key;
        size_t value;
    } numbers[] = {{"images", s->images},
                   {"unusable_images", s->unusable_images},
                   {"empty_images", s->empty_images},
                   {"faces", s->faces},
                   {"ignored", s->ignored},
                   {"with_landmarks", s->with_points},
                   {"max_faces", s->max_faces},
                   {"exif_images", s->exif_images},
                   {"exif_fit", s->exif_fit},
                   {"exif_not_fit", s->exif_not},
                   {"not_annotated", s->unnamed},
                   {"errors", s->errors},
                   {"warnings", s->warnings}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        rf_json_put_int(w, numbers[i].key, (long long)numbers[i].value);
    write_bins(w, "by_height", rf_size_bin_names, s->by_height, RF_SIZE_BINS);
    write_bins(w, "by_number", rf_count_bin_names, s->by_count, RF_COUNT_BINS);
    if (d->classes.n) rf_json_begin_object(w, "by_class");
    for (int k = 0; k < d->classes.n; k++) rf_json_put_int(w, d->classes.name[k], (long long)s->by_class[k]);
    if (d->classes.n) rf_json_end_object(w);
}

static rf_status check_set(const rf_set_paths *set, const char *format, const char *exif, const char *list, sink *out,
                           rf_lint_stats *stats) {
    rf_dataset *dataset;
    rf_exif_rule rule = RF_EXIF_UNTOLD;
    RF_TRY(rf_dataset_open_tolerant(format, set->annotation, set->images, list, &dataset));
    rf_status ruled = rf_exif_rule_parse("data.exif", exif, &rule);
    if (ruled == RF_OK) ruled = rf_apply_exif(dataset, rule, true);
    if (ruled != RF_OK) {
        rf_dataset_free(dataset);
        return ruled;
    }
    if (out->json) {
        rf_json_begin_object(&out->writer, NULL);
        rf_json_put_string(&out->writer, "annotation", set->annotation);
        rf_json_put_string(&out->writer, "images", set->images);
        rf_json_begin_array(&out->writer, "findings");
    }
    rf_status status = rf_lint(dataset, &out->seen, take_finding, out, stats);
    if (list) stats->unnamed = 0; /* the list leaves pictures out */
    if (out->json) {
        rf_json_end_array(&out->writer);
        rf_json_begin_object(&out->writer, "statistics");
        write_stats(&out->writer, dataset, stats);
        rf_json_end_object(&out->writer);
        rf_json_end_object(&out->writer);
    }
    if (status == RF_OK) print_stats(dataset, stats);
    rf_dataset_free(dataset);
    return status;
}

static rf_status check_all(const char *path, const char *images, const char *format, const char *exif, const char *list,
                           sink *out, size_t *errors) {
    rf_status status;
    rf_set_list sets;
    char *text = NULL;
    *errors = 0;
    RF_TRY(rf_sets_find(path, images, &sets));
    if (out->json) rf_json_begin_array(&out->writer, NULL);
    for (size_t i = 0; i < sets.n; i++) {
        rf_lint_stats stats = {0};
        status = check_set(&sets.v[i], format, exif, list, out, &stats);
        *errors += stats.errors;
        if (status == RF_OK) continue;
        if (sets.n == 1 || status == RF_ERR_NOMEM || status == RF_ERR_USER) goto fail;
        rf_say("error: %s; the set is left out\n", rf_error_message());
        if (out->json) {
            rf_json_begin_object(&out->writer, NULL);
            rf_json_put_string(&out->writer, "annotation", sets.v[i].annotation);
            rf_json_put_string(&out->writer, "error", rf_error_message());
            rf_json_end_object(&out->writer);
        }
        ++*errors;
    }
    status = RF_OK;
fail:
    if (out->json) { /* finished in any case: that releases the writer's memory */
        rf_json_end_array(&out->writer);
        rf_status finished = rf_json_finish(&out->writer, &text);
        if (status == RF_OK) status = finished;
        if (status == RF_OK) status = rf_output_write(&out->file, text);
        if (finished == RF_OK) rf_free(text);
    }
    rf_lint_seen_clear(&out->seen);
    rf_sets_free(&sets);
    return status;
}

int rf_data_check(int argc, char **argv) {
    static const char name[] = "rf-data check";
    const char *images = NULL, *format = "auto", *list = NULL, *json = NULL, *exif = "auto";
    long threads = 0;
    sink out = {0};
    const rf_option options[] = {
        {"images", 'i', RF_OPT_TEXT, &images, "DIR", "image folder of an annotation file (guessed: images/ beside it)",
         0, 0},
        {"exif", 0, RF_OPT_TEXT, &exif, "yes|no|auto", RF_EXIF_DOC, 0, 0},
        {"format", 'f', RF_OPT_TEXT, &format, "auto|label|wider", "of the annotations (auto)", 0, 0},
        {"list", 'l', RF_OPT_TEXT, &list, "FILE", "check only the images that the file lists, one name a line", 0, 0},
        {"json", 'j', RF_OPT_TEXT, &json, "FILE", "write findings and statistics there, too; -: to stdout", 0, 0},
        {"quiet", 'q', RF_OPT_FLAG, &out.quiet, NULL, "statistics only, no findings", 0, 0},
        {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC, 0, 1024},
        {0}};
    const rf_program program = {
        name,
        "find faults in a data set before training does",
        "DIR|ANNOTATION [options]",
        "  Decodes every image and looks at every face: lines that cannot be read, missing, damaged and repeated\n"
        "  images, boxes that are empty or outside of their image, landmarks far from their box or all at one place,\n"
        "  boxes that look like shares of the image's size or like corners, pictures that two sets have. Prints\n"
        "  FILE:LINE: and a sentence for each, then statistics, with the pictures that no annotation names. In a\n"
        "  folder, train/label.txt, val/label.txt, label.txt and WIDER FACE's files are found.",
        options,
        "  rf-data check synth\n"
        "  rf-data check wider_face_val_bbx_gt.txt --images WIDER_val/images --json faults.json",
        "  Exit status 1 tells that errors were found; warnings alone do not.",
        1,
        1};
    const char *positional[1];
    size_t n, errors;
    rf_args_action action = rf_args_parse(&program, argc, argv, positional, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    out.json = json != NULL;
    rf_set_threads((int)threads);
    rf_status status = rf_output_open("--json", json, &out.file);
    if (status == RF_OK) status = rf_output_not_input("--json", json, "the annotation", positional[0]);
    if (status == RF_OK) status = rf_output_not_input("--json", json, "the list", list);
    if (status == RF_OK) status = check_all(positional[0], images, format, exif, list, &out, &errors);
    rf_output_close(&out.file);
    if (status != RF_OK) return rf_cli_fail(name, status);
    return errors ? 1 : 0;
}
