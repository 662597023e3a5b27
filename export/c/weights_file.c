/* SPDX-License-Identifier: Apache-2.0 */

/* ---- weights ---- */

/* The file: "RFWEIGHT", version, NETWORK_ID, number of floats, CRC-32 of their bytes, then the floats; all numbers have
 * four bytes, the lowest first. */
enum { STORED_WEIGHTS = WEIGHTS, FILE_VERSION = 1, HEADER_BYTES = 24 };

static uint32_t little_endian(const unsigned char *b) {
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* zlib's CRC-32. */
static uint32_t checksum(const unsigned char *bytes, size_t n) {
    uint32_t table[256], crc = 0xffffffffu;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++) table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
    }
    for (size_t i = 0; i < n; i++) crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
    return crc ^ 0xffffffffu;
}

static int read_weights(FILE *file, float *to) {
    unsigned char header[HEADER_BYTES], *bytes = (unsigned char *)to;
    size_t count = WEIGHTS;
    if (fread(header, 1, HEADER_BYTES, file) != HEADER_BYTES || memcmp(header, "RFWEIGHT", 8) != 0 ||
        little_endian(header + 8) != FILE_VERSION || little_endian(header + 12) != NETWORK_ID ||
        little_endian(header + 16) != count)
        return RF_ERR_WEIGHTS;
    if (fread(bytes, 4, count, file) != count || fgetc(file) != EOF) return RF_ERR_WEIGHTS;
    if (checksum(bytes, 4 * count) != little_endian(header + 20)) return RF_ERR_WEIGHTS;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = little_endian(bytes + 4 * i);
        memcpy(to + i, &bits, 4);
    }
    return 0;
}

/* `to`: room for them at the start of the block. */
static int load_weights(struct rf_detector *state, const char *path, float *to) {
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) return RF_ERR_FILE;
    int status = read_weights(file, to);
    state->weights = to;
    if (status != 0 && ferror(file)) status = RF_ERR_FILE;
    fclose(file);
    return status;
}
