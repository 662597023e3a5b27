/* SPDX-License-Identifier: Apache-2.0 */

/* ---- convolution ---- */

enum { VECS = PANEL / LANES };

/* Adds the shortcut (or NULL) to a sum, applies the activation and stores the first n, up to LANES. */
SPECIALISED void conv_finish(vec sum, const float *add, float slope, float most, int n, float *out) {
    float shortcut[LANES], result[LANES];
    if (n >= LANES) {
        vec_store(out, vec_activate(add ? vec_plus(sum, vec_load(add)) : sum, slope, most));
        return;
    }
    for (int c = 0; c < LANES; c++) shortcut[c] = add && c < n ? add[c] : 0;
    vec_store(result, vec_activate(vec_plus(sum, vec_load(shortcut)), slope, most));
    for (int c = 0; c < n; c++) out[c] = result[c];
}

/* Sums stay in registers over the whole kernel: `pixels` and `panels` are constants where this is called. The first n
 * channels of the panels go to `out`; add is NULL or the shortcut. */
SPECIALISED void conv_tile(const int pixels, const int panels, const struct conv_work *work, const float *w,
                           const float *add, float *out, int n) {
    const int vecs = panels * VECS;
    vec sum[TILE][PANELS * VECS];
    EACH(p, pixels) {
        EACH(v, vecs) {
            sum[p][v] = vec_load(w + (size_t)(v / VECS) * work->panel + v % VECS * LANES);
        }
    }
    for (int ky = 0; ky < work->kernel; ky++) {
        const float *in = work->row[ky];
        for (size_t k = 0; k < work->taps; k++) {
            vec weight[PANELS * VECS];
            w += PANEL;
            EACH(v, vecs) {
                weight[v] = vec_load(w + (size_t)(v / VECS) * work->panel + v % VECS * LANES);
            }
            EACH(p, pixels) {
                vec value = vec_all(in[(size_t)p * work->step + k]);
                EACH(v, vecs) {
                    sum[p][v] = vec_times_plus(weight[v], value, sum[p][v]);
                }
            }
        }
    }
    EACH(p, pixels) {
        EACH(v, vecs) {
            conv_finish(sum[p][v], add ? add + v * LANES : NULL, work->slope, work->most, n - v * LANES,
                        out + v * LANES);
        }
        out += work->out_step;
        add = add ? add + work->add_step : NULL;
    }
}

/* Up to PANELS panels of a row of the output: n channels from `first` on, their weights at w. The last tile of a row
 * overlaps the one before it. add (NULL: none) and out are the row's beginning. */
static void conv_row(const struct conv_work *row, const float *w, int width, int first, int n, const float *add,
                     float *out) {
    int tile = width >= TILE ? TILE : 1;
    struct conv_work work = *row;
    for (int next = 0; next < width; next += tile) {
        size_t x = (size_t)(next + tile <= width ? next : width - tile);
        const float *a = add ? add + x * row->add_step + first : NULL;
        float *to = out + x * row->out_step + first;
        for (int ky = 0; ky < row->kernel; ky++) work.row[ky] = row->row[ky] + x * row->step;
        if (tile == 1)
            for (int p = 0; p < n; p += PANEL)
                conv_tile(1, 1, &work, w + (size_t)(p / PANEL) * work.panel, a ? a + p : NULL, to + p, n - p);
        else if (n > PANEL)
            conv_tile(TILE, PANELS, &work, w, a, to, n);
        else
            conv_tile(TILE, 1, &work, w, a, to, n);
    }
}

/* All rows of output channels [first, end). */
static void conv_channels(struct rf_detector *state, const struct layer *l, struct size in, struct size out, int first,
                          int end) {
    struct conv_work work = {.taps = (size_t)l->kernel_w * (size_t)l->cin,
                             .step = (size_t)l->stride * (size_t)l->cin,
                             .out_step = (size_t)map_channels[l->out],
                             .add_step = (size_t)l->cout,
                             .kernel = l->kernel,
                             .slope = l->slope,
                             .most = l->most};
    work.panel = PANEL * (1 + (size_t)l->kernel * work.taps);
    if (l->fill) start_ring(&state->rows, l, in, 0);
    for (int y = 0; y < out.h; y++) {
        int top = y * l->stride - l->pad;
        if (l->fill) ring_reach(state, &state->rows, l, in, top + l->kernel - 1);
        for (int ky = 0; ky < l->kernel; ky++)
            work.row[ky] = l->fill ? ring_row(&state->rows, l, top + ky)
                                   : state->maps[l->in] + (size_t)top * (size_t)in.w * (size_t)l->cin;
        const float *add = l->add < 0 ? NULL : state->maps[l->add] + (size_t)y * (size_t)out.w * (size_t)l->cout;
        float *to = state->maps[l->out] + (size_t)y * (size_t)out.w * (size_t)map_channels[l->out] + l->channel;
        for (int c = first; c < end; c += PANELS * PANEL)
            conv_row(&work, state->weights + l->weights + (size_t)(c / PANEL) * work.panel, out.w, c,
                     end - c < PANELS * PANEL ? end - c : PANELS * PANEL, add, to);
    }
}

static void conv(struct rf_detector *state, const struct layer *l) {
    FIRST_SET(conv(state, l));
    struct size in = input_size(state, l), out = state->size[l->out];
    int row = l->kernel * l->kernel_w * l->cin * PANEL, group = PANELS * PANEL;
    if (row < CACHED_WEIGHTS) group *= CACHED_WEIGHTS / row;
    if (!l->fill && l->stride == 1) { /* one long row: no tile is cut */
        in.w = out.w = out.w * out.h;
        in.h = out.h = 1;
    }
    for (int first = 0; first < l->cout; first += group)
        conv_channels(state, l, in, out, first, l->cout - first < group ? l->cout : first + group);
}
