/* SPDX-License-Identifier: Apache-2.0 */

/* ---- 3x3 convolution of stride 1 by Winograd's method ---- */

/* F(2x2,3x3) of Lavin and Gray (2016): 16 products make 2x2 pixels, where the plain way takes 36. The input's 4x4 patch
 * d becomes B'dB, the kernel's 3x3 became GgG' when it was exported, and the products m become A'mA, with 1  0 -1  0 1
 * 0  0         1  1  1  0 B' = 0  1  1  0     2 G = 1  1  1    A' = 0  1 -1 -1 0 -1  1  0         1 -1  1 0  1  0 -1 0
 * 0  1  (first and last row of G: 1, not 1/2) The weights are 16 convolutions of size 1; the bias is that of product
 * (1,1), which every pixel contains once. */

/* to[16][tiles][channels]; row[i]: row i of the first patch. */
static void winograd_input(const float *const row[4], size_t channels, size_t tiles, float *to) {
    for (size_t t = 0; t < tiles; t++)
        for (size_t c = 0; c < channels; c += LANES) {
            vec d[4][4], e[4][4], out[4];
            for (int i = 0; i < 4; i++)
                for (size_t j = 0; j < 4; j++) d[i][j] = vec_load(row[i] + (2 * t + j) * channels + c);
            for (int j = 0; j < 4; j++) {
                e[0][j] = vec_minus(d[0][j], d[2][j]);
                e[1][j] = vec_plus(d[1][j], d[2][j]);
                e[2][j] = vec_minus(d[2][j], d[1][j]);
                e[3][j] = vec_minus(d[1][j], d[3][j]);
            }
            for (size_t i = 0; i < 4; i++) {
                out[0] = vec_minus(e[i][0], e[i][2]);
                out[1] = vec_plus(e[i][1], e[i][2]);
                out[2] = vec_minus(e[i][2], e[i][1]);
                out[3] = vec_minus(e[i][1], e[i][3]);
                for (size_t j = 0; j < 4; j++) vec_store(to + ((4 * i + j) * tiles + t) * channels + c, out[j]);
            }
        }
}

/* The pixels of tiles [first, first + tiles) in the output's rows y and y + 1. from[16][tiles][cout]. */
static void winograd_output(struct rf_detector *state, const struct layer *l, const float *from, int y, int first,
                            int tiles) {
    struct size size = state->size[l->out];
    size_t step = (size_t)map_channels[l->out], cout = (size_t)l->cout;
    for (int t = 0; t < tiles; t++)
        for (size_t c = 0; c < cout; c += LANES) {
            vec m[4][4], s[2][4];
            for (size_t i = 0; i < 4; i++)
                for (size_t j = 0; j < 4; j++)
                    m[i][j] = vec_load(from + ((4 * i + j) * (size_t)tiles + (size_t)t) * cout + c);
            for (int j = 0; j < 4; j++) {
                s[0][j] = vec_plus(vec_plus(m[0][j], m[1][j]), m[2][j]);
                s[1][j] = vec_minus(vec_minus(m[1][j], m[2][j]), m[3][j]);
            }
            for (int i = 0; i < 2 && y + i < size.h; i++) {
                size_t pixel = (size_t)(y + i) * (size_t)size.w + 2 * (size_t)(first + t);
                const float *add = l->add < 0 ? NULL : state->maps[l->add] + pixel * cout + c;
                float *out = state->maps[l->out] + pixel * step + (size_t)l->channel + c;
                conv_finish(vec_plus(vec_plus(s[i][0], s[i][1]), s[i][2]), add, l->slope, l->most, LANES, out);
                if (2 * (first + t) + 1 < size.w)
                    conv_finish(vec_minus(vec_minus(s[i][1], s[i][2]), s[i][3]), add ? add + cout : NULL, l->slope,
                                l->most, LANES, out + step);
            }
        }
}

static void winograd(struct rf_detector *state, const struct layer *l) {
    FIRST_SET(winograd(state, l));
    struct size size = state->size[l->in];
    size_t cin = (size_t)l->cin, cout = (size_t)l->cout;
    struct conv_work work = {.taps = cin,
                             .step = cin,
                             .panel = PANEL * (1 + cin),
                             .out_step = cout,
                             .kernel = 1,
                             .slope = 1,
                             .most = FLT_MAX};
    const float *weights = state->weights + l->weights;
    float *products = state->scratch + 16 * WINOGRAD_TILES * cin;
    const float *row[4];
    start_ring(&state->rows, l, size, 1);
    for (int y = 0; y < size.h; y += 2) {
        ring_reach(state, &state->rows, l, size, y + 2);
        for (int first = 0, across = (size.w + 1) / 2; first < across; first += WINOGRAD_TILES) {
            int tiles = across - first < WINOGRAD_TILES ? across - first : WINOGRAD_TILES;
            for (int i = 0; i < 4; i++) row[i] = ring_row(&state->rows, l, y - 1 + i) + 2 * (size_t)first * cin;
            winograd_input(row, cin, (size_t)tiles, state->scratch);
            for (size_t k = 0; k < 16; k++) {
                work.row[0] = state->scratch + k * (size_t)tiles * cin;
                for (int c = 0; c < l->cout; c += PANELS * PANEL)
                    conv_row(&work, weights + (k * cout + (size_t)c) / PANEL * work.panel, tiles, c,
                             l->cout - c < PANELS * PANEL ? l->cout - c : PANELS * PANEL, NULL,
                             products + k * (size_t)tiles * cout);
            }
            winograd_output(state, l, products, y, first, tiles);
        }
    }
}
