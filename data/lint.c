/* SPDX-License-Identifier: Apache-2.0 */
#include "data/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/doubts.h"
#include "data/sample.h"

const char *const rf_size_bin_names[RF_SIZE_BINS] = {"< 8 px",  "8..16",    "16..32",   "32..64",
                                                     "64..128", "128..256", "256..512", ">= 512"};
const char *const rf_count_bin_names[RF_COUNT_BINS] = {"0", "1", "2", "3..4", "5..9", "10..29", "30..99", ">= 100"};

/* What the parallel pass finds out about an image file. */
typedef struct image_facts {
    int width, height; /* 0 when unusable */
    int orientation;   /* EXIF's */
    size_t bytes;
    uint32_t crc;
    char *fault; /* message, NULL when fine */
    bool out_of_memory;
} image_facts;

typedef struct linter {
    const rf_dataset *dataset;
    image_facts *facts;   /* [n_samples] */
    size_t *same_name;    /* [n_samples] earlier sample of that name, or itself */
    size_t *same_content; /* [n_samples] earlier sample with the same bytes, or itself */
    rf_box_tally tally;
    int tally_line; /* of the first face that it counts */
    const rf_lint_seen *seen;
    rf_finding_fn callback;
    void *ctx;
    rf_lint_stats *stats;
} linter;

static void report(linter *l, rf_severity severity, int line, const char *fmt, ...) RF_PRINTF(4, 5);

static void report(linter *l, rf_severity severity, int line, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (severity == RF_LINT_ERROR)
        l->stats->errors++;
    else
        l->stats->warnings++;
    rf_finding finding = {severity, l->dataset->annotation_path, line, text};
    if (l->callback) l->callback(l->ctx, &finding);
}

static rf_status read_image(const char *path, const rf_decode_options *options, image_facts *facts) {
    uint8_t *data;
    rf_image image;
    RF_TRY(rf_file_read(path, 0, &data, &facts->bytes));
    facts->crc = rf_crc32(0, data, facts->bytes);
    rf_image_info info = {0};
    rf_status status = rf_image_decode(data, facts->bytes, path, options, &image);
    if (status == RF_OK) status = rf_image_probe_bytes(data, facts->bytes, path, options, &info);
    rf_free(data);
    RF_TRY(status);
    facts->orientation = info.exif_orientation;
    facts->width = image.width;
    facts->height = image.height;
    rf_image_free(&image);
    return RF_OK;
}

static void inspect_range(void *ctx, size_t begin, size_t end) {
    const linter *l = ctx;
    for (size_t i = begin; i < end; i++) {
        image_facts *facts = &l->facts[i];
        rf_decode_options options = rf_sample_options(l->dataset);
        rf_status status = read_image(l->dataset->samples[i].path, &options, facts);
        if (status == RF_OK) continue;
        if (!strstr(rf_error_message(), l->dataset->samples[i].path))
            rf_fail_context(status, "%s", l->dataset->samples[i].path);
        facts->fault = rf_strdup(rf_error_message());
        facts->out_of_memory = status == RF_ERR_NOMEM || !facts->fault;
    }
}

/* A sample in an order that brings equal ones together, the earliest first. */
typedef struct ranked {
    const rf_sample *sample;
    const image_facts *facts;
    size_t index;
} ranked;

static int by_index(const ranked *p, const ranked *q) {
    return (p->index > q->index) - (p->index < q->index);
}

static int by_name(const void *a, const void *b) {
    const ranked *p = a, *q = b;
    int order = strcmp(p->sample->name, q->sample->name);
    return order ? order : by_index(p, q);
}

static int by_content(const void *a, const void *b) {
    const ranked *p = a, *q = b;
    if (p->facts->crc != q->facts->crc) return p->facts->crc < q->facts->crc ? -1 : 1;
    if (p->facts->bytes != q->facts->bytes) return p->facts->bytes < q->facts->bytes ? -1 : 1;
    return by_index(p, q);
}

