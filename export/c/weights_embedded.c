/* SPDX-License-Identifier: Apache-2.0 */

enum { STORED_WEIGHTS = 0 };

static int load_weights(struct rf_detector *state, const char *path, float *to) {
    (void)path;
    (void)to;
    state->weights = embedded_weights;
    return 0;
}
