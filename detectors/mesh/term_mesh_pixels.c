/* SPDX-License-Identifier: Apache-2.0 */
/* The self-supervised form of the mesh loss (arXiv 1905.00641v2, section 3.2): the drawn mesh against the anchor's box
 * of the picture, L_pixel = 1/(W H) sum |R - I*|_1 over the pixels that the mesh covers. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detectors/mesh/term_mesh_state.h"

enum { OUT_CROP = RF_DENSE_TARGETS, OUT_SHARE, OUT_POINTS, OUT_POINT_SHARE, OUT_COUNT };

/* Where the landmarks' vertices stand among those of all rows. */
static rf_status make_points(const rf_config *config, const rf_mesh *mesh, rf_dense_loss *loss) {
    const rf_real_list *list = &config->model.mesh_points;
    loss->pointed = list->n > 0;
    loss->n_points = list->n > 0 ? (int)config->data.points : 1; /* no points: a place that nobody fills */
    if (!loss->pointed) return RF_OK;
    if (list->n != loss->n_points)
        return rf_fail(RF_ERR_USER, "model.mesh_points has %d numbers, expected one vertex for each of %d landmarks",
                       (int)list->n, loss->n_points);
    loss->points_weight = config->loss.mesh_points_weight;
    loss->points = rf_alloc((size_t)loss->rows * (size_t)loss->n_points, sizeof *loss->points);
    if (!loss->points) return RF_ERR_NOMEM;
    for (int k = 0; k < loss->n_points; k++) {
        double v = list->v[k];
        if (!(v >= 1 && v <= (double)mesh->n_vertices && v == floor(v)))
            return rf_fail(RF_ERR_USER, "model.mesh_points: %g is no vertex; the mesh has %zu, counted from 1", v,
                           mesh->n_vertices);
        for (int m = 0; m < loss->rows; m++)
            loss->points[m * loss->n_points + k] = (rf_real)((double)m * (double)mesh->n_vertices + v - 1);
    }
    return RF_OK;
}

rf_status rf_pixel_loss_make(const rf_config *config, const rf_mesh *mesh, rf_dense_loss *loss) {
    bool rgb = config->input.colour == RF_COLOUR_RGB;
    loss->side = (int)config->loss.mesh_side;
    loss->boxed = config->model.mesh_frame == RF_MESH_FRAME_BOX;
    for (int k = 0; k < 3; k++) {
        loss->channel[k] = rgb ? k : 2 - k;
        loss->mean[k] = config->input.mean.v[loss->channel[k]];
        loss->std[k] = config->input.std.v[loss->channel[k]];
    }
    RF_TRY(make_points(config, mesh, loss));
    return rf_mesh_levels_make(mesh, loss->rows, &loss->levels);
}

/* Colour k (R, G, B; 0..1) at a place of the input, bilinear; the border goes on outside. */
static double sample(const rf_dense_loss *loss, const rf_real *image, double x, double y, int k) {
    int w = loss->anchors->width, h = loss->anchors->height;
    x = fmin(fmax(x - 0.5, 0), w - 1);
    y = fmin(fmax(y - 0.5, 0), h - 1);
    int x0 = (int)x, y0 = (int)y, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0, c = loss->channel[k];
    double fx = x - x0, fy = y - y0;
    double top = (1 - fx) * (double)image[((size_t)y0 * (size_t)w + (size_t)x0) * 3 + (size_t)c] +
                 fx * (double)image[((size_t)y0 * (size_t)w + (size_t)x1) * 3 + (size_t)c];
    double bottom = (1 - fx) * (double)image[((size_t)y1 * (size_t)w + (size_t)x0) * 3 + (size_t)c] +
                    fx * (double)image[((size_t)y1 * (size_t)w + (size_t)x1) * 3 + (size_t)c];
    return (((1 - fy) * top + fy * bottom) * loss->std[k] + loss->mean[k]) / 255;
}

/* The landmarks in the units of the drawn vertices, and their weight: a mean in sides of the frame. */
static void write_points(const rf_dense_loss *loss, size_t m, const rf_face *face, const float frame[4]) {
    const rf_tensor *out = loss->call->out;
    double unit = (double)loss->codec.variance_centre;
    size_t n = 2 * (size_t)loss->n_points;
    for (size_t k = 0; k < n; k++) {
        double at = (double)face->points[k] - (double)frame[k % 2];
        out[OUT_POINTS].data[m * n + k] = (rf_real)(at / ((double)frame[2 + k % 2] * unit));
    }
    out[OUT_POINT_SHARE].data[m] = (rf_real)(unit / (double)n / (double)loss->n_picks);
}