static void mark_equal(const ranked *order, size_t n, bool names, size_t *earliest) {
    for (size_t i = 0, first = 0; i < n; i++) {
        const ranked *a = &order[first], *b = &order[i];
        bool equal = names
                         ? strcmp(a->sample->name, b->sample->name) == 0
                         : a->facts->crc == b->facts->crc && a->facts->bytes == b->facts->bytes && b->facts->width > 0;
        if (!equal) first = i;
        earliest[order[i].index] = order[first].index;
    }
}

static rf_status find_duplicates(linter *l) {
    size_t n = l->dataset->n_samples;
    ranked *order = rf_alloc(n, sizeof *order);
    if (!order) return RF_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) order[i] = (ranked){&l->dataset->samples[i], &l->facts[i], i};
    qsort(order, n, sizeof *order, by_name);
    mark_equal(order, n, true, l->same_name);
    qsort(order, n, sizeof *order, by_content);
    mark_equal(order, n, false, l->same_content);
    rf_free(order);
    return RF_OK;
}

static size_t size_bin(float height) {
    size_t bin = 0;
    for (float limit = 8; bin + 1 < RF_SIZE_BINS && height >= limit; limit *= 2) bin++;
    return bin;
}

static size_t count_bin(size_t n) {
    static const size_t from[RF_COUNT_BINS] = {0, 1, 2, 3, 5, 10, 30, 100};
    size_t bin = 0;
    while (bin + 1 < RF_COUNT_BINS && n >= from[bin + 1]) bin++;
    return bin;
}

static void check_box(linter *l, const rf_face *face, const image_facts *facts, int line) {
    const float *b = face->box;
    float w = (float)facts->width, h = (float)facts->height;
    if (b[2] <= b[0] || b[3] <= b[1]) {
        report(l, RF_LINT_WARNING, line, "the box has no area (%g x %g pixels) and is ignored", b[2] - b[0],
               b[3] - b[1]);
        return;
    }
    if (facts->width == 0) return;
    if (b[0] >= w || b[1] >= h || b[2] <= 0 || b[3] <= 0)
        report(l, RF_LINT_ERROR, line, "the box (%g, %g)-(%g, %g) lies outside of the image, which has %dx%d pixels",
               b[0], b[1], b[2], b[3], facts->width, facts->height);
}

/* Where a doubt of data/doubts.h belongs. */
typedef struct doubtful {
    linter *linter;
    int line;
} doubtful;

static void report_doubt(void *ctx, rf_doubt kind, const char *text) {
    const doubtful *d = ctx;
    (void)kind;
    report(d->linter, RF_LINT_WARNING, d->line, "%s", text);
}

static void count_box(linter *l, const rf_face *face, const image_facts *facts, int line) {
    if (facts->width == 0) return;
    if (l->tally.n == 0) l->tally_line = line;
    rf_box_tally_add(&l->tally, face->box, l->dataset->ellipses ? RF_BOX_OWN : RF_BOX_SIZES, (float)facts->width,
                     (float)facts->height);
}

/* What the boxes say of each other. */
static void check_reading(linter *l) {
    const rf_box_tally *t = &l->tally;
    if (rf_box_tally_shares(t))
        report(l, RF_LINT_ERROR, l->tally_line,
               "all %zu boxes lie within 0 and 1: they are shares of the image's size, but pixels are expected; "
               "rf-data convert reads them",
               t->n);
    else if (rf_box_tally_other(t))
        report(l, RF_LINT_WARNING, l->tally_line,
               "are the boxes %s? All %zu fit their images so, but %zu do not as %s; rf-data convert --boxes %s reads "
               "them",
               rf_box_form_names[RF_BOX_CORNERS], t->n, t->wrong, rf_box_form_names[RF_BOX_SIZES],
               rf_box_form_words[RF_BOX_CORNERS]);
}

/* What the parser had to say. */
static void report_remarks(linter *l) {
    for (size_t i = 0; i < l->dataset->n_remarks; i++) {
        const rf_remark *r = &l->dataset->remarks[i];
        bool lost = r->kind == RF_REMARK_IMAGE || r->kind == RF_REMARK_FACE || r->kind == RF_REMARK_ORPHAN;
        report(l, lost ? RF_LINT_ERROR : RF_LINT_WARNING, r->line, "%s%s", r->text, lost ? "; it is left out" : "");
    }
}

