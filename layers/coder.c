/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/coder.h"

#define RF_CODER(name) extern const rf_coder rf_coder_##name;
#include "layers/coders.def"
#undef RF_CODER

static const void *const coders[] = {
#define RF_CODER(name) &rf_coder_##name,
#include "layers/coders.def"
#undef RF_CODER
};

static bool is_whole(const rf_coder *e) {
    bool boxes = e->move && e->boxes && !e->place && !e->points,
         points = e->place && e->points && !e->move && !e->boxes;
    return e->doc && e->row && e->width && e->encode && (boxes || points);
}

RF_REGISTRY_DEFINE(coder, rf_coder, coders, is_whole(e), .what = "coder")

static const rf_coder *find(const char *key, const char *name, bool boxes) {
    const rf_coder *coder = rf_coder_find(name);
    if (!coder) {
        rf_fail_context(RF_ERR_USER, "anchors.%s", key);
        return NULL;
    }
    if ((coder->boxes != NULL) == boxes) return coder;
    rf_fail(RF_ERR_USER, "anchors.%s = %s, but that is a coder of %s: expected one of %s", key, name,
            boxes ? "points" : "boxes", boxes ? "boxes" : "points");
    return NULL;
}

const rf_coder *rf_box_coder_find(const char *name) {
    return find("box_coder", name, true);
}

const rf_coder *rf_point_coder_find(const char *name) {
    return find("point_coder", name, false);
}
