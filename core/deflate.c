/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "core/file.h"

uint32_t rf_crc32(uint32_t crc, const void *data, size_t bytes) {
    if (!bytes) return crc; /* zlib starts anew when the data is NULL */
    return (uint32_t)crc32_z(crc, data, bytes);
}

bool rf_inflate(const void *packed, size_t packed_bytes, void *out, size_t room, size_t *bytes, bool *whole) {
    *bytes = 0;
    *whole = false;
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed, .next_out = out};
    if (packed_bytes > UINT_MAX || room > UINT_MAX || inflateInit(&stream) != Z_OK) return false;
    stream.avail_in = (uInt)packed_bytes;
    stream.avail_out = (uInt)room;
    int result = inflate(&stream, Z_SYNC_FLUSH);
    *bytes = room - stream.avail_out;
    *whole = result == Z_STREAM_END;
    inflateEnd(&stream);
    /* Z_BUF_ERROR: nothing more could be done, because there is no room or no input. */
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

const char *rf_zlib_version(void) {
    return zlibVersion();
}
