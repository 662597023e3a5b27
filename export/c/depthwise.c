/* SPDX-License-Identifier: Apache-2.0 */

/* ---- depth-wise convolution ---- */

/* `pixels` neighbours, LANES channels: the weights of a tap are loaded once. */
SPECIALISED void depthwise_tile(const int pixels, const struct layer *d, const float *const *row, const float *w,
                                float *out) {
    size_t channels = (size_t)d->cin, step = (size_t)d->stride * channels;
    vec sum[4];
    for (int p = 0; p < pixels; p++) sum[p] = vec_load(w);
    for (int ky = 0; ky < d->kernel; ky++) {
        const float *in = row[ky];
        for (int kx = 0; kx < d->kernel_w; kx++, in += channels) {
            w += channels;
            vec weight = vec_load(w);
            for (int p = 0; p < pixels; p++) sum[p] = vec_times_plus(vec_load(in + (size_t)p * step), weight, sum[p]);
        }
    }
    for (int p = 0; p < pixels; p++) vec_store(out + (size_t)p * channels, vec_activate(sum[p], d->slope, d->most));
}

/* One pixel, one channel, for what does not fill a vector. */
static void depthwise_one(const struct layer *d, const float *const *row, const float *w, float *out) {
    float sum = *w;
    for (int ky = 0; ky < d->kernel; ky++)
        for (int kx = 0; kx < d->kernel_w; kx++) sum += row[ky][kx * d->cin] * *(w += d->cin);
    *out = activate(sum, d->slope, d->most);
}

/* Row y of the input of a convolution that a depth-wise one precedes: it is computed here and never stored as a map. */
static void fill_depthwise(struct rf_detector *state, const struct layer *l, int y, float *line) {
    FIRST_SET(fill_depthwise(state, l, y, line));
    const struct layer *d = l->before;
    struct size in = state->size[d->in], out = output_size(d, in);
    const float *weights = state->weights + d->weights, *row[MAX_KERNEL], *at[MAX_KERNEL];
    int first = y * d->stride - d->pad, channels = d->cin, x = 0;
    if (y == 0) start_ring(&state->before, d, in, 0);
    ring_reach(state, &state->before, d, in, first + d->kernel - 1);
    for (int ky = 0; ky < d->kernel; ky++) row[ky] = ring_row(&state->before, d, first + ky);
    while (x < out.w) {
        int pixels = out.w - x >= 4 ? 4 : 1, c = 0;
        float *to = line + (size_t)x * (size_t)channels;
        for (; c + LANES <= channels; c += LANES) {
            for (int ky = 0; ky < d->kernel; ky++) at[ky] = row[ky] + x * d->stride * channels + c;
            if (pixels == 4)
                depthwise_tile(4, d, at, weights + c, to + c);
            else
                depthwise_tile(1, d, at, weights + c, to + c);
        }
        for (int p = 0; p < pixels; p++)
            for (int rest = c; rest < channels; rest++) {
                for (int ky = 0; ky < d->kernel; ky++) at[ky] = row[ky] + (x + p) * d->stride * channels + rest;
                depthwise_one(d, at, weights + rest, to + p * channels + rest);
            }
        x += pixels;
    }
}
