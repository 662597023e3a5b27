/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors files: u64 little-endian header size, JSON header, contiguous little-endian data (format:
 * docs/formats.md). Readers refuse headers over 100 MB, offsets that overlap, leave gaps or pass the end, unknown types
 * and size mismatches. */
#ifndef RF_CORE_SAFETENSORS_H
#define RF_CORE_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum rf_dtype { RF_F32, RF_F64, RF_I64, RF_I32, RF_U8, RF_F16, RF_BF16 } rf_dtype;

typedef struct rf_st_tensor {
    char *name;
    rf_dtype dtype;
    int n_dims;
    size_t dims[8];
    const void *data; /* little-endian, C order, inside the file's buffer (8-byte aligned when the header is padded) */
    size_t bytes;
} rf_st_tensor;

typedef struct rf_st_file {
    rf_st_tensor *tensors; /* in file order */
    size_t count;
    char **meta_keys, **meta_values; /* "__metadata__" strings */
    size_t meta_count;
    uint8_t *buffer; /* the whole file */
    size_t buffer_bytes;
    float *wide;    /* what rf_st_widen made of 16-bit numbers; NULL: none */
    size_t widened; /* tensors of 16-bit numbers that it made RF_F32 */
} rf_st_file;

/* "F32" and bytes of one element of a type. */
const char *rf_dtype_name(rf_dtype dtype);
size_t rf_dtype_bytes(rf_dtype dtype);

/* Reads and checks a whole file; if its metadata has "rf.crc32" the data's checksum is verified too. Free with
 * rf_st_free. */
rf_status rf_st_read(const char *path, rf_st_file **out);
/* The same from memory; takes ownership of `buffer` (rf_alloc'ed) on success AND failure. `path` is for messages. */
rf_status rf_st_parse(const char *path, uint8_t *buffer, size_t bytes, rf_st_file **out);
void rf_st_free(rf_st_file *file);
/* Makes every RF_F16 and RF_BF16 tensor an RF_F32 one of the same values, in memory of the file. Nothing is changed on
 * failure. */
rf_status rf_st_widen(rf_st_file *file);
const rf_st_tensor *rf_st_find(const rf_st_file *file, const char *name);
const char *rf_st_meta(const rf_st_file *file, const char *key);

/* Writing: tensors whose `data` belongs to the caller, metadata key/value pairs (values: any text; escaped). The header
 * is padded to 64 bytes, "rf.crc32" is added (a key of that name is skipped); written atomically. 8-byte types come
 * first, then 4-, 2- and 1-byte ones, each in the order given, so that all data is aligned. The same input gives the
 * same bytes. */
rf_status rf_st_write(const char *path, const rf_st_tensor *tensors, size_t count, const char *const *meta_keys,
                      const char *const *meta_values, size_t meta_count);

#endif
