/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zip_read.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"

enum { END_BYTES = 22, MAX_COMMENT = 65535, CENTRAL_BYTES = 46, LOCAL_BYTES = 30 };

typedef struct archive {
    const char *path;
    const uint8_t *data;
    size_t bytes;
} archive;

static rf_status bad(const archive *a, const char *what) {
    rf_fail(RF_ERR_FORMAT, "%s: damaged PyTorch file: %s; fetch or save it again", a->path, what);
    return RF_ERR_FORMAT;
}

static size_t number(const uint8_t *at, size_t n) {
    size_t value = 0;
    for (size_t i = 0; i < n; i++) value |= (size_t)at[i] << (8 * i);
    return value;
}

bool rf_zip_probe(const uint8_t *data, size_t bytes) {
    return bytes >= 4 && memcmp(data, "PK\003\004", 4) == 0;
}

/* Start of the central directory and its number of entries, from the end record. */
static rf_status find_directory(const archive *a, size_t *at, size_t *entries) {
    for (size_t back = END_BYTES; back <= a->bytes && back <= END_BYTES + MAX_COMMENT; back++) {
        const uint8_t *end = a->data + a->bytes - back;
        if (memcmp(end, "PK\005\006", 4) != 0) continue;
        *entries = number(end + 10, 2);
        *at = number(end + 16, 4);
        if (*entries == 0xffff || *at == 0xffffffff) return bad(a, "archives over 4 GB are not supported");
        if (number(end + 4, 2) != 0 || number(end + 8, 2) != *entries) return bad(a, "it is a part of an archive");
        if (*at > a->bytes) return bad(a, "its directory lies outside");
        /* Counted before memory is taken for them. */
        return *entries <= (a->bytes - *at) / CENTRAL_BYTES ? RF_OK : bad(a, "its directory is damaged");
    }
    return bad(a, "it is cut off, the directory at its end is missing");
}

/* Reads the entry at *at and moves on to the next. */
static rf_status next_entry(const archive *a, size_t *at, rf_zip_entry *entry, uint32_t *sum) {
    const uint8_t *c = a->data + *at;
    if (a->bytes - *at < CENTRAL_BYTES || memcmp(c, "PK\001\002", 4) != 0) return bad(a, "its directory is damaged");
    size_t flags = number(c + 8, 2), method = number(c + 10, 2), packed = number(c + 20, 4), local = number(c + 42, 4);
    *sum = (uint32_t)number(c + 16, 4);
    entry->bytes = number(c + 24, 4);
    entry->name = c + CENTRAL_BYTES;
    entry->name_bytes = number(c + 28, 2);
    size_t total = CENTRAL_BYTES + entry->name_bytes + number(c + 30, 2) + number(c + 32, 2);
    if (total > a->bytes - *at) return bad(a, "its directory is damaged");
    *at += total;
    if (method != 0 || packed != entry->bytes || (flags & 1))
        return bad(a, "it is compressed, as PyTorch never does (was it zipped again?)");
    if (local > a->bytes || a->bytes - local < LOCAL_BYTES || memcmp(a->data + local, "PK\003\004", 4) != 0)
        return bad(a, "an entry lies outside");
    size_t head = LOCAL_BYTES + number(a->data + local + 26, 2) + number(a->data + local + 28, 2);
    if (a->bytes - local < head || entry->bytes > a->bytes - local - head) return bad(a, "an entry is cut off");
    entry->data = a->data + local + head;
    return RF_OK;
}

static int compare_places(const void *x, const void *y) {
    const rf_zip_entry *a = x, *b = y;
    if (a->data != b->data) return a->data < b->data ? -1 : 1;
    return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

/* No two entries share a byte: else a small file could stand for one of any size. */
static rf_status check_places(const archive *a, rf_zip_entry *entries, size_t count) {
    qsort(entries, count, sizeof *entries, compare_places);
    for (size_t i = 1; i < count; i++)
        if (entries[i].data < entries[i - 1].data + entries[i - 1].bytes) return bad(a, "two of its entries overlap");
    return RF_OK;
}

rf_status rf_zip_list(const char *path, const uint8_t *data, size_t bytes, rf_zip_entry **entries, size_t *count) {
    archive a = {path, data, bytes};
    size_t at, n;
    rf_status status = RF_OK;
    uint32_t *sums = NULL;
    rf_zip_entry *list = NULL;
    *entries = NULL;
    *count = 0;
    RF_TRY(find_directory(&a, &at, &n));
    list = rf_alloc(n, sizeof *list);
    sums = rf_alloc(n, sizeof *sums);
    if (!list || !sums) {
        status = RF_ERR_NOMEM;
        goto fail;
    }
    for (size_t i = 0; i < n; i++) RF_TRY_GOTO(next_entry(&a, &at, &list[i], &sums[i]));
    /* The sums belong to the directory's order, so they are compared before the entries are sorted; but only of entries
     * that do not add up to more than there is, or overlapping ones would be summed again and again. */
    size_t left = bytes;
    for (size_t i = 0; i < n; i++) {
        if (list[i].bytes > left) {
            status = bad(&a, "two of its entries overlap");
            goto fail;
        }
        left -= list[i].bytes;
        if (rf_crc32(0, list[i].data, list[i].bytes) == sums[i]) continue;
        status = bad(&a, "a checksum is wrong");
        goto fail;
    }
    RF_TRY_GOTO(check_places(&a, list, n));
    *entries = list;
    *count = n;
    list = NULL;
fail:
    rf_free(list);
    rf_free(sums);
    return status;
}
