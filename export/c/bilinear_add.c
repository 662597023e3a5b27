/* SPDX-License-Identifier: Apache-2.0 */

/* ---- a map plus a smaller one, resized bilinearly ---- */

/* Where pixel i of `out` lies among `in` source pixels: between `low` and `high`, `part` of the way. Centres are at
 * i + 0.5; beyond the last centres the border's value goes on. */
struct between {
    int low, high;
    float part;
};

static struct between between(int i, int in, int out) {
    struct between b;
    double at = (i + 0.5) * in / out - 0.5;
    if (at < 0) at = 0;
    b.low = (int)at;
    b.high = b.low + 1 < in ? b.low + 1 : b.low;
    b.part = (float)(at - b.low);
    return b;
}

static void bilinear_add(struct rf_detector *state, const struct layer *l) {
    struct size from = state->size[l->add], size = state->size[l->out];
    size_t channels = (size_t)l->cin;
    for (int y = 0; y < size.h; y++) {
        struct between v = between(y, from.h, size.h);
        const float *a = map_row(state, l->in, y, l->cin);
        const float *top = map_row(state, l->add, v.low, l->cin), *bottom = map_row(state, l->add, v.high, l->cin);
        float *out = map_row(state, l->out, y, l->cin);
        for (int x = 0; x < size.w; x++, a += channels, out += channels) {
            struct between h = between(x, from.w, size.w);
            size_t left = (size_t)h.low * channels, right = (size_t)h.high * channels;
            for (size_t c = 0; c < channels; c++) {
                float upper = (1 - h.part) * top[left + c] + h.part * top[right + c];
                float lower = (1 - h.part) * bottom[left + c] + h.part * bottom[right + c];
                out[c] = a[c] + (1 - v.part) * upper + v.part * lower;
            }
        }
    }
}
