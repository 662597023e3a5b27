/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RF_OP(name) extern const rf_op rf_op_##name;
#include "autograd/ops.def"
#undef RF_OP

static const void *const ops[] = {
#define RF_OP(name) &rf_op_##name,
#include "autograd/ops.def"
#undef RF_OP
};

size_t rf_shape_count(const rf_shape *shape) {
    size_t count = 1;
    for (int i = 0; i < shape->n; i++) count *= (size_t)shape->d[i];
    return count;
}

bool rf_shape_equal(const rf_shape *a, const rf_shape *b) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->d[i] != b->d[i]) return false;
    return true;
}

const char *rf_shape_text(const rf_shape *shape, char text[64]) {
    if (shape->n < 0) return strcpy(text, "absent");
    if (shape->n == 0) return strcpy(text, "scalar");
    int used = 0;
    for (int i = 0; i < shape->n && used < 60; i++)
        used += snprintf(text + used, 64 - (size_t)used, i ? "x%d" : "%d", shape->d[i]);
    return text;
}

RF_REGISTRY_DEFINE(op, rf_op, ops, e->infer && e->forward && e->reference && e->formula && e->cases, .what = "op")

/* Parses one "name=value" of `bytes` characters. */
static rf_status parse_one(const rf_op *op, const char *word, size_t bytes, double values[RF_MAX_ATTRS]) {
    const char *equals = memchr(word, '=', bytes);
    if (!equals) return rf_fail(RF_ERR_USER, "%s: '%.*s' is not name=value", op->name, (int)bytes, word);
    size_t name_bytes = (size_t)(equals - word);
    for (int i = 0; op->attrs[i].name; i++) {
        const rf_attr *attr = &op->attrs[i];
        if (strlen(attr->name) != name_bytes || memcmp(attr->name, word, name_bytes) != 0) continue;
        char *end;
        double value = strtod(equals + 1, &end);
        if (end != word + bytes || end == equals + 1)
            return rf_fail(RF_ERR_USER, "%s: '%.*s' is not a number", op->name, (int)bytes, word);
        if (attr->type == RF_ATTR_INT && value != floor(value))
            return rf_fail(RF_ERR_USER, "%s: %s is a whole number, got %g", op->name, attr->name, value);
        if (!(value >= attr->lo && value <= attr->hi))
            return rf_fail(RF_ERR_USER, "%s: %s=%g is outside %g..%g", op->name, attr->name, value, attr->lo, attr->hi);
        values[i] = value;
        return RF_OK;
    }
    return rf_fail(RF_ERR_USER, "%s has no attribute '%.*s'", op->name, (int)name_bytes, word);
}

rf_status rf_op_parse_attrs(const rf_op *op, const char *text, double values[RF_MAX_ATTRS]) {
    for (int i = 0; i < RF_MAX_ATTRS; i++) values[i] = 0;
    for (int i = 0; op->attrs[i].name; i++) values[i] = op->attrs[i].initial;
    while (text && *text) {
        size_t blanks = strspn(text, " ");
        text += blanks;
        size_t bytes = strcspn(text, " ");
        if (bytes) RF_TRY(parse_one(op, text, bytes, values));
        text += bytes;
    }
    return RF_OK;
}
