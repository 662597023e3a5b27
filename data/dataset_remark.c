/* SPDX-License-Identifier: Apache-2.0 */
/* Remarks of the parsers: see rf_remark. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/dataset.h"

rf_status rf_dataset_remark(rf_dataset *dataset, rf_remark_kind kind, int line, const char *text) {
    size_t n = dataset->n_remarks;
    if (!dataset->tolerant) return RF_OK;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        rf_remark *grown = rf_realloc(dataset->remarks, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        dataset->remarks = grown;
    }
    rf_remark remark = {.kind = kind, .line = line, .n_samples = dataset->n_samples, .text = rf_strdup(text)};
    if (!remark.text) return RF_ERR_NOMEM;
    dataset->remarks[dataset->n_remarks++] = remark;
    return RF_OK;
}

/* The message without the "file:line: " of the line at its front. */
static const char *without_place(const char *message, const char *file, int line) {
    size_t n = file ? strlen(file) : 0;
    char *stop;
    if (n == 0 || strncmp(message, file, n) != 0 || message[n] != ':') return message;
    return strtol(message + n + 1, &stop, 10) == line && stop[0] == ':' && stop[1] == ' ' ? stop + 2 : message;
}

rf_status rf_dataset_bad(rf_dataset *dataset, rf_status status, rf_remark_kind kind, int line) {
    if (status != RF_ERR_FORMAT || !dataset->tolerant) return status;
    return rf_dataset_remark(dataset, kind, line, without_place(rf_error_message(), dataset->annotation_path, line));
}

void rf_dataset_drop_sample(rf_dataset *dataset) {
    if (dataset->n_samples == 0) return;
    rf_sample *last = &dataset->samples[dataset->n_samples - 1];
    for (; dataset->n_faces > last->first_face; dataset->n_faces--) {
        const rf_face *face = &dataset->faces[dataset->n_faces - 1];
        dataset->n_ignored -= face->ignore;
        dataset->n_with_points -= face->n_points > 0;
    }
    rf_free(last->path);
    dataset->n_samples--;
}

rf_status rf_dataset_bad_counted(void *ctx, rf_status status, bool image, int line) {
    rf_dataset *dataset = ctx;
    RF_TRY(rf_dataset_bad(dataset, status, image ? RF_REMARK_IMAGE : RF_REMARK_FACE, line));
    if (image) rf_dataset_drop_sample(dataset);
    return RF_OK;
}
