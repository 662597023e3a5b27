/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faces_kit.h"
#include "tests/protocol_set.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/mafa.h"

double value_of(const rf_protocol_result *r, const char *name) {
    for (size_t i = 0; i < r->n_values; i++)
        if (strcmp(r->values[i].name, name) == 0) return r->values[i].value;
    fail_msg("no value is called %s", name);
    return NAN;
}

rf_protocol_result must_run(const rf_protocol *protocol, const rf_dataset *set, const rf_face_list *lists) {
    rf_protocol_result result;
    const rf_protocol_input input = {.truth = set, .detections = lists};
    if (rf_protocol_run(protocol, &input, &result) != RF_OK) fail_msg("%s: %s", protocol->name, rf_error_message());
    return result;
}

bool same(double a, double b) {
    return isnan(a) ? isnan(b) : fabs(a - b) < 1e-9;
}

rf_ellipse ellipses[4] = {
    {40, 30, 0, 50, 50}, {40, 30, 0, 250, 50}, {40, 30, 1.5707964f, 450, 60}, {20, 20, 0, 60, 60}};
rf_face faces[4];
rf_sample samples[2] = {{.name = "e/a.jpg", .path = "none/e/a.jpg", .first_face = 0, .n_faces = 3},
                        {.name = "e/b.jpg", .path = "none/e/b.jpg", .first_face = 3, .n_faces = 1}};
rf_dataset truth;

void make_truth(void) {
    for (int f = 0; f < 4; f++) {
        double box[4];
        rf_ellipse_box(&ellipses[f], box);
        faces[f] = (rf_face){.score = 1, .kind = f % 2 ? RF_MAFA_UNMASKED : RF_MAFA_MASKED};
        face_give_points(&faces[f], RF_POINTS);
        for (int k = 0; k < 4; k++) faces[f].box[k] = (float)box[k];
        for (int p = 0; p < RF_POINTS; p++) {
            faces[f].points[2 * p] = (float)box[0] + 10 + 5 * (float)p;
            faces[f].points[2 * p + 1] = (float)box[1] + 20;
        }
    }
    truth = (rf_dataset){.annotation_path = "truth.txt",
                         .samples = samples,
                         .n_samples = 2,
                         .faces = faces,
                         .n_faces = 4,
                         .n_with_points = 4,
                         .ellipses = ellipses};
}
