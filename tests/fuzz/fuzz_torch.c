/* SPDX-License-Identifier: Apache-2.0 */
/* PyTorch files. Byte 0 = 'f': the rest is the file. 'z': the rest is data.pkl, packed into an archive with the
 * storages "0" and "1". 'l': the rest follows the head of the older form. */
#include <assert.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/torch_file.h"
#include "tests/fuzz/harness.h"

enum { MARK = 0x11 }; /* every byte of the storages in the archive: anything else was read from beside them */

static const uint8_t legacy_head[] = {0x80, 2,    0x8a, 10,  0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
                                      0xa8, 0x50, 0x19, '.', 0x80, 2,    'M',  0xe9, 3,    '.'};

static void put(rf_text *t, uint64_t value, int n) {
    for (int i = 0; i < n; i++) rf_text_put_bytes(t, (const char[]){(char)(i < 8 ? value >> (8 * i) : 0)}, 1);
}

/* An entry stored uncompressed, and its line of the directory. */
static void add_entry(rf_text *zip, rf_text *directory, const char *name, const uint8_t *data, size_t size) {
    size_t place = zip->used;
    uint32_t sum = rf_crc32(0, data, size);
    rf_text_put_bytes(zip, "PK\3\4", 4);
    rf_text_put_bytes(directory, "PK\1\2", 4);
    put(directory, 0, 2);
    for (int k = 0; k < 2; k++) {
        rf_text *t = k ? directory : zip;
        put(t, 0, 2 + 2 + 2 + 4);
        put(t, sum, 4);
        put(t, size, 4);
        put(t, size, 4);
        put(t, strlen(name), 2);
        put(t, 0, 2);
    }
    put(directory, 0, 2 + 2 + 2 + 4);
    put(directory, place, 4);
    rf_text_put(directory, name);
    rf_text_put(zip, name);
    rf_text_put_bytes(zip, (const char *)data, size);
}

static void pack(rf_text *zip, const uint8_t *pickle, size_t size) {
    uint8_t numbers[96];
    rf_text directory = {0};
    memset(numbers, MARK, sizeof numbers);
    add_entry(zip, &directory, "fuzz/data.pkl", pickle, size);
    add_entry(zip, &directory, "fuzz/data/0", numbers, sizeof numbers);
    add_entry(zip, &directory, "fuzz/data/1", numbers, 8);
    size_t start = zip->used;
    rf_text_put_bytes(zip, directory.text, directory.used);
    rf_text_put_bytes(zip, "PK\5\6", 4);
    put(zip, 0, 4);
    put(zip, 3, 2);
    put(zip, 3, 2);
    put(zip, directory.used, 4);
    put(zip, start, 4);
    put(zip, 0, 2);
    rf_text_clear(&directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rf_text text = {0};
    if (size < 1) return 0;
    if (*data == 'z')
        pack(&text, data + 1, size - 1);
    else if (*data == 'l')
        rf_text_put_bytes(&text, (const char *)legacy_head, sizeof legacy_head);
    if (*data != 'z') rf_text_put_bytes(&text, (const char *)data + 1, size - 1);
    uint8_t *copy = harness_copy((const uint8_t *)text.text, text.used);
    rf_st_file *file;
    harness_begin();
    rf_status status = rf_torch_parse("fuzz", copy, text.used, &file);
    harness_end(status);
    assert((status == RF_OK) == (file != NULL));
    for (size_t i = 0; file && i < file->count; i++) {
        const uint8_t *values = file->tensors[i].data;
        harness_touch(values, file->tensors[i].bytes);
        for (size_t b = 0; *data == 'z' && b < file->tensors[i].bytes; b++) assert(values[b] == MARK);
        harness_touch(file->tensors[i].name, strlen(file->tensors[i].name));
    }
    rf_st_free(file);
    rf_text_clear(&text);
    return 0;
}
