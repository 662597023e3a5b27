/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of forward and backward-data: a tile of MR rows x NV vectors of sums in registers, one element of
 * each row broadcast against the vectors of the packed right factor. Sizes fill the register file: 12x2 of 32
 * (AVX-512), 6x2 of 16. */
#include "autograd/kernels/conv_internal.h"
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/isa/conv_vec.h"

void RF_ISA_NAME(rf_conv_wtile)(const rf_conv_wtile *tile);
void RF_ISA_NAME(rf_conv_split)(const rf_real *x, size_t step, int count, int n, int width, rf_real *out, size_t panel);

enum { LINED_MOST = 2 * MR }; /* rows of a tile at most */

ALWAYS_INLINE vec load_columns(const rf_real *p, bool part, int n) {
    return part ? vec_load_part(p, n) : vec_load(p);
}

/* The usual end of a tile: whole, and nothing but a bias and an activation on the way, straight from the registers. */
ALWAYS_INLINE void finish_whole(const int nv, const bool act, const rf_real slope, vec (*acc)[NV], const vec *bias,
                                const int mr, rf_real *const *y, int column) {
#pragma GCC unroll 12
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            vec r = acc[i][v] + bias[v];
            vec_store(y[i] + column + v * VL, act ? vec_leaky(r, slope) : r);
        }
}

/* Stores a tile with everything that may happen on the way. `last` = valid columns of the last vector when `part`. */
ALWAYS_INLINE void finish(const int nv, const bool part, const rf_conv_block *q, vec (*acc)[NV], const int mr,
                          rf_real *const *y, int rows, int column, int last) {
    const rf_conv_epilogue *e = &q->epilogue;
    vec bias[NV] = {{0}};
    if (e->bias)
        for (int v = 0; v < nv; v++) bias[v] = load_columns(e->bias + column + v * VL, part && v == nv - 1, last);
    if (!part && rows >= mr && !q->add && !e->residual && !q->stream) {
        if (e->act)
            finish_whole(nv, true, e->slope, acc, bias, mr, y, column);
        else
            finish_whole(nv, false, 0, acc, bias, mr, y, column);
        return;
    }
    vec sums[LINED_MOST][NV]; /* a copy: indexed by a variable, the sums themselves would not stay in registers */
#pragma GCC unroll 12
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) sums[i][v] = acc[i][v];
    for (int i = 0; i < mr; i++) {
        if (i >= rows) return;
        for (int v = 0; v < nv; v++) {
            const bool cut = part && v == nv - 1;
            rf_real *out = y[i] + column + v * VL;
            vec r = sums[i][v] + bias[v];
            if (q->add) r += load_columns(out, cut, last);
            if (e->residual) r += load_columns(e->residual + (out - q->y_base), cut, last);
            if (e->act) r = vec_leaky(r, e->slope);
            if (cut)
                vec_store_part(out, r, last);
            else if (q->stream)
                vec_stream(out, r);
            else
                vec_store(out, r);
        }
    }
}

enum { LINE = 64 / sizeof(rf_real) };

/* What a tile fetches for the next block, `lines` cache lines for each LINE of its depth. */
typedef struct fetch {
    const char *at;
    size_t lines;
} fetch;

/* The arrays are shared out among the panels of columns. */
ALWAYS_INLINE fetch fetch_of(const rf_conv_block *q, int index, int array) {
    if (array >= RF_CONV_AHEAD || !q->ahead[array]) return (fetch){NULL, 0};
    size_t steps = ((size_t)q->k + LINE - 1) / LINE * (size_t)(q->tap1 - q->tap0);
    return (fetch){q->ahead[array] + (size_t)index * q->ahead_bytes[array],
                   (q->ahead_bytes[array] / 64 + steps - 1) / steps};
}

/* Into the second-level cache: the first is full of this block. */
ALWAYS_INLINE void fetch_some(fetch *f) {
    for (size_t i = 0; i < f->lines; i++, f->at += 64) __builtin_prefetch(f->at, 0, 2);
}

ALWAYS_INLINE void tile(const int nv, const bool part, const rf_conv_block *q, int index, const rf_real *b, int column,
                        int last) {
    vec acc[MR][NV];
    for (int i = 0; i < MR; i++)
        for (int v = 0; v < nv; v++) acc[i][v] = (vec){0};
    const rf_real *const *rows = q->rows + ((size_t)index * q->taps + q->tap0) * MR;
    const int panels = (q->n1 - q->n0 + NR - 1) / NR, number = (column - q->n0) / NR;
    fetch ahead[RF_CONV_AHEAD];
    for (int s = 0; s < RF_CONV_AHEAD; s++) ahead[s] = fetch_of(q, index, number + s * panels);
    for (int t = q->tap0; t < q->tap1; t++, rows += MR) {
        /* What comes next lies in twelve places at once, too many for the hardware to guess. */
        const rf_real *const *next = t + 1 < q->tap1 || index + 1 < q->tiles ? rows + MR : rows;
        const rf_real *a[MR];
        for (int i = 0; i < MR; i++) a[i] = rows[i];
        for (ptrdiff_t c = 0; c < q->k;) {
            for (int i = 0; i < MR; i++) __builtin_prefetch(next[i] + c);
            for (int s = 0; s < RF_CONV_AHEAD; s++) fetch_some(&ahead[s]);
            for (ptrdiff_t end = c + LINE < q->k ? c + LINE : q->k; c < end; c++, b += nv * VL) {
                vec w[NV];
                for (int v = 0; v < nv; v++) w[v] = vec_load(b + v * VL);
                for (int i = 0; i < MR; i++) {
                    rf_real s = a[i][c];
                    for (int v = 0; v < nv; v++) acc[i][v] += w[v] * s;
                }
            }
        }
    }
    finish(nv, part, q, acc, MR, q->y + (size_t)index * MR, index + 1 == q->tiles ? q->last_rows : MR, column, last);
}

