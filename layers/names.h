/* SPDX-License-Identifier: Apache-2.0 */
/* Names of arrays: from those of other programs' files (layers/names.def) to those of the parameter store, together
 * with what differs in the numbers: biases before a normalisation, its epsilon, the order of class channels. */
#ifndef RF_LAYERS_NAMES_H
#define RF_LAYERS_NAMES_H

#include "core/safetensors.h"
#include "layers/params.h"

typedef enum rf_name_kind {
    RF_NAME_PREFIX,
    RF_NAME_INTO,
    RF_NAME_IGNORED,
    RF_NAME_UNIT,
    RF_NAME_HEAD,
    RF_NAME_UNFIT,
    RF_NAME_MODEL
} rf_name_kind;

/* A line of layers/names.def. */
typedef struct rf_name_row {
    rf_name_kind kind;
    const char *file,
        *file_bn; /* one of them NULL: not there; HEAD: file_bn NULL; MODEL: file_bn is the array that is not there */
    const char *ours, *ours_bn; /* UNFIT: ours is the sentence; MODEL: the configuration */
    double eps;
    bool class_major;
    bool fixed_scale; /* gamma counts as 1, whatever the file holds */
} rf_name_row;

extern const rf_name_row rf_name_rows[];
extern const size_t rf_name_row_count;

/* What an array is to its convolution. */
typedef enum rf_name_role {
    RF_NAME_WEIGHT,
    RF_NAME_BIAS,
    RF_NAME_GAMMA,
    RF_NAME_BETA,
    RF_NAME_MEAN,
    RF_NAME_VAR,
    RF_NAME_ROLES
} rf_name_role;

enum { RF_NAME_LEVELS = 3 };
/* The two names of an array of a UNIT or HEAD at a level (0 for names without one); false when the row has no such
 * array, no such level, or (`ours` "" for the bias before a normalisation) there is none here. */
bool rf_name_write(const rf_name_row *row, int level, rf_name_role role, char file[RF_NAME_BYTES],
                   char ours[RF_NAME_BYTES]);

/* Index of the entry that a name of a file in our own naming means, or params->count. */
size_t rf_name_entry(const rf_params *params, const char *file_name);
/* Arrays that no network needs: counters, an ImageNet classifier's last layer. */
bool rf_name_ignored(const char *file_name);
/* The configuration text of a known public model, or NULL. */
const char *rf_names_config(const rf_st_file *file);

/* What rf_names_translate did. */
typedef struct rf_names_result {
    rf_st_file *file; /* the same arrays under our names; NULL when no array is named otherwise; rf_st_free */
    size_t absorbed;  /* biases before a normalisation: subtracted from its running mean */
    const char *note; /* why the file cannot fit as a whole, or NULL */
} rf_names_result;

/* Translates a file of another program. Arrays that are not known keep their names. The numbers of the result point
 * into `file` or its own buffer, so `file` must outlive it. RF_ERR_FORMAT when arrays of one layer do not fit together.
 */
rf_status rf_names_translate(const char *path, const rf_st_file *file, const rf_params *params, rf_names_result *out);

#endif
