/* SPDX-License-Identifier: Apache-2.0 */
#include "core/chart.h"

#include <math.h>
#include <stdio.h>

#include "core/file.h"
#include "core/show.h"

enum {
    WIDTH = 720,
    HEIGHT = 540,
    LEFT = 70,
    RIGHT = 24,
    TOP = 50,
    BOTTOM = 62,
    PLOT_W = WIDTH - LEFT - RIGHT,
    PLOT_H = HEIGHT - TOP - BOTTOM,
    LEGEND_W = 250,
    MAX_TICKS = 24,
    LABEL_BYTES = 1024
};

/* Okabe and Ito's palette, which colour-blind readers can tell apart. */
static const char *const colours[RF_CHART_SERIES] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                     "#E69F00", "#56B4E9", "#000000", "#999933"};
static const char *const dashes[RF_CHART_SERIES] = {"none", "8 3", "2 3", "8 3 2 3", "none", "8 3", "2 3", "8 3 2 3"};

/* ---- axes ---- */

void rf_axis_include(rf_axis *axis, double v) {
    if (!isfinite(v) || (axis->log && v <= 0)) return;
    if (v < axis->lo) axis->lo = v;
    if (v > axis->hi) axis->hi = v;
}

/* The distance of about `count` ticks over `span`: 1, 2 or 5 times a power of ten. */
static double tick_step(double span, int count) {
    double rough = span / count, power = pow(10, floor(log10(rough))), lead = rough / power;
    return power * (lead <= 1.0000001 ? 1 : lead <= 2.0000001 ? 2 : lead <= 5.0000001 ? 5 : 10);
}

void rf_axis_round(rf_axis *axis) {
    if (!(axis->lo <= axis->hi)) axis->lo = axis->hi = axis->log ? 1 : 0;
    if (axis->log) { /* down and up to 1, 2 or 5 times a power of ten */
        double low = pow(10, floor(log10(axis->lo))), high = pow(10, floor(log10(axis->hi)));
        axis->lo = low * (axis->lo >= 5 * low ? 5 : axis->lo >= 2 * low ? 2 : 1);
        axis->hi = high * (axis->hi < 2 * high ? 2 : axis->hi < 5 * high ? 5 : 10);
        return;
    }
    if (axis->lo == axis->hi) axis->hi = axis->lo + 1;
    double step = tick_step(axis->hi - axis->lo, 10);
    axis->lo = step * floor(axis->lo / step + 1e-9);
    axis->hi = step * ceil(axis->hi / step - 1e-9);
}

static double share(const rf_axis *axis, double v) {
    return axis->log ? log(v / axis->lo) / log(axis->hi / axis->lo) : (v - axis->lo) / (axis->hi - axis->lo);
}

static double plot_x(const rf_chart *c, double v) {
    return LEFT + PLOT_W * share(&c->x, v);
}

static double plot_y(const rf_chart *c, double v) {
    return TOP + PLOT_H * (1 - share(&c->y, v));
}

static int ticks(const rf_axis *axis, double out[MAX_TICKS]) {
    int n = 0;
    if (axis->log) {
        static const double leads[] = {1, 2, 5};
        for (int p = (int)floor(log10(axis->lo) + 1e-9); p <= 12 && n < MAX_TICKS; p++)
            for (int k = 0; k < 3 && n < MAX_TICKS; k++) {
                double v = leads[k] * pow(10, p);
                if (v >= axis->lo * 0.999999 && v <= axis->hi * 1.000001) out[n++] = v;
            }
        return n;
    }
    double step = tick_step(axis->hi - axis->lo, 10), first = ceil(axis->lo / step - 1e-9);
    for (; n < MAX_TICKS && (first + n) * step <= axis->hi + 1e-9 * step; n++) out[n] = (first + n) * step;
    return n;
}

/* ---- drawing ---- */

/* As messages show it (core/show.h), since XML takes neither control characters nor bytes that are not UTF-8. */
static void put_escaped(FILE *out, const char *text) {
    char shown[LABEL_BYTES];
    rf_show_into(shown, sizeof shown, text);
    for (const char *s = shown; *s; s++) {
        switch (*s) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*s, out);
        }
    }
}

