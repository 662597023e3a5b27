/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/protocol.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"

#define RF_PROTOCOL(name) extern const rf_protocol rf_protocol_##name;
#include "eval/protocols.def"
#undef RF_PROTOCOL

const rf_protocol *const rf_protocols[RF_PROTOCOL_COUNT] = {
#define RF_PROTOCOL(name) &rf_protocol_##name,
#include "eval/protocols.def"
#undef RF_PROTOCOL
};

const rf_protocol *rf_protocol_find(const char *name) {
    const char *names[RF_PROTOCOL_COUNT];
    for (int i = 0; i < RF_PROTOCOL_COUNT; i++) names[i] = rf_protocols[i]->name;
    int at = rf_name_find("protocol", name, names, RF_PROTOCOL_COUNT);
    return at < 0 ? NULL : rf_protocols[at];
}

static bool has_kinds(const rf_dataset *truth) {
    for (size_t f = 0; f < truth->n_faces; f++)
        if (truth->faces[f].kind) return true;
    return truth->n_faces == 0;
}

rf_status rf_protocol_check(const rf_protocol *protocol, const rf_dataset *truth) {
    const char *path = truth->annotation_path ? truth->annotation_path : "the annotation";
    if (protocol->needs_points && truth->n_faces && !truth->n_with_points)
        return rf_fail(RF_ERR_USER, "%s: no face has five landmarks, which protocol %s measures", path, protocol->name);
    if (protocol->needs_kinds && !has_kinds(truth))
        return rf_fail(RF_ERR_USER, "%s: no kinds of faces, which protocol %s needs; expected x y w h kind in each row",
                       path, protocol->name);
    if (protocol->needs_ellipses && truth->n_faces && !truth->ellipses)
        return rf_fail(RF_ERR_USER,
                       "%s: no ellipses, which protocol %s measures; expected FDDB's ellipse lists (boxes: --protocol "
                       "pascal_faces)",
                       path, protocol->name);
    return RF_OK;
}

rf_status rf_protocol_run(const rf_protocol *protocol, const rf_protocol_input *input, rf_protocol_result *out) {
    *out = (rf_protocol_result){0};
    RF_TRY(rf_protocol_check(protocol, input->truth));
    rf_status status = rf_protocol_check_finite(input);
    if (status == RF_OK) status = protocol->run(input, out);
    if (status != RF_OK) rf_protocol_result_free(out);
    return status;
}

void rf_protocol_result_free(rf_protocol_result *result) {
    if (!result) return;
    for (size_t i = 0; i < result->n_curves; i++) {
        rf_free(result->curves[i].x);
        rf_free(result->curves[i].y);
        rf_free(result->curves[i].score);
    }
    *result = (rf_protocol_result){0};
}

void rf_protocol_put(rf_protocol_result *out, const char *name, double value) {
    if (out->n_values == RF_PROTOCOL_VALUES) return;
    rf_protocol_value *to = &out->values[out->n_values++];
    snprintf(to->name, sizeof to->name, "%s", name);
    to->value = value;
}

rf_status rf_protocol_new_curve(rf_protocol_result *out, const char *name, size_t room, rf_protocol_curve **curve) {
    rf_protocol_curve *c = &out->curves[out->n_curves++];
    *c = (rf_protocol_curve){.name = name, .x = rf_alloc(room, sizeof *c->x), .y = rf_alloc(room, sizeof *c->y)};
    *curve = c;
    return c->x && c->y ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_protocol_copy_truth(const rf_dataset *truth, rf_dataset *copy) {
    *copy = *truth;
    copy->faces = rf_alloc(truth->n_faces, sizeof *copy->faces);
    if (!copy->faces) return RF_ERR_NOMEM;
    if (truth->n_faces) memcpy(copy->faces, truth->faces, truth->n_faces * sizeof *copy->faces);
    return RF_OK;
}

rf_status rf_protocol_check_finite(const rf_protocol_input *input) {
    for (size_t i = 0; i < input->truth->n_samples; i++)
        for (size_t k = 0; k < input->detections[i].n; k++) {
            const rf_face *face = &input->detections[i].items[k];
            double sum = rf_protocol_score(input, i, k);
            for (int c = 0; c < 4; c++) sum += (double)face->box[c];
            if (!isfinite(sum))
                return rf_fail(RF_ERR_NONFINITE, "detection %zu of %s is not finite", k + 1,
                               input->truth->samples[i].name);
        }
    return RF_OK;
}

rf_status rf_protocol_svg(const rf_protocol *protocol, const rf_protocol_result *result, const char *path) {
    if (!protocol->x_label) return rf_fail(RF_ERR_USER, "protocol %s has no figure", protocol->name);
    rf_series series[RF_PROTOCOL_CURVES] = {{0}};
    double x_max = protocol->x_max;
    for (size_t i = 0; i < result->n_curves; i++) {
        const rf_protocol_curve *c = &result->curves[i];
        series[i] = (rf_series){.name = c->name, .x = c->x, .y = c->y, .n = c->n};
        if (protocol->x_max <= 0 && c->n && c->x[c->n - 1] > x_max) x_max = c->x[c->n - 1];
    }
    rf_chart chart = {.title = protocol->doc,
                      .x = {protocol->x_label, 0, x_max > 0 ? x_max : 1, false},
                      .y = {protocol->y_label, 0, 1, false},
                      .series = series,
                      .n_series = result->n_curves,
                      .legend_right = protocol->legend_right};
    if (protocol->x_max <= 0) rf_axis_round(&chart.x);
    return rf_chart_write(path, &chart);
}

rf_status rf_protocol_csv(const rf_protocol *protocol, const rf_protocol_result *result, const char *path) {
    rf_atomic_file *file;
    if (!protocol->x_label) return rf_fail(RF_ERR_USER, "protocol %s has no curves", protocol->name);
    RF_TRY(rf_atomic_open(path, &file));
    FILE *out = rf_atomic_stream(file);
    bool scores = false;
    for (size_t c = 0; c < result->n_curves; c++) scores |= result->curves[c].score != NULL;
    fprintf(out, "curve,point,x,y%s\n", scores ? ",score" : "");
    for (size_t c = 0; c < result->n_curves; c++) {
        const rf_protocol_curve *curve = &result->curves[c];
        for (size_t i = 0; i < curve->n; i++) {
            fprintf(out, "\"%s\",%zu,%.9g,%.9g", curve->name, i, curve->x[i], curve->y[i]);
            if (curve->score)
                fprintf(out, ",%.17g", curve->score[i]);
            else if (scores)
                fputc(',', out);
            fputc('\n', out);
        }
    }
    return rf_atomic_commit(file);
}
