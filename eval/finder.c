/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/finder.h"

#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "data/normalise.h"
#include "eval/input.h"
#include "eval/mesh_finder.h"
#include "eval/sized_net.h"
#include "eval/srn_scales.h"
#include "eval/tiles.h"

enum { CACHED = 4 }; /* input sizes whose graph and memory are kept */

struct rf_finder {
    rf_config config;
    rf_params *params;
    rf_detect_spec spec;
    rf_extras extras; /* what else the network says of a face */
    rf_normaliser normaliser;
    rf_sized_net nets[CACHED];
    uint64_t clock;
    rf_face_list pass;    /* faces of one pass */
    rf_mesh_finder *mesh; /* NULL: no meshes are wanted */
    rf_finder_stats stats;
    rf_finder_view view;
};

rf_status rf_finder_open(const rf_config *config, rf_params *params, rf_finder **out) {
    rf_finder *f = rf_alloc(1, sizeof *f);
    if (!f) return RF_ERR_NOMEM;
    f->config = *config;
    f->params = params;
    rf_status status = rf_detect_spec_from_config(config, &f->spec);
    if (status == RF_OK) status = rf_extras_of(config, &f->extras);
    if (status == RF_OK) status = rf_normaliser_make(config, &f->normaliser);
    if (status == RF_OK) status = rf_mesh_finder_open(config, params, &f->spec.codec, &f->mesh);
    if (status != RF_OK) {
        rf_finder_close(f);
        return status;
    }
    *out = f;
    return RF_OK;
}

void rf_finder_close(rf_finder *f) {
    if (!f) return;
    for (int i = 0; i < CACHED; i++) rf_sized_net_clear(&f->nets[i]);
    rf_mesh_finder_close(f->mesh);
    rf_face_list_free(&f->pass);
    rf_free(f);
}

/* The network for an input size: from the cache, else in place of the least recently used one. */
static rf_status net_for(rf_finder *f, int width, int height, rf_sized_net **out) {
    rf_sized_net *oldest = &f->nets[0];
    for (int i = 0; i < CACHED; i++) {
        rf_sized_net *net = &f->nets[i];
        if (net->exec && net->width == width && net->height == height) {
            net->last_use = ++f->clock;
            *out = net;
            return RF_OK;
        }
        if (net->last_use < oldest->last_use) oldest = net;
    }
    double begin = rf_clock_seconds();
    rf_sized_net_clear(oldest);
    const rf_sized_spec wanted = {&f->config, f->params, &f->spec, &f->extras, width, height};
    rf_status status = rf_sized_net_make(&wanted, oldest);
    if (status != RF_OK) {
        rf_sized_net_clear(oldest);
        return status;
    }
    oldest->last_use = ++f->clock;
    size_t bytes = rf_exec_report(oldest->exec).arena_bytes;
    if (bytes > f->stats.peak_arena) f->stats.peak_arena = bytes;
    f->stats.build += rf_clock_seconds() - begin;
    *out = oldest;
    return RF_OK;
}

/* From input pixels to pixels of the image. */
static void unscale(rf_face *face, double fx, double fy) {
    for (int k = 0; k < 4; k++) face->box[k] = (float)(face->box[k] * (k % 2 ? fy : fx));
    for (int k = 0; k < 2 * face->n_points; k++) face->points[k] = (float)(face->points[k] * (k % 2 ? fy : fx));
}

/* Corners into the picture, 0 .. side, or with inclusive corners 0 .. side - 1. */
static void clip_box(const rf_finder *f, int width, int height, float box[4]) {
    float least = f->spec.codec.plus_one ? 1 : 0;
    for (int k = 0; k < 4; k++) {
        float most = (float)(k % 2 ? height : width) - least;
        box[k] = box[k] < 0 ? 0 : box[k] > most ? most : box[k];
    }
}

/* What one run of the network looks at: the upper left width x height pixels of its input show the picture at some
 * size from (x, y) on. */
typedef struct look {
    int width, height, x, y;
    bool flipped;
    double fx, fy; /* pixels of the picture a pixel at that size */
    const rf_tiling *tiling;
    const rf_tile *tile; /* NULL: the whole picture */
    double longer_over;  /* faces with a longer side, at that size, of no more than this are not taken */
} look;

static void mirror_extras(const rf_finder *f, rf_face *face) {
    for (int i = 0; i < f->extras.n && face->n_extra; i++)
        if (f->extras.v[i].first >= 0 && f->extras.v[i].kind->mirror)
            f->extras.v[i].kind->mirror(face->extra + f->extras.v[i].first);
}

/* Moves a face from the input to the picture at the look's size; false when another look is to find it. */
static bool take_face(const rf_finder *f, const look *at, rf_face *face) {
    if (f->config.eval.clip) clip_box(f, at->width, at->height, face->box);
    if (at->flipped) mirror_extras(f, face);
    if (at->flipped) rf_face_flip(face, (float)at->width, f->spec.codec.plus_one, &f->spec.flip);
    const float *b = face->box;
    if (at->longer_over > 0 && !(fmaxf(b[2] - b[0], b[3] - b[1]) > (float)at->longer_over)) return false;
    if (!at->tile) return true;
    for (int k = 0; k < 4; k++) face->box[k] += (float)(k % 2 ? at->y : at->x);
    for (int k = 0; k < 2 * face->n_points; k++) face->points[k] += (float)(k % 2 ? at->y : at->x);
    return rf_tile_keeps(at->tiling, at->tile, face->box);
}

