/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of a graph goes: by kind of op, node by node, and as a roofline picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/say.h"
#include "core/chart.h"
#include "core/file.h"
#include "core/mem.h"

enum { SHOWN = 15 };

rf_status rf_profile_make(const rf_graph *graph, rf_profile *out) {
    out->graph = graph;
    out->n = rf_graph_node_count(graph);
    out->nodes = rf_alloc((size_t)out->n, sizeof *out->nodes);
    return out->nodes ? RF_OK : RF_ERR_NOMEM;
}

void rf_profile_free(rf_profile *p) {
    for (int i = 0; p->nodes && i < p->n; i++) rf_free(p->nodes[i].v);
    rf_free(p->nodes);
    *p = (rf_profile){0};
}

rf_status rf_profile_add(rf_profile *p, rf_exec *exec) {
    for (int i = 0; i < p->n; i++) RF_TRY(rf_samples_add(&p->nodes[i], rf_exec_node_seconds(exec, i)));
    rf_exec_reset_times(exec);
    return RF_OK;
}

/* One node, or all nodes of a kind. */
typedef struct row {
    const char *name, *kind;
    rf_pass pass;
    int count;
    double seconds, flops, bytes;
    rf_shape shape; /* of the first output */
} row;

static row node_row(const rf_profile *p, int index) {
    rf_node_info info = rf_graph_node(p->graph, index);
    row r = {.name = info.name,
             .kind = info.op ? info.op->name : "host",
             .pass = info.pass,
             .count = 1,
             .seconds = rf_samples_median(&p->nodes[index]),
             .flops = info.flops,
             .bytes = info.bytes};
    if (info.n_outputs) r.shape = rf_graph_shape(p->graph, info.outputs[0]);
    return r;
}

