/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints. Byte 0 chooses a place in the header of a good one, from which as many bytes as byte 1 says are replaced
 * by the rest: a number of the metadata, the configuration, or (0) any place, which bytes 2 and 3 give. */
#define _GNU_SOURCE
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "layers/params.h"
#include "tests/fuzz/harness.h"
#include "train/checkpoint.h"

static rf_config config;
static rf_params *params;
static rf_optimizer optimizer;
static uint8_t *good;
static size_t good_bytes;
static uint64_t header_bytes;

static void must(rf_status status) {
    if (status == RF_OK) return;
    fprintf(stderr, "fuzz_checkpoint: %s\n", rf_error_message());
    exit(1);
}

/* One convolution with its batch normalisation: a real network would make a run take a hundred times as long. */
static void make_params(void) {
    static char names[5][16] = {"weight", "gamma", "beta", "running_mean", "running_var"};
    size_t index;
    params = rf_params_new();
    for (int i = 0; i < 5; i++) {
        static const rf_param_kind kinds[] = {RF_PARAM_CONV, RF_PARAM_BN_GAMMA, RF_PARAM_BN_BETA, RF_PARAM_BN_MEAN,
                                              RF_PARAM_BN_VAR};
        rf_param want = {.name = names[i], .kind = kinds[i], .n_dims = i ? 1 : 4, .dims = {4}, .lr_mult = 1};
        if (i == 0) memcpy(want.dims, (size_t[]){4, 3, 1, 1}, sizeof want.dims);
        must(rf_params_get(params, &want, &index));
    }
    must(rf_params_seal(params));
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    char path[64];
    snprintf(path, sizeof path, "/tmp/rf_fuzz_checkpoint_%ld", (long)getpid());
    rf_config_defaults(&config);
    make_params();
    must(rf_optimizer_init(&optimizer, &config, params));
    rf_progress progress = {.step = 12, .epoch = 3, .batch = 1, .seed = 5, .best = 0.25, .best_step = 9};
    must(rf_checkpoint_write(path, &config, &optimizer, &progress));
    must(rf_file_read(path, 0, &good, &good_bytes));
    unlink(path);
    memcpy(&header_bytes, good, sizeof header_bytes);
    return 0;
}

/* Where the part of the header begins that is replaced. */
static size_t place_of(uint8_t choice, const uint8_t *data, size_t size) {
    static const char *const keys[] = {"rf.format",    "rf.version",   "rf.config", "rf.step",
                                       "rf.epoch",     "rf.batch",     "rf.seed",   "rf.best",
                                       "rf.best_step", "rf.evaluated", "rf.crc32"};
    size_t n = sizeof keys / sizeof *keys;
    const uint8_t *found = NULL;
    char quoted[32];
    if (choice % (n + 1)) {
        snprintf(quoted, sizeof quoted, "\"%s\":\"", keys[choice % (n + 1) - 1]);
        found = memmem(good, 8 + (size_t)header_bytes, quoted, strlen(quoted));
        assert(found);
        return (size_t)(found - good) + strlen(quoted);
    }
    return size < 2 ? 8 : 8 + (size_t)(data[0] | data[1] << 8) % (size_t)header_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t at = place_of(data[0], data + 2, size - 2), drop = data[1], skip = data[0] % 12 ? 2 : 4;
    if (skip > size) skip = size;
    if (drop > 8 + header_bytes - at) drop = 8 + (size_t)header_bytes - at;
    size_t added = size - skip, bytes = good_bytes - drop + added;
    uint64_t header = header_bytes - drop + added;
    uint8_t *copy = rf_alloc(bytes, 1);
    memcpy(copy, good, at);
    memcpy(copy, &header, sizeof header);
    memcpy(copy + at, data + skip, added);
    memcpy(copy + at + added, good + at + drop, good_bytes - at - drop);
    const char *path = harness_file(0, copy, bytes);
    rf_free(copy);

    rf_progress progress, before;
    memset(&progress, 0x5a, sizeof progress);
    before = progress;
    harness_begin();
    rf_status status = rf_checkpoint_read(path, &optimizer, &progress);
    harness_end(status);
    if (status != RF_OK) assert(memcmp(&progress, &before, sizeof before) == 0);
    char *text;
    rf_config read;
    harness_begin();
    status = rf_checkpoint_config(path, &text);
    harness_end(status);
    if (status != RF_OK) return 0;
    harness_end(rf_config_parse(path, text, NULL, 0, &read));
    rf_free(text);
    return 0;
}
