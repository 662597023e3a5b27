/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/anchors.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

void rf_anchor_shape(const rf_anchor_spec *spec, int level, int slot, float shape[2]) {
    float size = spec->sizes[level * spec->n_sizes + slot], aspect = spec->aspects[slot];
    if (spec->windows[level] > 0) {
        float window = (float)spec->windows[level], width = rintf(sqrtf(window * window / aspect));
        shape[0] = size / window * width;
        shape[1] = size / window * rintf(width * aspect);
        return;
    }
    float root = sqrtf(aspect);
    shape[0] = size / root;
    shape[1] = size * root;
}

static rf_status check_shapes(const rf_anchor_spec *spec) {
    for (int s = 0; s < spec->n_sizes; s++)
        if (!(spec->aspects[s] >= 0.01f && spec->aspects[s] <= 100))
            return rf_fail(RF_ERR_USER, "anchors: aspect %g; expected height / width from 0.01 to 100",
                           (double)spec->aspects[s]);
    for (int i = 0; i < spec->n_levels * spec->n_sizes; i++) {
        float shape[2];
        rf_anchor_shape(spec, i / spec->n_sizes, i % spec->n_sizes, shape);
        if (!(shape[0] > 0 && shape[1] > 0))
            return rf_fail(RF_ERR_USER, "anchors: aspect %g rounds a window of %d pixels to nothing; do not round",
                           (double)spec->aspects[i % spec->n_sizes], spec->windows[i / spec->n_sizes]);
    }
    return RF_OK;
}

rf_status rf_anchor_spec_check(const rf_anchor_spec *spec) {
    if (spec->n_levels < 1 || spec->n_levels > RF_MAX_LEVELS)
        return rf_fail(RF_ERR_USER, "anchors: %d pyramid levels; expected 1 to %d strides", spec->n_levels,
                       RF_MAX_LEVELS);
    if (spec->n_sizes < 1 || spec->n_sizes > RF_MAX_ANCHOR_SIZES / spec->n_levels)
        return rf_fail(RF_ERR_USER, "anchors: %d sizes for each of %d levels; expected 1 to %d", spec->n_sizes,
                       spec->n_levels, RF_MAX_ANCHOR_SIZES / spec->n_levels);
    for (int l = 0; l < spec->n_levels; l++) {
        int least = l > 0 ? spec->strides[l - 1] + 1 : 1;
        if (spec->strides[l] < least || spec->strides[l] > RF_MAX_IMAGE_SIDE)
            return rf_fail(RF_ERR_USER, "anchors: stride %d of level %d; expected ascending strides in pixels",
                           spec->strides[l], l);
    }
    for (int i = 0; i < spec->n_levels * spec->n_sizes; i++)
        if (!(spec->sizes[i] > 0 && spec->sizes[i] <= RF_MAX_IMAGE_SIDE))
            return rf_fail(RF_ERR_USER, "anchors: size %g (number %d); expected pixels above 0", (double)spec->sizes[i],
                           i + 1);
    RF_TRY(check_shapes(spec));
    if (!isfinite(spec->centre_offset)) return rf_fail(RF_ERR_USER, "anchors: the centre offset is not a number");
    return RF_OK;
}

/* Fills the level table; false when a size is out of range or the count overflows. */
static bool lay_out(const rf_anchor_spec *spec, int height, int width, rf_anchor_set *set) {
    if (height < 1 || width < 1 || height > RF_MAX_IMAGE_SIDE || width > RF_MAX_IMAGE_SIDE) return false;
    *set = (rf_anchor_set){.height = height,
                           .width = width,
                           .n_levels = spec->n_levels,
                           .n_sizes = spec->n_sizes,
                           .plus_one = spec->plus_one};
    for (int l = 0; l < spec->n_levels; l++) {
        rf_anchor_level *level = &set->levels[l];
        level->stride = spec->strides[l];
        level->rows = (height + level->stride - 1) / level->stride;
        level->cols = (width + level->stride - 1) / level->stride;
        level->first = set->count;
        size_t n;
        if (!rf_size_mul((size_t)level->rows, (size_t)level->cols, &n) || !rf_size_mul(n, (size_t)spec->n_sizes, &n) ||
            !rf_size_add(set->count, n, &set->count))
            return false;
    }
    return true;
}

size_t rf_anchor_count(const rf_anchor_spec *spec, int height, int width) {
    rf_anchor_set set;
    if (rf_anchor_spec_check(spec) != RF_OK || !lay_out(spec, height, width, &set)) return 0;
    return set.count;
}

static void fill_level(const rf_anchor_spec *spec, int l, rf_anchor_set *set) {
    const rf_anchor_level *level = &set->levels[l];
    float offset = spec->centre_offset < 0 ? 0.5f * (float)level->stride : spec->centre_offset;
    float *box = set->boxes + 4 * level->first, shapes[RF_MAX_ANCHOR_SIZES][2];
    for (int s = 0; s < spec->n_sizes; s++) rf_anchor_shape(spec, l, s, shapes[s]);
    for (int row = 0; row < level->rows; row++)
        for (int col = 0; col < level->cols; col++)
            for (int s = 0; s < spec->n_sizes; s++, box += 4) {
                float shift = spec->dense && s >= spec->n_sizes / 2 ? 0.5f * (float)level->stride : 0;
                box[0] = offset + shift + (float)(col * level->stride);
                box[1] = offset + shift + (float)(row * level->stride);
                box[2] = shapes[s][0];
                box[3] = shapes[s][1];
            }
}

rf_status rf_anchor_set_lay_out(const rf_anchor_spec *spec, int height, int width, rf_anchor_set *out) {
    memset(out, 0, sizeof *out);
    RF_TRY(rf_anchor_spec_check(spec));
    rf_anchor_set set;
    if (!lay_out(spec, height, width, &set))
        return rf_fail(RF_ERR_USER, "anchors: an image of %d x %d pixels; expected sides from 1 to %d", width, height,
                       RF_MAX_IMAGE_SIDE);
    *out = set;
    return RF_OK;
}

rf_status rf_anchor_set_make(const rf_anchor_spec *spec, int height, int width, rf_anchor_set *out) {
    rf_anchor_set set;
    memset(out, 0, sizeof *out);
    RF_TRY(rf_anchor_set_lay_out(spec, height, width, &set));
    set.boxes = rf_alloc(set.count, 4 * sizeof *set.boxes);
    if (!set.boxes) return RF_ERR_NOMEM;
    for (int l = 0; l < set.n_levels; l++) fill_level(spec, l, &set);
    *out = set;
    return RF_OK;
}

void rf_anchor_set_free(rf_anchor_set *set) {
    if (!set) return;
    rf_free(set->boxes);
    memset(set, 0, sizeof *set);
}

size_t rf_anchor_level_end(const rf_anchor_set *set, int level) {
    return level + 1 < set->n_levels ? set->levels[level + 1].first : set->count;
}

int rf_anchor_level_of(const rf_anchor_set *set, size_t a) {
    int level = 0;
    while (level + 1 < set->n_levels && a >= set->levels[level + 1].first) level++;
    return level;
}