static rf_status check_repeats(linter *l, const rf_sample *sample) {
    const int *lines = l->dataset->face_lines + sample->first_face;
    size_t *first = rf_alloc(sample->n_faces, sizeof *first);
    rf_status status =
        first ? rf_faces_first_same(l->dataset->faces + sample->first_face, sample->n_faces, first) : RF_ERR_NOMEM;
    for (size_t i = 0; status == RF_OK && i < sample->n_faces; i++)
        if (first[i] != i) report(l, RF_LINT_WARNING, lines[i], "the same box as in line %d", lines[first[i]]);
    rf_free(first);
    return status;
}

static bool all_fit(const rf_dataset *d, const rf_sample *sample, int width, int height) {
    for (size_t i = 0; i < sample->n_faces; i++)
        if (!rf_box_fits(d->faces[sample->first_face + i].box, width, height)) return false;
    return true;
}

/* Whether the boxes are for the picture that EXIF turns or for the stored one shows where one of them ends outside. */
static void check_turning(linter *l, const rf_sample *sample, const image_facts *facts) {
    const rf_dataset *d = l->dataset;
    if (facts->width == 0 || facts->orientation <= 1) return;
    l->stats->exif_images++;
    if (facts->orientation < 5) return;
    bool here = all_fit(d, sample, facts->width, facts->height),
         there = all_fit(d, sample, facts->height, facts->width);
    l->stats->exif_fit += here && !there;
    l->stats->exif_not += there && !here;
    if (there && !here)
        report(l, RF_LINT_WARNING, sample->line,
               "the boxes of %s fit the picture %s by its EXIF orientation %d (%dx%d), and it is taken as %s",
               sample->name, d->turned ? "not turned" : "turned", facts->orientation, facts->height, facts->width,
               d->turned ? "turned" : "stored");
}

/* One rule holds for a set; which one, its boxes tell. */
static void check_rule(linter *l) {
    const rf_lint_stats *s = l->stats;
    const char *other = l->dataset->turned ? "no" : "yes";
    if (s->exif_not == 0) return;
    if (s->exif_fit == 0)
        report(l, RF_LINT_ERROR, 1,
               "boxes belong to pictures %s by EXIF (%zu show it, none the contrary): read the set with exif = %s, by "
               "--exif %s here, data.exif in training, or for good in LABEL.set.ini beside the annotations",
               l->dataset->turned ? "not turned" : "turned", s->exif_not, other, other);
    else
        report(
            l, RF_LINT_ERROR, 1,
            "the set mixes boxes for pictures turned by EXIF and for pictures as stored: %zu fit only %s, %zu only the "
            "other; one rule can hold for a set, so annotate the fewer anew or leave them out",
            s->exif_fit, l->dataset->turned ? "the turned" : "the stored", s->exif_not);
}

static rf_status check_sample(linter *l, size_t index) {
    const rf_dataset *d = l->dataset;
    const rf_sample *sample = &d->samples[index];
    const image_facts *facts = &l->facts[index];
    rf_lint_stats *stats = l->stats;
    size_t name = l->same_name[index], content = l->same_content[index], wanted = 0;
    if (facts->fault) report(l, RF_LINT_ERROR, sample->line, "%s", facts->fault);
    if (name != index)
        report(l, RF_LINT_ERROR, sample->line, "%s is listed twice, first in line %d", sample->name,
               d->samples[name].line);
    else if (content != index)
        report(l, RF_LINT_WARNING, sample->line, "%s has the same contents as %s of line %d", sample->name,
               d->samples[content].name, d->samples[content].line);
    const struct rf_seen_picture *seen = facts->width ? rf_lint_seen_find(l->seen, facts->crc, facts->bytes) : NULL;
    if (seen)
        report(l, RF_LINT_WARNING, sample->line, "%s is the same picture as %s: what is trained on is measured",
               sample->name, seen->name);
    for (size_t i = sample->first_face; i < sample->first_face + sample->n_faces; i++) {
        const rf_face *face = &d->faces[i];
        check_box(l, face, facts, d->face_lines[i]);
        rf_face_doubts(face, facts->width, facts->height, report_doubt, &(doubtful){l, d->face_lines[i]});
        count_box(l, face, facts, d->face_lines[i]);
        if (face->ignore) continue;
        stats->by_height[size_bin(face->box[3] - face->box[1])]++;
        stats->by_class[face->label]++;
        wanted++;
    }
    RF_TRY(check_repeats(l, sample));
    check_turning(l, sample, facts);
    stats->by_count[count_bin(wanted)]++;
    stats->empty_images += wanted == 0;
    if (wanted > stats->max_faces) stats->max_faces = wanted;
    return RF_OK;
}