static int by_seconds(const void *a, const void *b) {
    const row *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static int add_to_kind(row *kinds, int n, const row *node) {
    int k = 0;
    while (k < n && (strcmp(kinds[k].kind, node->kind) != 0 || kinds[k].pass != node->pass)) k++;
    if (k == n) {
        kinds[k] = *node;
        return n + 1;
    }
    kinds[k].count++;
    kinds[k].seconds += node->seconds;
    kinds[k].flops += node->flops;
    kinds[k].bytes += node->bytes;
    return n;
}

static const char *pass_text(rf_pass pass) {
    return pass == RF_PASS_FORWARD ? "forward" : "backward";
}

static double rate(double amount, double seconds) {
    return seconds > 0 ? amount / seconds / 1e9 : 0;
}

static void print_rates(const row *r, const rf_peak *peak, double total) {
    double gflops = rate(r->flops, r->seconds), gb = rate(r->bytes, r->seconds);
    rf_say("%9.3f %6.1f%% %9.1f %6.1f%% %8.1f %6.1f%%\n", 1e3 * r->seconds, 100 * r->seconds / total, gflops,
           100 * gflops / peak->gflops, gb, 100 * gb / peak->gb_s);
}

static void print_kinds(rf_bench *b, const row *kinds, int n, const rf_peak *peak, double total) {
    rf_say("\n%-17s %-8s %5s %9s %7s %9s %7s %8s %7s\n", "op", "pass", "nodes", "ms", "share", "GFLOP/s", "of peak",
           "GB/s", "of peak");
    rf_json_begin_array(&b->out, "ops");
    for (int i = 0; i < n; i++) {
        rf_say("%-17s %-8s %5d ", kinds[i].kind, pass_text(kinds[i].pass), kinds[i].count);
        print_rates(&kinds[i], peak, total);
        rf_json_begin_object(&b->out, NULL);
        rf_json_put_string(&b->out, "op", kinds[i].kind);
        rf_json_put_string(&b->out, "pass", pass_text(kinds[i].pass));
        rf_json_put_int(&b->out, "nodes", kinds[i].count);
        rf_json_put_number(&b->out, "seconds", kinds[i].seconds);
        rf_json_put_number(&b->out, "gflops", rate(kinds[i].flops, kinds[i].seconds));
        rf_json_put_number(&b->out, "gb_s", rate(kinds[i].bytes, kinds[i].seconds));
        rf_json_end_object(&b->out);
    }
    rf_json_end_array(&b->out);
}

static void print_nodes(const row *rows, int n, const rf_peak *peak, double total) {
    rf_say("\n%-44s %-9s %15s %9s %7s %9s %7s %8s %7s\n", "costliest nodes", "pass", "output", "ms", "share", "GFLOP/s",
           "of peak", "GB/s", "of peak");
    for (int i = 0; i < n && i < SHOWN; i++) {
        char shape[64];
        rf_say("%-44.44s %-9s %15s ", rows[i].name, pass_text(rows[i].pass), rf_shape_text(&rows[i].shape, shape));
        print_rates(&rows[i], peak, total);
    }
}

static rf_status write_csv(const char *path, const row *rows, int n, const rf_peak *peak) {
    rf_text t = {0};
    rf_text_put(&t, "node,op,pass,output,ms,gflop,mb,gflop_s,share_of_peak,gb_s,share_of_stream\n");
    for (int i = 0; i < n; i++) {
        char shape[64];
        double gflops = rate(rows[i].flops, rows[i].seconds), gb = rate(rows[i].bytes, rows[i].seconds);
        rf_text_printf(&t, "%s,%s,%s,%s,%.4f,%.5f,%.3f,%.2f,%.4f,%.2f,%.4f\n", rows[i].name, rows[i].kind,
                       pass_text(rows[i].pass), rf_shape_text(&rows[i].shape, shape), 1e3 * rows[i].seconds,
                       1e-9 * rows[i].flops, 1e-6 * rows[i].bytes, gflops, gflops / peak->gflops, gb, gb / peak->gb_s);
    }
    char *text;
    RF_TRY(rf_text_finish(&t, &text, NULL));
    rf_status status = rf_file_write_atomic(path, text, strlen(text));
    rf_free(text);
    return status;
}

/* Operations a byte against operations a second, nodes as dots under the roof of the machine. */
static rf_status write_roofline(const char *path, const row *rows, int n, const rf_peak *peak) {
    double *x[2] = {rf_alloc((size_t)n, sizeof(double)), rf_alloc((size_t)n, sizeof(double))};
    double *y[2] = {rf_alloc((size_t)n, sizeof(double)), rf_alloc((size_t)n, sizeof(double))};
    size_t count[2] = {0, 0};
    rf_status status = x[0] && x[1] && y[0] && y[1] ? RF_OK : RF_ERR_NOMEM;
    rf_chart chart = {.title = "Roofline: every op of the graph (Winograd counted as direct sums)",
                      .x = {"floating-point operations a byte", 0.05, 1000, true},
                      .y = {"GFLOP/s", 0.1, 1000, true},
                      .n_series = 3};
    rf_axis_include(&chart.y, 1.2 * peak->gflops);
    for (int i = 0; i < n && status == RF_OK; i++) {
        int pass = rows[i].pass == RF_PASS_FORWARD ? 0 : 1;
        if (rows[i].bytes <= 0 || rows[i].seconds <= 0) continue;
        x[pass][count[pass]] = rows[i].flops / rows[i].bytes;
        y[pass][count[pass]++] = rate(rows[i].flops, rows[i].seconds);
    }
    double ridge = peak->gflops / peak->gb_s, roof_x[] = {chart.x.lo, ridge, chart.x.hi};
    double roof_y[] = {peak->gb_s * chart.x.lo, peak->gflops, peak->gflops};
    rf_series series[] = {{.name = "roof", .x = roof_x, .y = roof_y, .n = 3},
                          {.name = "forward", .x = x[0], .y = y[0], .n = count[0], .no_line = true},
                          {.name = "backward", .x = x[1], .y = y[1], .n = count[1], .no_line = true}};
    chart.series = series;
    if (status == RF_OK) status = rf_chart_write(path, &chart);
    for (int i = 0; i < 2; i++) {
        rf_free(x[i]);
        rf_free(y[i]);
    }
    return status;
}

static rf_status write_files(const char *dir, const row *rows, int n, const rf_peak *peak) {
    char *csv = rf_path_join(dir, "ops.csv"), *svg = rf_path_join(dir, "roofline.svg");
    rf_status status = csv && svg ? rf_dir_make(dir) : RF_ERR_NOMEM;
    if (status == RF_OK) status = write_csv(csv, rows, n, peak);
    if (status == RF_OK) status = write_roofline(svg, rows, n, peak);
    if (status == RF_OK) rf_say("\nwritten: %s, %s\n", csv, svg);
    rf_free(csv);
    rf_free(svg);
    return status;
}

rf_status rf_profile_report(rf_bench *b, rf_profile *p, const char *dir) {
    rf_peak peak;
    RF_TRY(rf_peak_measure(&peak));
    rf_say("\nthis machine: %.0f GFLOP/s fused multiply-add, %.1f GB/s triad\n", peak.gflops, peak.gb_s);
    rf_json_put_number(&b->out, "peak_gflops", peak.gflops);
    rf_json_put_number(&b->out, "peak_gb_s", peak.gb_s);
    row *rows = rf_alloc(2 * (size_t)p->n, sizeof *rows), *kinds = rows + p->n;
    if (!rows) return RF_ERR_NOMEM;
    int n_kinds = 0;
    double total = 0, flops = 0;
    for (int i = 0; i < p->n; i++) {
        rows[i] = node_row(p, i);
        total += rows[i].seconds;
        flops += rows[i].flops;
        n_kinds = add_to_kind(kinds, n_kinds, &rows[i]);
    }
    if (total <= 0) total = INFINITY;
    qsort(rows, (size_t)p->n, sizeof *rows, by_seconds);
    qsort(kinds, (size_t)n_kinds, sizeof *kinds, by_seconds);
    print_kinds(b, kinds, n_kinds, &peak, total);
    print_nodes(rows, p->n, &peak, total);
    double gflops = rate(flops, total);
    rf_say("\nall nodes: %.3f ms, %.1f GFLOP, %.1f GFLOP/s, %.1f%% of peak\n", 1e3 * total, 1e-9 * flops, gflops,
           100 * gflops / peak.gflops);
    rf_json_put_number(&b->out, "gflops", gflops);
    rf_status status = dir ? write_files(dir, rows, p->n, &peak) : RF_OK;
    rf_free(rows);
    return status;
}
