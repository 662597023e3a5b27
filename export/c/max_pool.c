/* SPDX-License-Identifier: Apache-2.0 */

/* ---- the largest value of each window ---- */

static void max_pool(struct rf_detector *state, const struct layer *l) {
    struct size in = state->size[l->in], size = state->size[l->out];
    size_t channels = (size_t)l->cin;
    for (int y = 0; y < size.h; y++)
        for (int x = 0; x < size.w; x++) {
            float *out = map_row(state, l->out, y, l->cin) + (size_t)x * channels;
            int top = y * l->stride - l->pad, left = x * l->stride - l->pad_w, taken = 0;
            for (int i = top < 0 ? 0 : top; i < top + l->kernel && i < in.h; i++)
                for (int j = left < 0 ? 0 : left; j < left + l->kernel_w && j < in.w; j++) {
                    const float *from = map_row(state, l->in, i, l->cin) + (size_t)j * channels;
                    if (taken++)
                        for (size_t c = 0; c < channels; c++) out[c] = from[c] > out[c] ? from[c] : out[c];
                    else
                        memcpy(out, from, channels * sizeof *out);
                }
        }
}
