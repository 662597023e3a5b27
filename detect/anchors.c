#include "detect/anchors.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

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
    if (!(spec->aspect >= 0.01f && spec->aspect <= 100))
        return rf_fail(RF_ERR_USER, "anchors: aspect %g; expected height / width from 0.01 to 100",
                       (double)spec->aspect);
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
    float root = sqrtf(spec->aspect);
    float *box = set->boxes + 4 * level->first;
    for (int row = 0; row < level->rows; row++)
        for (int col = 0; col < level->cols; col++)
            for (int s = 0; s < spec->n_sizes; s++, box += 4) {
                float size = spec->sizes[l * spec->n_sizes + s];
                float shift = spec->dense && s >= spec->n_sizes / 2 ? 0.5f * (float)level->stride : 0;
                box[0] = offset + shift + (float)(col * level->stride);
                box[1] = offset + shift + (float)(row * level->stride);
                box[2] = size / root;
                box[3] = size * root;
            }
}

rf_status rf_anchor_set_make(const rf_anchor_spec *spec, int height, int width, rf_anchor_set *out) {
    memset(out, 0, sizeof *out);
    RF_TRY(rf_anchor_spec_check(spec));
    rf_anchor_set set;
    if (!lay_out(spec, height, width, &set))
        return rf_fail(RF_ERR_USER, "anchors: an image of %d x %d pixels; expected sides from 1 to %d", width, height,
                       RF_MAX_IMAGE_SIDE);
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
