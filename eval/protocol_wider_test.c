/* SPDX-License-Identifier: Apache-2.0 */
/* WIDER FACE's test set, whose annotation is not published: writes the folder that its organisers score, one file
 * EVENT/IMAGE.txt an image, images without detections included. */
#include <math.h>
#include <string.h>

#include "eval/predictions.h"
#include "eval/protocol.h"

static rf_status wider_test_run(const rf_protocol_input *in, rf_protocol_result *out) {
    size_t detections = 0, empty = 0;
    for (size_t i = 0; i < in->truth->n_samples; i++) {
        const char *name = in->truth->samples[i].name;
        if (!strchr(name, '/'))
            return rf_fail(RF_ERR_USER,
                           "%s: an image without a folder; expected EVENT/IMAGE.jpg as in "
                           "wider_face_test_filelist.txt (--images names the folder of the events)",
                           name);
        detections += in->detections[i].n;
        empty += in->detections[i].n == 0;
    }
    rf_protocol_put(out, "images", in->truth->n_samples ? (double)in->truth->n_samples : NAN);
    rf_protocol_put(out, "detections", (double)detections);
    rf_protocol_put(out, "images_without_detection", (double)empty);
    return RF_OK;
}

static rf_status wider_test_write(const rf_protocol_input *in, const char *dir) {
    return rf_predictions_write(dir, in->truth, in->detections);
}

extern const rf_protocol rf_protocol_wider_test;

const rf_protocol rf_protocol_wider_test = {
    .name = "wider_test",
    .doc = "WIDER FACE test set: the folder to submit (with --pred-out)",
    .best = NAN,
    .worst = NAN,
    .run = wider_test_run,
    .write = wider_test_write,
};
