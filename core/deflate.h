/* SPDX-License-Identifier: Apache-2.0 */
/* zlib streams (RFC 1950), unpacked in memory. rf_crc32 of core/file.h lives beside it: one file includes zlib.h. */
#ifndef RF_CORE_DEFLATE_H
#define RF_CORE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

/* Unpacks at most `room` bytes of a stream into `out`; *bytes is how many they were and *whole whether the stream ended
 * there with a right checksum. false: the data is no such stream, is damaged, or zlib has no memory. Thread safe. */
bool rf_inflate(const void *packed, size_t packed_bytes, void *out, size_t room, size_t *bytes, bool *whole);

/* Of the library that runs. */
const char *rf_zlib_version(void);

#endif
