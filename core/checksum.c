#include <zlib.h>

#include "core/file.h"

uint32_t rf_crc32(uint32_t crc, const void *data, size_t bytes) {
    if (!bytes) return crc; /* zlib starts anew when the data is NULL */
    return (uint32_t)crc32_z(crc, data, bytes);
}
