/* SPDX-License-Identifier: Apache-2.0 */
/* A square piece of the picture that holds a face (RetinaFace section 4.3; biubug6's discrete shares). */
#include <math.h>

#include "data/augment.h"

static bool centre_inside(const rf_region *r, const rf_face *face) {
    double x = 0.5 * ((double)face->box[0] + face->box[2]), y = 0.5 * ((double)face->box[1] + face->box[3]);
    return x > r->x && x < r->x + r->width && y > r->y && y < r->y + r->height;
}

static bool all_inside(const rf_region *r, const rf_face *face) {
    return face->box[0] >= r->x && face->box[1] >= r->y && face->box[2] <= r->x + r->width &&
           face->box[3] <= r->y + r->height;
}

static bool holds_face(const rf_picture *picture, const rf_region *r, bool whole) {
    for (size_t i = 0; i < picture->n_faces; i++) {
        const rf_face *face = &picture->faces[i];
        if (!face->ignore && centre_inside(r, face) && (!whole || all_inside(r, face))) return true;
    }
    return false;
}

static bool has_target(const rf_picture *picture) {
    for (size_t i = 0; i < picture->n_faces; i++)
        if (!picture->faces[i].ignore) return true;
    return false;
}

/* The side of a crop as a share of the short edge. */
static double draw_share(const rf_config *config, rf_rng *rng) {
    const rf_real_list *set = &config->augment.crop_set;
    if (config->augment.crop == RF_CROP_SET) return set->n > 0 ? set->v[rf_rng_below(rng, (uint32_t)set->n)] : 1;
    if (config->augment.crop == RF_CROP_SRN && rf_rng_below(rng, 2)) return 1;
    return rf_rng_range(rng, (float)config->augment.crop_min, 1);
}

/* Whole pixels, as the reference implementations cut; `canvas` is the picture or what step `expand` put around it. */
static rf_region try_crop(const rf_config *config, rf_rng *rng, const rf_region *canvas) {
    int width = (int)canvas->width, height = (int)canvas->height, shorter = width < height ? width : height;
    int side = (int)floor(draw_share(config, rng) * shorter);
    if (side < 1) side = 1;
    if (side > shorter) side = shorter;
    double x = rf_rng_below(rng, (uint32_t)(width - side + 1));
    double y = rf_rng_below(rng, (uint32_t)(height - side + 1));
    return (rf_region){canvas->x + x, canvas->y + y, side, side};
}

/* Pictures without faces take the first crop: background is training material too. */
static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)v;
    rf_region canvas = picture->region;
    double longer = canvas.width > canvas.height ? canvas.width : canvas.height;
    picture->region.width = picture->region.height = longer;
    if (config->augment.crop == RF_CROP_NONE) return;
    bool set = config->augment.crop == RF_CROP_SET, any = !has_target(picture);
    for (long i = 0; i < config->augment.crop_tries; i++) {
        rf_region r = try_crop(config, rng, &canvas);
        bool last = i + 1 == config->augment.crop_tries;
        if (any || holds_face(picture, &r, config->augment.crop_whole_face) ||
            ((!set || config->augment.crop_last) && last)) {
            picture->region = r;
            return;
        }
    }
}

/* The part of the region that shows the picture. */
static rf_region visible(const rf_picture *picture) {
    const rf_region *r = &picture->region;
    double x1 = fmax(r->x, 0), x2 = fmin(r->x + r->width, picture->width);
    double y1 = fmax(r->y, 0), y2 = fmin(r->y + r->height, picture->height);
    return (rf_region){x1, y1, fmax(x2 - x1, 0), fmax(y2 - y1, 0)};
}

/* False when nothing is left of the box. */
static bool clip_box(const rf_region *r, float box[4]) {
    float x1 = (float)r->x, x2 = (float)(r->x + r->width), y1 = (float)r->y, y2 = (float)(r->y + r->height);
    if (box[0] < x1) box[0] = x1;
    if (box[1] < y1) box[1] = y1;
    if (box[2] > x2) box[2] = x2;
    if (box[3] > y2) box[3] = y2;
    return box[2] > box[0] && box[3] > box[1];
}

/* Faces stay by their centre, ignore regions by whatever is seen of them; the latter are always clipped. */
static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    (void)v;
    rf_region shown = visible(picture);
    size_t kept = 0;
    for (size_t i = 0; i < picture->n_faces; i++) {
        rf_face face = picture->faces[i];
        if (!face.ignore && !centre_inside(&shown, &face)) continue;
        if ((face.ignore || config->augment.clip) && !clip_box(&shown, face.box)) continue;
        picture->faces[kept++] = face;
    }
    picture->n_faces = kept;
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.crop = RF_CROP_NONE;
    config->augment.clip = false;
}

const rf_augment rf_augment_crop = {
    "crop", "a square crop that holds a face, or the whole picture filled up to a square", off, draw, apply};
