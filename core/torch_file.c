/* SPDX-License-Identifier: Apache-2.0 */
#include "core/torch_file.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/torch_pickle.h"
#include "core/zip_read.h"

typedef struct storage_class {
    const char *name;
    size_t size; /* bytes an element; needed to step over what cannot be used, too */
    bool usable;
    rf_dtype dtype;
} storage_class;

static const storage_class classes[] = {
    {"FloatStorage", 4, true, RF_F32}, {"DoubleStorage", 8, true, RF_F64},    {"LongStorage", 8, true, RF_I64},
    {"IntStorage", 4, true, RF_I32},   {"ByteStorage", 1, true, RF_U8},       {"BoolStorage", 1, true, RF_U8},
    {"HalfStorage", 2, true, RF_F16},  {"BFloat16Storage", 2, true, RF_BF16}, {"ShortStorage", 2, false, RF_U8},
    {"CharStorage", 1, false, RF_U8},
};

/* One array of the file, of which tensors are views. */
typedef struct storage {
    const uint8_t *key;
    size_t key_bytes;
    const storage_class *type;
    const uint8_t *data; /* NULL until found */
    size_t bytes;
} storage;

typedef struct reader {
    const char *path;
    const uint8_t *data;
    size_t bytes;
    rf_pickle *pickle;
    storage *storages; /* sorted by key, each key once */
    size_t n_storages;
    rf_zip_entry config; /* data NULL: there is none */
} reader;

/* A tensor of the file before it is copied. */
typedef struct view {
    const storage *storage;
    size_t offset, count; /* elements */
    int n_dims;
    size_t dims[8], strides[8];
} view;

/* The older form begins with the pickled magic number 0x1950a86a20f9469cfc6c, then the pickled protocol version 1001.
 */
enum { MAGIC_BYTES = 15 };
static const uint8_t legacy_head[] = {0x80, 2,    0x8a, 10,  0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
                                      0xa8, 0x50, 0x19, '.', 0x80, 2,    'M',  0xe9, 3,    '.'};

bool rf_torch_probe(const uint8_t *data, size_t bytes) {
    return rf_zip_probe(data, bytes) || (bytes >= MAGIC_BYTES && memcmp(data, legacy_head, MAGIC_BYTES) == 0);
}

static rf_status bad(const reader *r, const char *what) {
    rf_fail(RF_ERR_FORMAT, "%s: damaged PyTorch file: %s; fetch or save it again", r->path, what);
    return RF_ERR_FORMAT;
}

static uint64_t number(const uint8_t *at, size_t n) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static int compare_storages(const void *a, const void *b) {
    const storage *x = a, *y = b;
    if (x->key_bytes != y->key_bytes) return x->key_bytes < y->key_bytes ? -1 : 1;
    return memcmp(x->key, y->key, x->key_bytes);
}

static storage *find_storage(const reader *r, const uint8_t *key, size_t key_bytes) {
    storage wanted = {.key = key, .key_bytes = key_bytes};
    if (r->n_storages == 0) return NULL;
    return bsearch(&wanted, r->storages, r->n_storages, sizeof wanted, compare_storages);
}

/* Lists the storages that the pickled object mentions. */
static rf_status list_storages(reader *r) {
    size_t values = rf_pickle_count(r->pickle), n = 0, kept = 0;
    for (size_t i = 0; i < values; i++) n += rf_pickle_at(r->pickle, i)->type == RF_PICKLE_STORAGE;
    r->storages = rf_alloc(n, sizeof *r->storages);
    if (!r->storages) return RF_ERR_NOMEM;
    for (size_t i = 0; i < values; i++) {
        const rf_pickle_value *s = rf_pickle_at(r->pickle, i);
        if (s->type != RF_PICKLE_STORAGE) continue;
        const rf_pickle_value *key = rf_pickle_item(r->pickle, s, 2), *part = rf_pickle_item(r->pickle, s, 5);
        if (!key || key->type != RF_PICKLE_TEXT || !rf_pickle_is(rf_pickle_item(r->pickle, s, 0), "storage"))
            return bad(r, "a storage has no key");
        if (part && part->type != RF_PICKLE_NONE) return bad(r, "storages inside storages are not supported");
        storage *out = &r->storages[r->n_storages++];
        *out = (storage){.key = key->text, .key_bytes = key->bytes};
        for (size_t c = 0; c < sizeof classes / sizeof *classes; c++)
            if (rf_pickle_is(rf_pickle_item(r->pickle, s, 1), classes[c].name)) out->type = &classes[c];
    }
    qsort(r->storages, n, sizeof *r->storages, compare_storages);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || compare_storages(&r->storages[i], &r->storages[kept - 1]) != 0)
            r->storages[kept++] = r->storages[i];
    r->n_storages = kept;
    return RF_OK;
}

