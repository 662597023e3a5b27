/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/hungarian.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"

/* Shortest augmenting paths with potentials; row and column 0 are the artificial start. n <= m. */
typedef struct problem {
    const double *gain;
    size_t n, m, cols;
    bool turned;           /* n counts the columns of gain */
    double *u, *v, *least; /* potentials [n+1], [m+1]; cheapest way to each column [m+1] */
    size_t *row, *way;     /* [m+1] row that holds the column, 0: none; column before on the path */
    bool *used;            /* [m+1] */
} problem;

static double cost(const problem *p, size_t i, size_t j) {
    return -(p->turned ? p->gain[(j - 1) * p->cols + i - 1] : p->gain[(i - 1) * p->cols + j - 1]);
}

/* Extends the tree of cheapest ways by one column; returns it. */
static size_t grow_tree(problem *p, size_t at) {
    double delta = INFINITY;
    size_t i = p->row[at], next = 0;
    p->used[at] = true;
    for (size_t j = 1; j <= p->m; j++) {
        if (p->used[j]) continue;
        double c = cost(p, i, j) - p->u[i] - p->v[j];
        if (c < p->least[j]) {
            p->least[j] = c;
            p->way[j] = at;
        }
        if (p->least[j] < delta) {
            delta = p->least[j];
            next = j;
        }
    }
    for (size_t j = 0; j <= p->m; j++) {
        if (p->used[j]) {
            p->u[p->row[j]] += delta;
            p->v[j] -= delta;
        } else {
            p->least[j] -= delta;
        }
    }
    return next;
}

static void place(problem *p, size_t i) {
    size_t at = 0;
    p->row[0] = i;
    for (size_t j = 0; j <= p->m; j++) {
        p->least[j] = INFINITY;
        p->used[j] = false;
    }
    do at = grow_tree(p, at);
    while (p->row[at] != 0);
    for (; at; at = p->way[at]) p->row[at] = p->row[p->way[at]];
}

rf_status rf_hungarian(const double *gain, size_t rows, size_t cols, size_t *column) {
    bool turned = rows > cols;
    size_t n = turned ? cols : rows, m = turned ? rows : cols;
    for (size_t i = 0; i < rows; i++) column[i] = SIZE_MAX;
    if (n == 0) return RF_OK;
    problem p = {.gain = gain,
                 .n = n,
                 .m = m,
                 .cols = cols,
                 .turned = turned,
                 .u = rf_alloc(n + 1, sizeof *p.u),
                 .v = rf_alloc(m + 1, sizeof *p.v),
                 .least = rf_alloc(m + 1, sizeof *p.least),
                 .row = rf_alloc(m + 1, sizeof *p.row),
                 .way = rf_alloc(m + 1, sizeof *p.way),
                 .used = rf_alloc(m + 1, sizeof *p.used)};
    bool complete = p.u && p.v && p.least && p.row && p.way && p.used;
    for (size_t i = 1; complete && i <= n; i++) place(&p, i);
    for (size_t j = 1; complete && j <= m; j++) {
        if (!p.row[j] || !(cost(&p, p.row[j], j) < 0)) continue;
        if (turned)
            column[j - 1] = p.row[j] - 1;
        else
            column[p.row[j] - 1] = j - 1;
    }
    rf_free(p.u);
    rf_free(p.v);
    rf_free(p.least);
    rf_free(p.row);
    rf_free(p.way);
    rf_free(p.used);
    return complete ? RF_OK : RF_ERR_NOMEM;
}
