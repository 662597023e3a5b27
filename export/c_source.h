/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the generated C files. Internal to the exporter `c`. */
#ifndef RF_EXPORT_C_SOURCE_H
#define RF_EXPORT_C_SOURCE_H

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

#endif
