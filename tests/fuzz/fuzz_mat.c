/* SPDX-License-Identifier: Apache-2.0 */
/* The ground truth's MATLAB files: byte 0 says which of the four is replaced by the rest; the others are good ones from
 * the folder RF_FUZZ_MAT, which `make fuzz` fills. */
#define _GNU_SOURCE
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/file.h"
#include "eval/wider_gt.h"
#include "tests/fuzz/harness.h"

static const char *const names[] = {"wider_face_val.mat", "wider_easy_val.mat", "wider_medium_val.mat",
                                    "wider_hard_val.mat"};
static char dir[] = "/tmp/rf_fuzz_mat_XXXXXX";

static void path_of(int i, char path[64]) {
    snprintf(path, 64, "%s/%s", dir, names[i]);
}

static void tidy(void) {
    char path[64];
    for (int i = 0; i < 4; i++) {
        path_of(i, path);
        unlink(path);
    }
    rmdir(dir);
}

/* The folder holds links: three to good files and one to the input, which lives in memory. */
static void link_files(int input, const char *input_path) {
    const char *folder = getenv("RF_FUZZ_MAT");
    char path[64], good[4096];
    for (int i = 0; i < 4; i++) {
        path_of(i, path);
        snprintf(good, sizeof good, "%s/%s", folder ? folder : ".", names[i]);
        unlink(path);
        if (symlink(i == input ? input_path : good, path) != 0) perror(path);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (!mkdtemp(dir)) exit(1);
    atexit(tidy);
    rf_wider_gt *gt;
    link_files(-1, NULL);
    if (rf_wider_gt_read(dir, &gt) != RF_OK) {
        fprintf(stderr, "fuzz_mat: RF_FUZZ_MAT must name a folder with good files: %s\n", rf_error_message());
        exit(1);
    }
    rf_wider_gt_free(gt);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int linked = -1;
    if (size < 1) return 0;
    const char *path = harness_file(0, data + 1, size - 1);
    if (linked != (*data & 3)) link_files(linked = *data & 3, path);
    rf_wider_gt *gt;
    harness_begin();
    rf_status status = rf_wider_gt_read(dir, &gt);
    harness_end(status);
    assert((status == RF_OK) == (gt != NULL));
    for (size_t i = 0; gt && i < gt->n_images; i++)
        assert(gt->images[i].first_box + gt->images[i].n_boxes <= gt->n_boxes);
    rf_wider_gt_free(gt);
    return 0;
}