/* --- the older form: magic, protocol, system, object, list of keys; then for each key its element count and data ---
 */

static rf_status read_legacy_data(reader *r, const rf_pickle *keys, size_t at) {
    const rf_pickle_value *key, *list = rf_pickle_root(keys);
    if (list->type != RF_PICKLE_LIST) return bad(r, "the list of storages is missing");
    size_t cell = list->first;
    while ((key = rf_pickle_next(keys, &cell))) {
        storage *s = key->type == RF_PICKLE_TEXT ? find_storage(r, key->text, key->bytes) : NULL;
        if (!s || !s->type) return bad(r, "a storage of unknown type");
        if (r->bytes - at < 8) return bad(r, "it is cut off");
        uint64_t count = number(r->data + at, 8);
        at += 8;
        if (count > (r->bytes - at) / s->type->size) return bad(r, "it is cut off");
        s->data = r->data + at;
        s->bytes = count * s->type->size;
        at += s->bytes;
    }
    return RF_OK;
}

static rf_status read_legacy(reader *r) {
    size_t at = sizeof legacy_head, used;
    rf_pickle *system = NULL, *keys = NULL;
    rf_status status = RF_ERR_FORMAT;
    if (r->bytes < at || memcmp(r->data, legacy_head, at) != 0) {
        bad(r, "its protocol is not 1001");
        goto fail;
    }
    RF_TRY_GOTO(rf_pickle_read(r->path, r->data + at, r->bytes - at, &used, &system));
    at += used;
    const rf_pickle_value *little = rf_pickle_get(system, rf_pickle_root(system), "little_endian");
    if (!little || little->integer != 1) {
        status = bad(r, "it was not written on a little-endian machine");
        goto fail;
    }
    RF_TRY_GOTO(rf_pickle_read(r->path, r->data + at, r->bytes - at, &used, &r->pickle));
    at += used;
    RF_TRY_GOTO(list_storages(r));
    RF_TRY_GOTO(rf_pickle_read(r->path, r->data + at, r->bytes - at, &used, &keys));
    at += used;
    status = read_legacy_data(r, keys, at);
fail:
    rf_pickle_free(system);
    rf_pickle_free(keys);
    return status;
}

/* --- the zip form: NAME/data.pkl, NAME/data/KEY, NAME/byteorder --- */

static bool ends_with(const rf_zip_entry *entry, const char *tail) {
    size_t n = strlen(tail);
    return entry->name_bytes >= n && memcmp(entry->name + entry->name_bytes - n, tail, n) == 0;
}

/* The entry NAME/data/KEY becomes the storage KEY, where the object names one. */
static void take_storage(reader *r, const rf_zip_entry *object, const rf_zip_entry *entry) {
    size_t root = object->name_bytes - strlen("data.pkl");
    if (entry->name_bytes <= root + 5 || memcmp(entry->name, object->name, root) != 0 ||
        memcmp(entry->name + root, "data/", 5) != 0)
        return;
    storage *s = find_storage(r, entry->name + root + 5, entry->name_bytes - root - 5);
    if (!s) return;
    s->data = entry->data;
    s->bytes = entry->bytes;
}

static rf_status read_entries(reader *r, const rf_zip_entry *entries, size_t count) {
    const rf_zip_entry *object = NULL;
    size_t used;
    for (size_t i = 0; i < count; i++) {
        if (ends_with(&entries[i], "/data.pkl") && !object) object = &entries[i];
        if (ends_with(&entries[i], "/rf.config")) r->config = entries[i];
        if (ends_with(&entries[i], "/byteorder") && entries[i].bytes >= 3 && memcmp(entries[i].data, "big", 3) == 0)
            return bad(r, "it was not written on a little-endian machine");
    }
    if (!object) return bad(r, "there is no data.pkl in it");
    RF_TRY(rf_pickle_read(r->path, object->data, object->bytes, &used, &r->pickle));
    RF_TRY(list_storages(r));
    for (size_t i = 0; i < count; i++) take_storage(r, object, &entries[i]);
    return RF_OK;
}

