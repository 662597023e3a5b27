/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the generated C files. Internal to the exporter `c`. */
#ifndef RF_EXPORT_C_SOURCE_H
#define RF_EXPORT_C_SOURCE_H

#include "core/text.h"
#include "detect/codec.h"
#include "export/c_net.h"

/* The files of export/c/, put into the program by the Makefile (scripts/embed.sh); a row of NULLs ends the table. */
typedef struct rf_c_text {
    const char *name, *text;
} rf_c_text;
extern const rf_c_text rf_c_texts[];

/* The header and the source, which includes `header` and, when `weights` is not NULL, holds them. Both to rf_free. `id`
 * gets the number that binds the weight file to the source. */
rf_status rf_c_source_make(const rf_c_net *net, const rf_export_model *model, const rf_export_options *options,
                           const char *header, const float *weights, char **header_text, char **source_text,
                           uint32_t *id);

/* A float of C that reads back to the same bits: "0.1f", "16.0f". */
void rf_c_put_float(rf_text *t, float value);

/* The functions that make a face of what the heads say of an anchor (export/decoding.h), one for all levels that decode
 * alike: decode<function[level]>. rf_free *out. RF_ERR_USER: the coders cannot be translated. */
rf_status rf_c_decoding_text(const rf_export_net *net, const rf_codec *codec, int *function, char **out);

#endif
