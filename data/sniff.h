/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what an annotation file is, by its text: converters that read it (data/converters.def), or files of other
 * programs that are known but not read (data/foreign.c), with the way to export from these. */
#ifndef RF_DATA_SNIFF_H
#define RF_DATA_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "data/convert.h"

/* A kind of file that is known by its looks and not read. */
typedef struct rf_foreign {
    const char *what;    /* "VoTT's JSON" */
    const char *advice;  /* one clause: what to do */
    const char *example; /* a text that is one */
    size_t example_bytes;
    bool (*sniff)(const char *text, size_t bytes);
} rf_foreign;
extern const rf_foreign rf_foreigns[];
extern const size_t rf_foreign_count;

typedef struct rf_sniffed {
    const rf_converter *from;        /* NULL: none reads it */
    const rf_foreign *foreign;       /* NULL: not known either */
    const rf_converter *other;       /* a second one that reads files of the folder, NULL: none */
    char file[512], other_file[512]; /* of a folder: the files that were recognised, relative to it */
} rf_sniffed;

/* What a text is; the first line of converters.def that knows it. */
rf_sniffed rf_sniff_text(const char *text, size_t bytes);
/* The same of a file, or of a folder: a layout of a converter, else the files in it. RF_ERR_IO when it cannot be
 * read. */
rf_status rf_sniff_path(const char *path, rf_sniffed *out);
/* Where a data set is expected that training reads: RF_ERR_FORMAT with what stands at `path` instead and what to do, or
 * RF_OK when nothing is known or it is a set that training reads. Of texts without a name: path for the message. */
rf_status rf_sniff_refuse(const char *path, const rf_sniffed *sniffed);

/* For sniffers. Which of the names (at most 32, NULL ends them) are members of a JSON text's root object, as bits.
 * inside 1: of the first object in the root array or object. A broken text counts as far as it is well-formed. */
unsigned rf_sniff_keys(const char *text, size_t bytes, int inside, const char *const *names);
/* Whether that is the outermost element of an XML text. */
bool rf_sniff_element(const char *text, size_t bytes, const char *name);

#endif