/* Crops of rows begin..end-1. */
static void write_rows(void *ctx, size_t begin, size_t end) {
    const rf_dense_loss *loss = ctx;
    const rf_tensor *out = loss->call->out;
    size_t side = (size_t)loss->side, image, a;
    size_t pixels = (size_t)loss->anchors->width * (size_t)loss->anchors->height * 3;
    for (size_t m = begin; m < end; m++) {
        bool used = rf_dense_loss_place(loss, m, &image, &a);
        out[OUT_SHARE].data[m] = (rf_real)(used ? 1 / (double)loss->n_picks / (double)(side * side) : 0);
        out[OUT_POINT_SHARE].data[m] = 0;
        if (!used) continue;
        float frame[4];
        const rf_face *face = rf_dense_loss_face(loss, image, a);
        memcpy(frame, loss->anchors->boxes + 4 * a, sizeof frame);
        if (loss->boxed) rf_box_square(face->box, frame);
        if (face->n_points) write_points(loss, m, face, frame);
        const rf_real *input = loss->call->in[1].data + image * pixels;
        for (size_t p = 0; p < side * side; p++) {
            double u = ((double)(p % side) + 0.5) / (double)side - 0.5,
                   v = ((double)(p / side) + 0.5) / (double)side - 0.5;
            for (int k = 0; k < 3; k++)
                out[OUT_CROP].data[3 * (m * side * side + p) + (size_t)k] = (rf_real)sample(
                    loss, input, (double)frame[0] + u * (double)frame[2], (double)frame[1] + v * (double)frame[3], k);
        }
    }
}

static rf_status assign_crops(void *ctx, const rf_call *call) {
    return rf_dense_loss_assign(ctx, call, write_rows);
}

/* in: mask [rows,side,side], share [rows]; out: what each pixel weighs. Nothing flows back into the mask: shrinking the
 * mesh must not pay. */
static rf_status weigh(void *ctx, const rf_call *call) {
    (void)ctx;
    size_t rows = (size_t)call->in[0].shape.d[0], count = rf_shape_count(&call->in[0].shape), pixels = count / rows;
    for (size_t i = 0; i < count; i++) call->out[0].data[i] = call->in[0].data[i] * call->in[1].data[i / pixels];
    return RF_OK;
}

rf_value rf_pixel_loss_build(rf_dense_loss *loss, rf_graph *g, const rf_detector *detector, rf_value after,
                             rf_value *photo, rf_value *points) {
    int M = loss->rows, S = loss->side;
    rf_shape levels = {2, {detector->n_levels, M}}, weights = {3, {M, S, S}};
    rf_shape shapes[OUT_COUNT] = {levels, levels, {4, {M, S, S, 3}}, {1, {M}}, {2, {M, 2 * loss->n_points}}, {1, {M}}};
    rf_value rows[RF_DENSE_LEVELS], slots[RF_DENSE_LEVELS];
    rf_value t =
        rf_graph_host(g, "mesh_crops", assign_crops, loss, (rf_value[]){after, detector->input}, 2, shapes, OUT_COUNT);
    if (t == RF_NONE) return RF_NONE;
    rf_dense_loss_gather(loss, g, detector, t, rows, slots);
    rf_drawn drawn = rf_dense_draw(g, rf_detector_branch(detector, "mesh"), &loss->levels, rows, slots, S);
    if (drawn.image == RF_NONE) return RF_NONE;
    rf_value weight =
        rf_graph_host(g, "mesh_weights", weigh, loss, (rf_value[]){drawn.mask, t + OUT_SHARE}, 2, &weights, 1);
    *photo = rf_graph_apply(g, "smooth_l1", (rf_value[]){drawn.image, t + OUT_CROP, weight}, 3, "beta=0");
    rf_value total = rf_apply1(g, "scale", *photo, "factor=%.17g", loss->weight);
    if (!loss->pointed) return total;
    rf_value all = rf_apply1(g, "reshape", drawn.vertices, "d0=%d d1=2", M * (int)loss->n_vertices);
    rf_value which = rf_graph_param(g, "mesh_points", (rf_shape){1, {M * loss->n_points}}, loss->points, NULL);
    rf_value xy = rf_apply1(g, "reshape", rf_apply2(g, "gather", all, which, ""), "d0=%d d1=%d", M, 2 * loss->n_points);
    *points = rf_graph_apply(g, "smooth_l1", (rf_value[]){xy, t + OUT_POINTS, t + OUT_POINT_SHARE}, 3, "beta=0");
    return rf_apply2(g, "add", total,
                     rf_apply1(g, "scale", *points, "factor=%.17g", loss->weight * loss->points_weight), "");
}
