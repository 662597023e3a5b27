/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "core/mem.h"

static const size_t max_text_bytes = (size_t)1 << 30;

/* cJSON reports "out of memory" and "wrong text" alike, and keeps its last error in a global: hence the flag and the
 * lock. */
static _Thread_local bool allocation_failed;
static pthread_mutex_t parser = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;

static void *checked_malloc(size_t bytes) {
    void *block = rf_alloc(bytes, 1);
    if (!block) allocation_failed = true;
    return block;
}

static void install_hooks(void) {
    cJSON_Hooks hooks = {.malloc_fn = checked_malloc, .free_fn = rf_free};
    cJSON_InitHooks(&hooks);
}

static rf_status wrong_at(size_t offset, const char *what) {
    return rf_fail(RF_ERR_FORMAT, "wrong JSON at byte %zu: %s", offset, what);
}

static rf_status parse_terminated(const char *text, rf_json **root) {
    pthread_once(&hooks_once, install_hooks);
    const char *end = NULL;
    pthread_mutex_lock(&parser);
    allocation_failed = false;
    cJSON *tree = cJSON_ParseWithOpts(text, &end, false);
    pthread_mutex_unlock(&parser);
    if (!tree) {
        if (allocation_failed) return RF_ERR_NOMEM;
        return wrong_at(end ? (size_t)(end - text) : 0, "expected a value, a separator or the end of the text");
    }
    end += strspn(end, " \t\r\n");
    if (*end) {
        cJSON_Delete(tree);
        return wrong_at((size_t)(end - text), "text after the end of the value");
    }
    *root = (rf_json *)tree;
    return RF_OK;
}

rf_status rf_json_parse(const char *text, size_t bytes, rf_json **root) {
    if (bytes > max_text_bytes)
        return rf_fail(RF_ERR_FORMAT, "JSON of %zu bytes, at most %zu are accepted", bytes, max_text_bytes);
    if (!bytes) return wrong_at(0, "the text is empty");
    const char *zero = memchr(text, 0, bytes);
    if (zero) return wrong_at((size_t)(zero - text), "a zero byte");

    /* A terminated copy, since some releases of cJSON look one byte past a text that ends early. */
    char *copy = rf_strndup(text, bytes);
    if (!copy) return RF_ERR_NOMEM;
    rf_status status = parse_terminated(copy, root);
    rf_free(copy);
    return status;
}

void rf_json_free(rf_json *root) {
    cJSON_Delete((cJSON *)root);
}

static const cJSON *node_of(const rf_json *node) {
    return (const cJSON *)node;
}

const rf_json *rf_json_get(const rf_json *object, const char *key) {
    if (!rf_json_is_object(object)) return NULL;
    return (const rf_json *)cJSON_GetObjectItemCaseSensitive(node_of(object), key);
}

const rf_json *rf_json_at(const rf_json *array, size_t index) {
    if (!rf_json_is_array(array)) return NULL;
    const rf_json *node = rf_json_first(array);
    while (node && index--) node = rf_json_next(node);
    return node;
}

size_t rf_json_size(const rf_json *array_or_object) {
    size_t n = 0;
    for (const rf_json *node = rf_json_first(array_or_object); node; node = rf_json_next(node)) n++;
    return n;
}

const rf_json *rf_json_first(const rf_json *array_or_object) {
    if (!rf_json_is_object(array_or_object) && !rf_json_is_array(array_or_object)) return NULL;
    return (const rf_json *)node_of(array_or_object)->child;
}

const rf_json *rf_json_next(const rf_json *node) {
    return node ? (const rf_json *)node_of(node)->next : NULL;
}

const char *rf_json_key(const rf_json *node) {
    return node ? node_of(node)->string : NULL;
}

bool rf_json_number(const rf_json *node, double *out) {
    if (!cJSON_IsNumber(node_of(node)) || !isfinite(node_of(node)->valuedouble)) return false;
    *out = node_of(node)->valuedouble;
    return true;
}

bool rf_json_string(const rf_json *node, const char **out) {
    if (!cJSON_IsString(node_of(node))) return false;
    *out = node_of(node)->valuestring;
    return true;
}

bool rf_json_is_object(const rf_json *node) {
    return cJSON_IsObject(node_of(node));
}

bool rf_json_is_array(const rf_json *node) {
    return cJSON_IsArray(node_of(node));
}

const char *rf_json_version(void) {
    return cJSON_Version();
}