static rf_status read_zip(reader *r) {
    rf_zip_entry *entries;
    size_t count;
    RF_TRY(rf_zip_list(r->path, r->data, r->bytes, &entries, &count));
    rf_status status = read_entries(r, entries, count);
    rf_free(entries);
    return status;
}

/* --- tensors --- */

static rf_status read_dims(const reader *r, const rf_pickle_value *list, size_t dims[8], int *n) {
    const rf_pickle_value *item;
    if (!list || list->type != RF_PICKLE_LIST || list->n > 8)
        return bad(r, "a tensor has no shape of at most 8 dimensions");
    size_t cell = list->first;
    *n = 0;
    while (*n < 8 && (item = rf_pickle_next(r->pickle, &cell))) {
        if (item->type != RF_PICKLE_INT || item->integer < 0 || item->integer > INT64_MAX / 16)
            return bad(r, "a tensor has an impossible shape");
        dims[(*n)++] = (size_t)item->integer;
    }
    return RF_OK;
}

static rf_status read_view(const reader *r, const rf_pickle_value *tensor, view *v) {
    const rf_pickle_value *s = rf_pickle_item(r->pickle, tensor, 0), *offset = rf_pickle_item(r->pickle, tensor, 1);
    const rf_pickle_value *key = s && s->type == RF_PICKLE_STORAGE ? rf_pickle_item(r->pickle, s, 2) : NULL;
    int n_strides;
    v->storage = key && key->type == RF_PICKLE_TEXT ? find_storage(r, key->text, key->bytes) : NULL;
    if (!v->storage || !v->storage->data) return bad(r, "the numbers of a tensor are missing");
    if (!v->storage->type || !v->storage->type->usable)
        return rf_fail(RF_ERR_FORMAT,
                       "%s holds tensors of another type than floating-point numbers and common integers; convert them "
                       "before saving (model.float())",
                       r->path);
    if (!offset || offset->type != RF_PICKLE_INT || offset->integer < 0) return bad(r, "a tensor has no offset");
    v->offset = (size_t)offset->integer;
    RF_TRY(read_dims(r, rf_pickle_item(r->pickle, tensor, 2), v->dims, &v->n_dims));
    RF_TRY(read_dims(r, rf_pickle_item(r->pickle, tensor, 3), v->strides, &n_strides));
    if (n_strides != v->n_dims) return bad(r, "a tensor has more or fewer strides than dimensions");
    size_t last = v->offset, span, have = v->storage->bytes / v->storage->type->size;
    v->count = 1;
    for (int i = 0; i < v->n_dims; i++)
        if (!rf_size_mul(v->count, v->dims[i], &v->count)) return bad(r, "a tensor has an impossible shape");
    for (int i = 0; v->count && i < v->n_dims; i++)
        if (!rf_size_mul(v->dims[i] - 1, v->strides[i], &span) || !rf_size_add(last, span, &last))
            return bad(r, "a tensor has an impossible shape");
    if (v->count && (last >= have || v->count > have)) return bad(r, "a tensor is larger than its storage");
    return RF_OK;
}

static void copy_view(const view *v, uint8_t *out) {
    size_t size = v->storage->type->size, index[8] = {0}, from = v->offset;
    for (size_t k = 0; k < v->count; k++) {
        memcpy(out + k * size, v->storage->data + from * size, size);
        for (int i = v->n_dims - 1; i >= 0; i--) {
            from += v->strides[i];
            if (++index[i] < v->dims[i]) break;
            from -= v->strides[i] * v->dims[i];
            index[i] = 0;
        }
    }
}

static size_t count_tensors(const reader *r, const rf_pickle_value *dict) {
    const rf_pickle_value *key, *value;
    size_t n = 0, cell = dict->first;
    if (dict->type != RF_PICKLE_DICT) return 0;
    while ((key = rf_pickle_next(r->pickle, &cell)) && (value = rf_pickle_next(r->pickle, &cell)))
        n += key->type == RF_PICKLE_TEXT && value->type == RF_PICKLE_TENSOR;
    return n;
}

/* The dictionary of tensors, or NULL. A checkpoint's own dictionary may hold tensors, too (a best score): it comes
 * last. */
static const rf_pickle_value *find_state_dict(const reader *r) {
    static const char *const names[] = {"state_dict", "model_state_dict", "model"};
    const rf_pickle_value *root = rf_pickle_root(r->pickle);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const rf_pickle_value *dict = rf_pickle_get(r->pickle, root, names[i]);
        if (dict && count_tensors(r, dict)) return dict;
    }
    return count_tensors(r, root) ? root : NULL;
}