/* One run of the network; appends to *faces in pixels of the original image. */
static rf_status run_pass(rf_finder *f, const rf_image *input, const look *at, rf_face_list *faces) {
    rf_sized_net *net;
    RF_TRY(net_for(f, input->width, input->height, &net));
    double t0 = rf_clock_seconds();
    rf_normalise(&f->normaliser, input, rf_exec_data(net->exec, net->detector.input), (size_t)input->width);
    double t1 = rf_clock_seconds();
    RF_TRY(rf_exec_forward(net->exec, false));
    double t2 = rf_clock_seconds();
    rf_face_list_clear(&f->pass);
    for (int l = 0; l < net->n_levels; l++)
        RF_TRY(rf_decoded_faces(net->exec, &net->levels[l], f->spec.codec.n_points, &f->pass));
    RF_TRY(rf_face_list_reserve(faces, faces->n + f->pass.n));
    rf_mesh_pass source = {net->exec, &net->detector, &net->anchors, at->flipped, at->fx,
                           at->fy,    at->x,          at->y,         at->width};
    for (size_t i = 0; i < f->pass.n; i++) {
        rf_face *face = &f->pass.items[i], taken = *face; /* whose points are not looked at again */
        if (!take_face(f, at, &taken)) continue;
        taken.mesh = 0;
        if (f->mesh) {
            RF_TRY(rf_mesh_finder_note(f->mesh, &source, face));
            taken.mesh = face->mesh;
        }
        unscale(&taken, at->fx, at->fy);
        RF_TRY(rf_face_list_push(faces, &taken));
    }
    double t3 = rf_clock_seconds();
    f->stats.resize += t1 - t0;
    f->stats.network += t2 - t1;
    f->stats.decode += t3 - t2;
    f->stats.passes++;
    return RF_OK;
}

static int padded(int side, long multiple) {
    return (int)((side + multiple - 1) / multiple * multiple);
}

/* Both passes, as it is and mirrored, of a part of the picture. */
static rf_status run_look(rf_finder *f, const rf_image *image, look at, bool flip, rf_face_list *faces) {
    int w = padded(at.width, f->config.eval.pad), h = padded(at.height, f->config.eval.pad);
    rf_region region = {at.x * at.fx, at.y * at.fy, at.width * at.fx, at.height * at.fy};
    if (!at.tile) region = (rf_region){0, 0, image->width, image->height};
    bool as_it_is = w == image->width && h == image->height && at.width == w && at.height == h;
    double begin = rf_clock_seconds();
    rf_image own = {0};
    const rf_image *input = as_it_is && !flip ? image : &own;
    rf_status status = RF_OK;
    if (input == &own) status = rf_input_fill(image, &region, at.width, at.height, w, h, f->normaliser.fill, &own);
    f->stats.resize += rf_clock_seconds() - begin;
    if (status == RF_OK) status = run_pass(f, input, &at, faces);
    if (status == RF_OK && flip) {
        rf_input_mirror(&own, at.width, at.height);
        at.flipped = true;
        status = run_pass(f, &own, &at, faces);
    }
    rf_image_free(&own);
    return status;
}

static void note_scale(rf_finder *f, double factor, bool shrunk) {
    if (factor > f->view.scale) f->view.scale = factor;
    f->view.shrunk = f->view.shrunk || shrunk;
    f->stats.shrunk += shrunk;
}

/* The passes at one size. */
static rf_status run_size(rf_finder *f, const rf_image *image, rf_input_size size, bool flip, rf_face_list *faces) {
    look at = {.width = size.width,
               .height = size.height,
               .fx = (double)image->width / size.width,
               .fy = (double)image->height / size.height};
    note_scale(f, 1 / at.fx, size.shrunk);
    return run_look(f, image, at, flip, faces);
}

/* The passes at a size too large for one: tiles there and at half the size, a quarter and so on until one pass shows
 * the whole picture, each for the faces that the tiles before it may have cut. */
static rf_status run_tiles(rf_finder *f, const rf_image *image, double factor, int side, rf_face_list *faces) {
    int overlap = (int)lround(side * f->config.eval.tile_overlap);
    int halvings = rf_tiling_halvings(image->width * factor, image->height * factor, side);
    note_scale(f, factor, false);
    for (int k = 0; k <= halvings; k++, factor /= 2) {
        int width = (int)lround(image->width * factor), height = (int)lround(image->height * factor);
        rf_tiling tiling = rf_tiling_make(width > 0 ? width : 1, height > 0 ? height : 1, side, overlap);
        look at = {.fx = (double)image->width / tiling.width,
                   .fy = (double)image->height / tiling.height,
                   .tiling = &tiling,
                   .longer_over = k ? 0.25 * overlap : 0};
        if (k == halvings && fmax(tiling.width, tiling.height) <= rf_input_max_side) {
            at.width = tiling.width;
            at.height = tiling.height;
            return run_look(f, image, at, f->config.eval.flip, faces);
        }
        for (int t = 0; t < tiling.columns * tiling.rows; t++) {
            rf_tile tile = rf_tiling_tile(&tiling, t % tiling.columns, t / tiling.columns);
            at.tile = &tile;
            at.x = tile.x;
            at.y = tile.y;
            at.width = tile.width;
            at.height = tile.height;
            RF_TRY(run_look(f, image, at, f->config.eval.flip, faces));
            f->view.tiles++;
        }
    }
    return RF_OK;
}

