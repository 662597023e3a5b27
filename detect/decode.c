/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/decode.h"

#include <math.h>
#include <string.h>

#include "detect/box.h"

static rf_status decode_one(const rf_codec *codec, const float *anchors, size_t a, float score,
                            const rf_stage_rows *stages, int n_stages, rf_face_list *out) {
    static const float stay[4] = {0};
    rf_face face = {.score = score, .mesh = 1 + (uint32_t)a};
    float points[2 * RF_POINTS_MAX];
    size_t n_points = (size_t)codec->n_points;
    float anchor[4];
    memcpy(anchor, anchors + 4 * a, sizeof anchor);
    for (int k = 0; k < n_stages; k++) {
        const float *loc = stages[k].loc ? stages[k].loc + 4 * a : stay;
        if (stages[k].points) {
            rf_codec_decode_points(codec, anchor, stages[k].points + 2 * n_points * a, points);
            face.points = points;
            face.n_points = codec->n_points;
        }
        if (k + 1 == n_stages)
            rf_codec_decode_box(codec, anchor, loc, face.box);
        else
            rf_codec_move_anchor(codec, anchor, loc, anchor);
    }
    float sum = face.box[0] + face.box[1] + face.box[2] + face.box[3];
    for (int i = 0; i < 2 * face.n_points; i++) sum += face.points[i];
    const rf_stage_rows *last = &stages[n_stages - 1];
    face.has_blur = last->blur != NULL;
    if (face.has_blur) sum += face.blur = last->blur[a];
    if (last->visible) { /* which is only read */
        face.visible = (float *)(uintptr_t)(last->visible + n_points * a);
        for (int i = 0; i < face.n_points; i++) sum += face.visible[i];
    }
    if (!isfinite(sum))
        return rf_fail(RF_ERR_NONFINITE,
                       "the network's box or landmarks of anchor %zu are not finite; the weights are broken", a);
    return rf_face_list_push(out, &face);
}

static bool dropped(const rf_stage_rows *stages, int last, size_t a, float drop_below) {
    for (int k = 0; k < last; k++)
        if (stages[k].cls && stages[k].cls[2 * a + 1] - stages[k].cls[2 * a] < drop_below) return true;
    return false;
}

rf_status rf_decode_stages(const rf_codec *codec, const float *anchors, size_t n, const rf_stage_rows *stages,
                           int n_stages, float drop_below, float score_threshold, rf_face_list *out) {
    int last = n_stages - 1;
    while (!stages[last].cls) last--;
    const float *cls = stages[last].cls;
    /* score >= t when the margin of the logits is at least ln(t / (1 - t)): no exponential for the many that fail. The
     * limit is kept low, since the exact score decides. */
    double t = (double)score_threshold;
    float coarse = t <= 0 ? -INFINITY : t >= 0.999 ? 6.0f : (float)(log(t / (1 - t)) - 1e-3);
    for (size_t a = 0; a < n; a++) {
        float margin = cls[2 * a + 1] - cls[2 * a];
        if (margin < coarse) continue;
        if (!isfinite(margin))
            return rf_fail(RF_ERR_NONFINITE,
                           "the network's class logits of anchor %zu are %g and %g; the weights are broken", a,
                           (double)cls[2 * a], (double)cls[2 * a + 1]);
        float score = (float)(1 / (1 + exp(-(double)margin)));
        if (score >= score_threshold && !dropped(stages, last, a, drop_below))
            RF_TRY(decode_one(codec, anchors, a, score, stages, n_stages, out));
    }
    return RF_OK;
}

rf_status rf_decode_faces(const rf_codec *codec, const float *anchors, size_t n, const float *cls, const float *loc,
                          const float *points, float score_threshold, rf_face_list *out) {
    rf_stage_rows rows = {.cls = cls, .loc = loc, .points = points};
    return rf_decode_stages(codec, anchors, n, &rows, 1, -INFINITY, score_threshold, out);
}
