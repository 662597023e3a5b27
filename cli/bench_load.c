/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench load: the loader alone, and the data sets that benchmarks read. */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/model.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/mem.h"
#include "data/loader.h"
#include "data/synth.h"

enum { DRAWN = 32 };

/* A set drawn into a temporary folder, when the configuration names none. */
static rf_status draw_set(rf_config *config, rf_bench_set *out) {
    const char *wanted = getenv("TMPDIR"), *parent = wanted && *wanted ? wanted : "/tmp";
    snprintf(out->temporary, sizeof out->temporary, "%s/rf_bench_XXXXXX", parent);
    if (!mkdtemp(out->temporary)) {
        *out->temporary = 0;
        return rf_fail(RF_ERR_IO, "cannot make a folder in %s for the drawn pictures: set data.root", parent);
    }
    rf_say("data.root is empty: %d drawn pictures of 1024x768\n", DRAWN);
    rf_synth_options options;
    rf_synth_defaults(&options);
    options.width = 1024;
    options.height = 768;
    snprintf(config->data.root, sizeof config->data.root, "%s", out->temporary);
    return rf_synth_write(out->temporary, DRAWN, DRAWN, 1, &options, NULL, NULL);
}

rf_status rf_bench_set_open(rf_config *config, bool validation, rf_bench_set *out) {
    *out = (rf_bench_set){0};
    if (!*config->data.root) RF_TRY(draw_set(config, out));
    RF_TRY(validation ? rf_open_validation_set(config, &out->dataset) : rf_open_training_set(config, &out->dataset));
    if (!out->dataset) return rf_fail(RF_ERR_USER, "data.val is empty: it names the pictures to measure with");
    rf_say("%zu pictures of %s\n", out->dataset->n_samples, out->dataset->annotation_path);
    return RF_OK;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where) {
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void rf_bench_set_close(rf_bench_set *set) {
    rf_dataset_free(set->dataset);
    if (*set->temporary) nftw(set->temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    *set = (rf_bench_set){0};
}

static rf_status run(rf_bench *b, const rf_dataset *dataset) {
    rf_loader *loader = NULL;
    const rf_batch *batch;
    rf_samples times = {0};
    rf_status status;
    if (b->batch) b->config.train.batch = b->batch;
    if (b->size[0]) b->config.input.size = b->size[0];
    rf_say("batches of %ld at %ldx%ld, %ld workers\n", b->config.train.batch, b->config.input.size,
           b->config.input.size, b->config.data.workers);
    RF_TRY_GOTO(rf_loader_open(dataset, &b->config, (uint64_t)b->config.train.seed, &loader));
    /* What was prepared ahead is not measured. */
    for (long i = 0; i <= b->config.data.prefetch; i++) RF_TRY_GOTO(rf_loader_next(loader, &batch));
    double begin = rf_clock_seconds(), last = begin;
    for (long i = 0; i < b->iterations; i++) {
        RF_TRY_GOTO(rf_loader_next(loader, &batch));
        double now = rf_clock_seconds();
        RF_TRY_GOTO(rf_samples_add(&times, now - last));
        last = now;
    }
    double rate = (double)(b->iterations * b->config.train.batch) / (last - begin);
    rf_bench_tell(b, "batch", &times);
    rf_bench_tell_rate(b, rate);
fail:
    rf_loader_close(loader);
    rf_free(times.v);
    return status;
}

int rf_bench_load(int argc, char **argv) {
    static const rf_bench_command command = {
        "rf-bench load",
        "time the training loader",
        "  Reads and augments training batches of [data] (--set data.root=DIR), else of a drawn set in a temporary\n"
        "  folder, as fast as data.workers threads give them. img_s is over all measured batches.",
        "  rf-bench load configs/mnet025.ini --set data.root=/data/faces",
        "side of the training images (input.size)",
        true,
        false,
        false,
        NULL,
        30};
    rf_bench bench;
    int code;
    if (!rf_bench_begin(&command, argc, argv, &bench, &code)) return code;
    rf_bench_set set;
    rf_status status = rf_bench_set_open(&bench.config, false, &set);
    if (status == RF_OK) status = run(&bench, set.dataset);
    rf_bench_set_close(&set);
    return rf_bench_end(&bench, status);
}
