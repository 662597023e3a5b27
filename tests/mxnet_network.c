/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "layers/detector.h"
#include "layers/names.h"
#include "tests/golden.h"
#include "tests/mxnet_fixtures.h"

static const struct {
    const char *config, *families[8];
} kinds[MXNET_KINDS] = {
    [MXNET_MNET] = {"", {"mobilenet0_", "face_", "rf_c"}},
    [MXNET_MNET_LATER] = {"", {"mobilenet0_", "face_", "RF_", "rf_head"}},
    [MXNET_R50] = {"[model]\nbackbone=preresnet50\nchannels=256\ncontext_channels=512\n",
                   {"bn", "conv0_", "stage", "face_", "ssh_"}},
};

static bool wanted(const char *name, mxnet_kind kind) {
    for (const char *const *family = kinds[kind].families; *family; family++)
        if (strncmp(name, *family, strlen(*family)) == 0) return true;
    return false;
}

/* array() of scripts/golden_import.py. */
static float *fill(const char *name, const rf_param *p, rf_name_role role) {
    float *numbers = rf_alloc(p->count, sizeof *numbers);
    double fan_in = p->n_dims == 4 ? (double)(p->dims[1] * p->dims[2] * p->dims[3]) : 1;
    double part = strncmp(name, "mobilenet0_conv0_", 17) == 0 ? 0.01 : strstr(name, "face_") ? 0.1 : 1;
    if (strncmp(name, "stage", 5) == 0 && strstr(name, "_conv3_")) part = 0.2; /* or sums grow block by block */
    double picture = strncmp(name, "bn_data_", 8) == 0 && role == RF_NAME_VAR ? 16384 : 0; /* of bytes */
    for (size_t i = 0; i < p->count; i++) {
        double v = golden_number(name, i);
        numbers[i] = (float)(role == RF_NAME_WEIGHT  ? v * sqrt(6 / fan_in) * part
                             : role == RF_NAME_GAMMA ? (1 + 0.3 * v) * (i ? 1 : 0.03)
                             : role == RF_NAME_VAR   ? (i ? fabs(v) + 0.5 : 0.001) + picture
                                                     : 0.2 * v);
    }
    return numbers;
}

static rf_st_tensor make(char file[RF_NAME_BYTES], const rf_param *p, rf_name_role role) {
    char name[2 * RF_NAME_BYTES];
    char *moving = strstr(file, "_moving_");
    if (moving && strncmp(file, "mobilenet0_", 11) == 0) { /* Gluon's word */
        snprintf(name, sizeof name, "%s", moving + 8);
        snprintf(moving, RF_NAME_BYTES - (size_t)(moving - file), "_running_%s", name);
    }
    bool aux = role == RF_NAME_MEAN || role == RF_NAME_VAR;
    snprintf(name, sizeof name, "%s:%s", aux ? "aux" : "arg", file);
    rf_st_tensor t = {.name = rf_strdup(name),
                      .dtype = RF_F32,
                      .n_dims = p->n_dims,
                      .data = fill(file, p, role),
                      .bytes = p->count * sizeof(float)};
    memcpy(t.dims, p->dims, sizeof p->dims);
    return t;
}

void mxnet_network(mxnet_kind kind, rf_st_tensor **tensors, size_t *count) {
    rf_config config;
    rf_params *params;
    char file[RF_NAME_BYTES], ours[RF_NAME_BYTES];
    if (rf_config_parse("test", kinds[kind].config, NULL, 0, &config) != RF_OK) abort();
    if (rf_detector_params(&config, &params) != RF_OK) abort();
    *tensors = rf_alloc(2 * params->count, sizeof **tensors);
    *count = 0;
    for (size_t i = 0; i < rf_name_row_count; i++)
        for (int level = 0; level < RF_NAME_LEVELS; level++)
            for (int role = 0; role < RF_NAME_ROLES; role++) {
                const rf_name_row *row = &rf_name_rows[i];
                if (!rf_name_write(row, level, (rf_name_role)role, file, ours) || !wanted(file, kind)) continue;
                const rf_param *p;
                if (!*ours) { /* a bias before a normalisation: as long as its mean; Gluon's have none */
                    char mean[RF_NAME_BYTES];
                    if (strncmp(row->ours, "body.", 5) == 0) continue; /* nor have MXNet's ResNets */
                    rf_name_write(row, level, RF_NAME_MEAN, mean, ours);
                }
                p = rf_params_find(params, ours);
                if (!p) continue; /* merge3: the top level has none */
                (*tensors)[*count] = make(file, p, (rf_name_role)role);
                ++*count;
            }
    rf_params_free(params);
}

void mxnet_network_free(rf_st_tensor *tensors, size_t count) {
    for (size_t i = 0; tensors && i < count; i++) {
        rf_free(tensors[i].name);
        rf_free((void *)(uintptr_t)tensors[i].data);
    }
    rf_free(tensors);
}