static void put_axes(FILE *out, const rf_chart *c) {
    double at[MAX_TICKS];
    int n = ticks(&c->x, at);
    for (int i = 0; i < n; i++) {
        double x = plot_x(c, at[i]);
        fprintf(out, "<path d=\"M%.1f %dV%d\" stroke=\"#ddd\"/>\n", x, TOP, TOP + PLOT_H);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>\n", x, TOP + PLOT_H + 20, at[i]);
    }
    n = ticks(&c->y, at);
    for (int i = 0; i < n; i++) {
        double y = plot_y(c, at[i]);
        fprintf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>\n", LEFT, y, LEFT + PLOT_W);
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n", LEFT - 8, y + 5, at[i]);
    }
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#444\"/>\n", LEFT, TOP,
            PLOT_W, PLOT_H);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"16\">", LEFT + PLOT_W / 2, HEIGHT - 16);
    put_escaped(out, c->x.label);
    fprintf(out, "</text>\n<text transform=\"translate(22 %d) rotate(-90)\" text-anchor=\"middle\" font-size=\"16\">",
            TOP + PLOT_H / 2);
    put_escaped(out, c->y.label);
    fputs("</text>\n", out);
}

static bool on_plot(const rf_chart *c, double x, double y) {
    return x >= c->x.lo && x <= c->x.hi && y >= c->y.lo && y <= c->y.hi;
}

/* A point is drawn when it is half a pixel from the last one, or the last of all. */
static void put_series(FILE *out, const rf_chart *c, size_t index) {
    const rf_series *s = &c->series[index];
    double last_x = -1e9, last_y = -1e9;
    bool started = false;
    for (size_t i = 0; i < s->n && !s->no_line; i++) {
        if (!on_plot(c, s->x[i], s->y[i])) continue;
        double x = plot_x(c, s->x[i]), y = plot_y(c, s->y[i]);
        if (fabs(x - last_x) + fabs(y - last_y) < 0.5 && i + 1 < s->n) continue;
        if (!started)
            fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" points=\"",
                    colours[index], dashes[index]);
        fprintf(out, "%s%.1f,%.1f", started ? " " : "", x, y);
        started = true;
        last_x = x;
        last_y = y;
    }
    if (started) fputs("\"/>\n", out);
    for (size_t i = 0; (s->marks || s->no_line) && i < s->n; i++)
        if (on_plot(c, s->x[i], s->y[i]))
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", plot_x(c, s->x[i]),
                    plot_y(c, s->y[i]), colours[index]);
}

static void put_legend(FILE *out, const rf_chart *c) {
    if (c->n_series == 0) return;
    int height = 24 * (int)c->n_series + 12;
    int top = c->legend_top ? TOP + 14 : TOP + PLOT_H - height - 14;
    int left = c->legend_top || c->legend_right ? LEFT + PLOT_W - LEGEND_W - 14 : LEFT + 14;
    fprintf(out,
            "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#fff\" fill-opacity=\"0.9\" stroke=\"#bbb\"/>\n",
            left, top, LEGEND_W, height);
    for (size_t i = 0; i < c->n_series; i++) {
        int y = top + 18 + 24 * (int)i;
        if (c->series[i].no_line)
            fprintf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"3\" fill=\"%s\"/>\n", left + 28, y, colours[i]);
        else
            fprintf(out, "<path d=\"M%d %dh36\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n",
                    left + 10, y, colours[i], dashes[i]);
        fprintf(out, "<text x=\"%d\" y=\"%d\">", left + 56, y + 5);
        put_escaped(out, c->series[i].name);
        fputs("</text>\n", out);
    }
}

rf_status rf_chart_write(const char *path, const rf_chart *c) {
    if (c->n_series > RF_CHART_SERIES)
        return rf_fail(RF_ERR_USER, "%s: %zu curves in one picture; at most %d", path, c->n_series, RF_CHART_SERIES);
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    FILE *out = rf_atomic_stream(file);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "font-family=\"sans-serif\" font-size=\"14\" fill=\"#222\">\n<rect width=\"%d\" height=\"%d\" "
            "fill=\"#fff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    fprintf(out, "<text x=\"%d\" y=\"30\" text-anchor=\"middle\" font-size=\"18\">", LEFT + PLOT_W / 2);
    put_escaped(out, c->title);
    fputs("</text>\n", out);
    put_axes(out, c);
    for (size_t i = 0; i < c->n_series; i++) put_series(out, c, i);
    put_legend(out, c);
    fputs("</svg>\n", out);
    return rf_atomic_commit(file);
}
