/* SPDX-License-Identifier: Apache-2.0 */

/* ---- a map plus a smaller one, resized by nearest neighbour ---- */

static void upsample_add(struct rf_detector *state, const struct layer *l) {
    struct size from = state->size[l->add], size = state->size[l->out];
    size_t channels = (size_t)l->cin;
    for (int y = 0; y < size.h; y++) {
        const float *a = map_row(state, l->in, y, l->cin);
        const float *small = map_row(state, l->add, (int)((int64_t)y * from.h / size.h), l->cin);
        float *out = map_row(state, l->out, y, l->cin);
        for (int x = 0; x < size.w; x++, a += channels, out += channels) {
            const float *b = small + (size_t)((int64_t)x * from.w / size.w) * channels;
            for (size_t c = 0; c < channels; c++) out[c] = a[c] + b[c];
        }
    }
}