/* SRN's schedule: of each size only the faces that it is for. */
static rf_status run_srn(rf_finder *f, const rf_image *image, rf_face_list *faces) {
    rf_srn_pass passes[RF_SRN_PASSES];
    size_t n = rf_srn_passes(image->width, image->height, f->config.eval.max_pixels * 1e6, passes);
    for (size_t i = 0; i < n; i++) {
        const rf_srn_pass *pass = &passes[i];
        size_t before = faces->n, kept = before;
        double longest = fmax(image->width, image->height), factor = fmin(pass->factor, rf_input_max_side / longest);
        int width = (int)(image->width * factor), height = (int)(image->height * factor);
        rf_input_size size = {width > 0 ? width : 1, height > 0 ? height : 1, i == 0 && factor < 1};
        RF_TRY(run_size(f, image, size, pass->flip, faces));
        for (size_t k = before; k < faces->n; k++) {
            const float *box = faces->items[k].box;
            double w = (double)(box[2] - box[0]), h = (double)(box[3] - box[1]);
            if (fmax(w, h) > pass->longer_over && fmin(w, h) < pass->shorter_under)
                faces->items[kept++] = faces->items[k];
        }
        faces->n = kept;
    }
    return RF_OK;
}

static rf_status run_scales(rf_finder *f, const rf_image *image, rf_face_list *faces) {
    const rf_real_list *scales = &f->config.eval.scales;
    double most = sqrt(f->config.eval.max_pixels * 1e6);
    int side = (double)f->config.eval.tile < most ? (int)f->config.eval.tile : (int)most;
    for (int s = 0; s < scales->n; s++) {
        double factor = rf_input_factor(&f->config, image->width, image->height, scales->v[s]);
        bool tiled = side > 0 && rf_tiling_halvings(image->width * factor, image->height * factor, side) > 0;
        RF_TRY(tiled ? run_tiles(f, image, factor, side, faces)
                     : run_size(f, image, rf_finder_input_size(&f->config, image->width, image->height, scales->v[s]),
                                f->config.eval.flip, faces));
    }
    return RF_OK;
}

static void cut_to_whole_pixels(rf_face_list *faces) {
    for (size_t i = 0; i < faces->n; i++)
        for (int k = 0; k < 4; k++) faces->items[i].box[k] = truncf(faces->items[i].box[k]);
}

static rf_status run_once(rf_finder *f, const rf_image *image, rf_face_list *faces) {
    rf_face_list_clear(faces);
    rf_free(faces->vertices);
    faces->vertices = NULL;
    rf_mesh_finder_begin(f->mesh);
    f->view = (rf_finder_view){0};
    bool srn = f->config.eval.schedule == RF_EVAL_SCHEDULE_SRN;
    RF_TRY(srn ? run_srn(f, image, faces) : run_scales(f, image, faces));
    double begin = rf_clock_seconds();
    rf_status status = f->spec.merger->run(faces, &f->spec.merge);
    if (status == RF_OK) status = rf_mesh_finder_end(f->mesh, faces);
    if (f->config.eval.whole_pixels) cut_to_whole_pixels(faces);
    f->stats.merge += rf_clock_seconds() - begin;
    f->stats.images++;
    return status;
}

rf_status rf_finder_run(rf_finder *f, const rf_image *image, rf_face_list *faces) {
    rf_status status = run_once(f, image, faces);
    if (status != RF_ERR_NOMEM) return status;
    /* What is kept of other sizes may be what is lacking. */
    for (int i = 0; i < CACHED; i++) rf_sized_net_clear(&f->nets[i]);
    return run_once(f, image, faces);
}

rf_status rf_finder_memory(rf_finder *f, int width, int height, size_t *bytes) {
    rf_sized_net net = {0};
    rf_plan_report report;
    const rf_sized_spec wanted = {&f->config, f->params, &f->spec, &f->extras, width, height};
    rf_status status = rf_sized_net_build(&wanted, false, &net);
    if (status == RF_OK) status = rf_exec_plan_only(net.graph, NULL, &report);
    if (status == RF_OK) *bytes = report.arena_bytes;
    rf_sized_net_clear(&net);
    return status;
}

rf_finder_stats rf_finder_get_stats(const rf_finder *f) {
    return f->stats;
}

rf_finder_view rf_finder_get_view(const rf_finder *f) {
    return f->view;
}