/* Sizes first, so that a hostile file of many views of one storage is refused before memory is taken. */
static rf_status measure(const reader *r, const rf_pickle_value *dict, rf_st_file *file, view *views) {
    const rf_pickle_value *key, *value;
    size_t cell = dict->first, bytes = 0;
    while ((key = rf_pickle_next(r->pickle, &cell)) && (value = rf_pickle_next(r->pickle, &cell))) {
        if (key->type != RF_PICKLE_TEXT || value->type != RF_PICKLE_TENSOR) continue;
        view *v = &views[file->count];
        RF_TRY(read_view(r, value, v));
        rf_st_tensor *t = &file->tensors[file->count++];
        t->name = rf_strndup((const char *)key->text, key->bytes);
        if (!t->name) return RF_ERR_NOMEM;
        t->dtype = v->storage->type->dtype;
        t->n_dims = v->n_dims;
        memcpy(t->dims, v->dims, sizeof t->dims);
        t->bytes = v->count * v->storage->type->size;
        bytes += (t->bytes + 7) / 8 * 8;
        if (bytes / 16 > r->bytes) return bad(r, "its tensors are far larger than the file");
    }
    file->buffer_bytes = bytes;
    return RF_OK;
}

/* The configuration that export/torch_write.c adds. */
static rf_status copy_config(const reader *r, rf_st_file *file) {
    if (!r->config.data) return RF_OK;
    file->meta_keys = rf_alloc(1, sizeof *file->meta_keys);
    file->meta_values = rf_alloc(1, sizeof *file->meta_values);
    if (!file->meta_keys || !file->meta_values) return RF_ERR_NOMEM;
    file->meta_count = 1;
    file->meta_keys[0] = rf_strdup("rf.config");
    file->meta_values[0] = rf_strndup((const char *)r->config.data, r->config.bytes);
    return file->meta_keys[0] && file->meta_values[0] ? RF_OK : RF_ERR_NOMEM;
}

static rf_status copy_tensors(const reader *r, rf_st_file *file) {
    const rf_pickle_value *dict = find_state_dict(r);
    rf_status status = RF_ERR_NOMEM;
    if (!dict)
        return rf_fail(RF_ERR_FORMAT, "%s holds no state_dict; save one with torch.save(model.state_dict(), path)",
                       r->path);
    size_t n = count_tensors(r, dict), at = 0;
    view *views = rf_alloc(n, sizeof *views);
    file->tensors = rf_alloc(n, sizeof *file->tensors);
    if (!views || !file->tensors) goto fail;
    RF_TRY_GOTO(measure(r, dict, file, views));
    file->buffer = rf_alloc(file->buffer_bytes, 1);
    if (!file->buffer) {
        status = RF_ERR_NOMEM;
        goto fail;
    }
    for (size_t i = 0; i < n; i++) {
        copy_view(&views[i], file->buffer + at);
        file->tensors[i].data = file->buffer + at;
        at += (file->tensors[i].bytes + 7) / 8 * 8;
    }
fail:
    rf_free(views);
    return status;
}

rf_status rf_torch_parse(const char *path, uint8_t *data, size_t bytes, rf_st_file **out) {
    reader r = {.path = path, .data = data, .bytes = bytes};
    rf_status status = RF_ERR_NOMEM;
    *out = NULL;
    rf_st_file *file = rf_alloc(1, sizeof *file);
    if (!file) goto fail;
    if (!rf_torch_probe(data, bytes)) {
        status = rf_fail(RF_ERR_FORMAT, "%s is no PyTorch file", path);
        goto fail;
    }
    RF_TRY_GOTO(rf_zip_probe(data, bytes) ? read_zip(&r) : read_legacy(&r));
    RF_TRY_GOTO(copy_tensors(&r, file));
    RF_TRY_GOTO(copy_config(&r, file));
    *out = file;
    file = NULL;
fail:
    rf_st_free(file);
    rf_pickle_free(r.pickle);
    rf_free(r.storages);
    rf_free(data);
    return status;
}

rf_status rf_torch_read(const char *path, rf_st_file **out) {
    uint8_t *data;
    size_t bytes;
    *out = NULL;
    RF_TRY(rf_file_read(path, 0, &data, &bytes));
    return rf_torch_parse(path, data, bytes, out);
}
