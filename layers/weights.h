/* SPDX-License-Identifier: Apache-2.0 */
/* Weights between the parameter store and files, by PyTorch's names (those of the public Pytorch_Retinaface models). */
#ifndef RF_LAYERS_WEIGHTS_H
#define RF_LAYERS_WEIGHTS_H

#include "core/safetensors.h"
#include "core/text.h"
#include "layers/params.h"

/* What a load did. Names are copies in alphabetical order of their place in the store or file; rf_weights_report_free.
 */
typedef struct rf_weights_report {
    size_t matched;          /* entries of the store that were filled */
    size_t backbone_missing; /* how many of `missing` belong to the backbone */
    char **missing;          /* entries of the store that the file lacks: they keep their values */
    size_t n_missing;
    char **unused; /* tensors of the file that fit nothing */
    size_t n_unused;
    size_t ignored;   /* tensors that are never needed: num_batches_tracked and an ImageNet classifier's last layer */
    size_t widened;   /* tensors of half precision or bfloat16, read as float32 */
    size_t absorbed;  /* biases in front of a normalisation, subtracted from its running mean (MXNet files) */
    const char *note; /* why the file cannot fit as a whole; NULL: nothing is known against it */
} rf_weights_report;
void rf_weights_report_free(rf_weights_report *report);
/* Appends one sentence part: every count, and the first names of each list. */
void rf_weights_report_text(const rf_weights_report *report, rf_text *text);

/* Reads a weight file, told by its content: safetensors, a PyTorch file (.pth, .pt, .tar; never executed) that holds
 * a state_dict or a dictionary with one, or MXNet's .params. Numbers of 16 bits are widened (rf_st_widen). Free with
 * rf_st_free. */
rf_status rf_weights_read(const char *path, rf_st_file **out);
/* The same from memory; takes ownership of `data` (rf_alloc'ed) on success AND failure. `path` is for messages. */
rf_status rf_weights_parse(const char *path, uint8_t *data, size_t bytes, rf_st_file **out);

/* Fills the store by name, names and numbers translated as layers/names.def says: prefixes are dropped, "body." is
 * added where that fits so that backbone files of torchvision load, and insightface's networks are known. Nothing is
 * changed on failure: RF_ERR_USER when nothing matches or shapes differ, RF_ERR_FORMAT for doubled names and wrong
 * types, RF_ERR_NONFINITE for NaN, infinity or a negative variance. report may be NULL. */
rf_status rf_weights_load(const char *path, rf_params *params, rf_weights_report *report);
/* The same from a file already read; `path` is for messages. */
rf_status rf_weights_apply(const char *path, const rf_st_file *file, rf_params *params, rf_weights_report *report);

/* Tensors for rf_st_write in the file's layout, with their own copy of the numbers. */
typedef struct rf_weights_pack {
    rf_st_tensor *tensors;
    size_t count;
    float *buffer;
} rf_weights_pack;
/* All weights, running statistics and num_batches_tracked (always 0; PyTorch's strict load wants it), of `values`
 * (NULL: the store's own). */
rf_status rf_weights_pack_model(const rf_params *params, const rf_param_values *values, rf_weights_pack *pack);
/* An array laid out like params->data (a momentum, an average) as tensors called prefix + entry name. */
rf_status rf_weights_pack_array(const rf_params *params, const rf_real *array, const char *prefix,
                                rf_weights_pack *pack);
/* An array laid out like params->state, the same way. */
rf_status rf_weights_pack_state(const rf_params *params, const rf_real *array, const char *prefix,
                                rf_weights_pack *pack);
/* Rounds the weights of convolutions (the arrays of four dimensions) to half precision; the few numbers of
 * normalisations and biases stay as they are, since a running variance needs the range of a float. RF_ERR_USER names an
 * array that has a number beyond 65504. */
rf_status rf_weights_pack_halve(rf_weights_pack *pack);
void rf_weights_pack_free(rf_weights_pack *pack);
/* Reads what rf_weights_pack_array wrote back into `array`; every entry must be there in its shape. */
rf_status rf_weights_unpack_array(const char *path, const rf_st_file *file, const rf_params *params, const char *prefix,
                                  rf_real *array);
/* The same of rf_weights_pack_state. */
rf_status rf_weights_unpack_state(const char *path, const rf_st_file *file, const rf_params *params, const char *prefix,
                                  rf_real *array);

/* Whether a file holds exactly what rf_weights_pack_model gives, halved or not, bit for bit; RF_ERR_FORMAT names what
 * differs. */
rf_status rf_weights_same(const char *path, const rf_st_file *file, const rf_params *params, bool half);

/* Writes rf_weights_pack_model, halved or not, as a safetensors file with the given metadata. */
rf_status rf_weights_save(const char *path, const rf_params *params, bool half, const char *const *meta_keys,
                          const char *const *meta_values, size_t meta_count);

#endif
