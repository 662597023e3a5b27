/* SPDX-License-Identifier: Apache-2.0 */

/* The picture's bytes to what the network was trained on: (value - mean) / std, in its order of the colours. */
static void fill_picture(struct rf_detector *state, const struct layer *l, int y, float *line) {
    size_t width = (size_t)state->size[l->in].w;
    const uint8_t *rgb = state->picture + (size_t)y * width * 3;
    for (size_t x = 0; x < width; x++, rgb += 3, line += 3)
        for (int c = 0; c < 3; c++) line[c] = ((float)rgb[colour_order[c]] - colour_mean[c]) / colour_std[c];
}
