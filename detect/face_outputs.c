/* SPDX-License-Identifier: Apache-2.0 */
/* What insightface's fifth box output (USE_BLUR) and third landmark output (USE_OCCLUSION) say of a face. What they
 * learn is in the sums of boxes and points. */
#include "detect/face.h"
#include "layers/output_kind.h"

static bool blur_wanted(const rf_config *config) {
    return config->model.blur;
}

static int blur_width(int n_points) {
    (void)n_points;
    return 1;
}

static void keep_blur(rf_face *face, float *row) {
    face->blur = row[0];
    face->has_blur = true;
}

extern const rf_output_kind rf_output_kind_blur, rf_output_kind_visible;

const rf_output_kind rf_output_kind_blur = {.name = "blur",
                                            .doc = "how blurred the face is",
                                            .key = "model.blur",
                                            .wanted = blur_wanted,
                                            .beside = "loc",
                                            .width = blur_width,
                                            .keep = keep_blur};

static bool visible_wanted(const rf_config *config) {
    return config->model.occlusion;
}

static int visible_width(int n_points) {
    return n_points;
}

static void keep_visible(rf_face *face, float *row) {
    face->visible = row;
}

const rf_output_kind rf_output_kind_visible = {.name = "visible",
                                               .doc = "for each landmark 1 where it can be seen",
                                               .key = "model.occlusion",
                                               .wanted = visible_wanted,
                                               .beside = "points",
                                               .width = visible_width,
                                               .keep = keep_visible};
