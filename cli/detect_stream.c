/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/detect.h"

/* In the order of the question. Raw frames have no looks; --raw names them. */
static const rf_stream_kind *const kinds[] = {&rf_stream_pictures, &rf_stream_y4m};

const rf_stream_kind *rf_stream_sniff(const uint8_t *head, size_t n) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->is(head, n)) return kinds[i];
    return NULL;
}