/* What a tile of evenly spaced rows fetches: up to RF_CONV_AHEAD arrays in equal steps, one for each element of depth.
 * Streams without an array follow another one's. */
typedef struct streams {
    const char *at[RF_CONV_AHEAD];
    size_t step;
} streams;

ALWAYS_INLINE streams streams_of(const rf_conv_block *q, int row, int rows, int column, const rf_real *b) {
    const int panels = (q->n1 - q->n0 + NR - 1) / NR, number = (column - q->n0) / NR;
    streams out = {{(const char *)b, (const char *)b, (const char *)b}, 0};
    size_t most = 0;
    for (int s = 0; s < RF_CONV_AHEAD; s++) {
        int array = number + s * panels;
        if (array >= RF_CONV_AHEAD || !q->ahead[array]) {
            out.at[s] = out.at[s > 0 ? s - 1 : 0];
            continue;
        }
        size_t bytes = q->ahead_bytes[array] / MR;
        out.at[s] = q->ahead[array] + (size_t)row * bytes;
        if (bytes > most) most = bytes;
    }
    out.step = (most * (size_t)rows + (size_t)q->k - 1) / (size_t)q->k;
    return out;
}

enum { SHARING = 3 }; /* rows whose addresses share a register: 0, 1 and 2 times the pitch from it */

/* `mr` rows at a + row * a_pitch: few registers for addresses, so that none of them is kept in memory. */
ALWAYS_INLINE void lined_tile(const int mr, const int nv, const bool part, const rf_conv_block *q, int row,
                              const rf_real *b, int column, int last) {
    vec acc[LINED_MOST][NV];
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) acc[i][v] = (vec){0};
    const ptrdiff_t pitch = (ptrdiff_t)q->a_pitch;
    streams ahead = streams_of(q, row, mr, column, b);
    size_t at = 0;
    for (int t = q->tap0; t < q->tap1; t++) {
        const rf_real *a[LINED_MOST / SHARING];
        for (int g = 0; g < mr / SHARING; g++) a[g] = q->a + (row + g * SHARING) * pitch + (size_t)t * q->a_tap;
        for (int c = 0; c < q->k; c++, b += nv * VL, at += ahead.step) {
            vec w[NV];
            for (int s = 0; s < RF_CONV_AHEAD; s++) __builtin_prefetch(ahead.at[s] + at, 0, 2);
            for (int v = 0; v < nv; v++) w[v] = vec_load(b + v * VL);
            for (int i = 0; i < mr; i++) {
                rf_real s = a[i / SHARING][i % SHARING * pitch];
                for (int v = 0; v < nv; v++) acc[i][v] += w[v] * s;
            }
            for (int g = 0; g < mr / SHARING; g++) a[g]++;
        }
    }
    finish(nv, part, q, acc, mr, q->y + row, (q->tiles - 1) * MR + q->last_rows - row, column, last);
}

/* All tiles against one panel of the right factor. */
ALWAYS_INLINE void panel(const int nv, const bool part, const rf_conv_block *q, const rf_real *b, int column,
                         int last) {
    int done = 0;
    b += (size_t)q->tap0 * q->k * nv * VL;
    if (q->a) {
        const int whole = q->tiles - (q->rows && q->last_rows < MR ? 1 : 0);
        /* One vector of columns: a tile alone has too few sums to keep both units busy, but registers to spare. */
        if (nv == 1 && VEC_BYTES < 64)
            for (; done + 2 <= whole; done += 2) lined_tile(2 * MR, nv, part, q, done * MR, b, column, last);
        for (; done < whole; done++) lined_tile(MR, nv, part, q, done * MR, b, column, last);
    }
    for (; done < q->tiles; done++) tile(nv, part, q, done, b, column, last);
}

static void block(const rf_conv_block *q) {
    size_t depth = (size_t)q->taps * q->k;
    for (int column = q->n0; column < q->n1; column += NR) {
        const rf_real *b = q->b + depth * column;
        int width = q->n - column < NR ? q->n - column : NR;
        int last = width - (width - 1) / VL * VL;
        if (width > VL && last == VL)
            panel(NV, false, q, b, column, last);
        else if (width > VL)
            panel(NV, true, q, b, column, last);
        else if (last == VL)
            panel(1, false, q, b, column, last);
        else
            panel(1, true, q, b, column, last);
    }
    if (q->stream) vec_stream_end();
}

extern const rf_conv_kernels RF_ISA_NAME(rf_conv_kernels);
const rf_conv_kernels RF_ISA_NAME(rf_conv_kernels) = {
    .mr = MR,
    .vl = VL,
    .nr = NR,
    .wr = WR,
    .block = block,
    .wtile = RF_ISA_NAME(rf_conv_wtile),
    .split = RF_ISA_NAME(rf_conv_split),
};