/* A kind that nothing is of can be neither learnt nor measured. */
static void check_classes(linter *l) {
    const rf_classes *classes = &l->dataset->classes;
    for (int k = 0; k < classes->n; k++)
        if (classes->n > 1 && l->stats->by_class[k] == 0)
            report(l, RF_LINT_WARNING, 1, "no object is a \"%s\", which LABEL.set.ini beside the annotations names",
                   classes->name[k]);
}

static void measure_images(linter *l) {
    rf_lint_stats *s = l->stats;
    size_t readable = 0;
    for (size_t i = 0; i < l->dataset->n_samples; i++) {
        const image_facts *f = &l->facts[i];
        if (f->width == 0) continue;
        if (readable == 0 || f->width < s->min_width) s->min_width = f->width;
        if (readable == 0 || f->height < s->min_height) s->min_height = f->height;
        if (f->width > s->max_width) s->max_width = f->width;
        if (f->height > s->max_height) s->max_height = f->height;
        s->mean_pixels += (double)f->width * f->height;
        readable++;
    }
    if (readable) s->mean_pixels /= (double)readable;
    s->unusable_images = l->dataset->n_samples - readable;
}

static rf_status remember(const linter *l, rf_lint_seen *seen) {
    for (size_t i = 0; i < l->dataset->n_samples; i++) {
        const image_facts *f = &l->facts[i];
        if (f->width == 0) continue;
        RF_TRY(rf_lint_seen_add(seen, f->crc, f->bytes, l->dataset->samples[i].name, l->dataset->annotation_path));
    }
    rf_lint_seen_sort(seen);
    return RF_OK;
}

rf_status rf_lint(const rf_dataset *dataset, rf_lint_seen *seen, rf_finding_fn callback, void *ctx,
                  rf_lint_stats *stats) {
    rf_status status = RF_ERR_NOMEM;
    size_t n = dataset->n_samples;
    linter l = {.dataset = dataset, .seen = seen, .callback = callback, .ctx = ctx, .stats = stats};
    *stats = (rf_lint_stats){
        .images = n, .faces = dataset->n_faces, .ignored = dataset->n_ignored, .with_points = dataset->n_with_points};
    l.facts = rf_alloc(n, sizeof *l.facts);
    l.same_name = rf_alloc(n, sizeof *l.same_name);
    l.same_content = rf_alloc(n, sizeof *l.same_content);
    if (!l.facts || !l.same_name || !l.same_content) goto fail;
    rf_parallel_for(n, 1, inspect_range, &l);
    for (size_t i = 0; i < n; i++) {
        if (!l.facts[i].out_of_memory) continue;
        /* Alone it may have the memory that several at once did not have; else it is this picture's fault. */
        rf_free(l.facts[i].fault);
        l.facts[i] = (image_facts){0};
        inspect_range(&l, i, i + 1);
        if (l.facts[i].out_of_memory && !l.facts[i].fault) goto fail;
    }
    RF_TRY_GOTO(find_duplicates(&l));
    measure_images(&l);
    report_remarks(&l);
    for (size_t i = 0; i < n; i++) RF_TRY_GOTO(check_sample(&l, i));
    check_classes(&l);
    check_rule(&l);
    check_reading(&l);
    RF_TRY_GOTO(rf_lint_unnamed(dataset, stats));
    status = seen ? remember(&l, seen) : RF_OK;
fail:
    for (size_t i = 0; l.facts && i < n; i++) rf_free(l.facts[i].fault);
    rf_free(l.facts);
    rf_free(l.same_name);
    rf_free(l.same_content);
    return status;
}
