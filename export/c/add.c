/* SPDX-License-Identifier: Apache-2.0 */

/* ---- the sum of two maps, or a copy of one, as channels of another ---- */

static void add_maps(struct rf_detector *state, const struct layer *l) {
    struct size size = state->size[l->out];
    size_t channels = (size_t)l->cin, step = (size_t)map_channels[l->out];
    for (int y = 0; y < size.h; y++) {
        const float *a = map_row(state, l->in, y, l->cin), *b = l->add < 0 ? NULL : map_row(state, l->add, y, l->cin);
        float *out = map_row(state, l->out, y, map_channels[l->out]) + l->channel;
        for (int x = 0; x < size.w; x++, a += channels, out += step) {
            if (b)
                for (size_t c = 0; c < channels; c++) out[c] = a[c] + b[c];
            else
                memcpy(out, a, channels * sizeof *out);
            b = b ? b + channels : NULL;
        }
    }
}
