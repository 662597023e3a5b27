/* SPDX-License-Identifier: Apache-2.0 */
/* A detector as C99 source that needs nothing but the C library: PATH.c, PATH.h and PATH.bin (weights; --embed puts
 * them into the source). The text comes from export/c/. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "export/c_prefix.h"
#include "export/c_source.h"
#include "export/card.h"

static const size_t EMBED_LIMIT = 4u << 20; /* floats: compilers take minutes and gigabytes over more */

/* The three files as they should be. */
typedef struct product {
    char paths[3][1024]; /* .c .h .bin */
    char *source, *header;
    uint8_t *weights; /* the .bin file */
    size_t weight_bytes;
    float *packed;
    rf_c_net net;
} product;

/* "net.c", "net.h" and "net.bin" for "net.c"; a name without ".c" stays and gets the other endings added. */
static rf_status make_paths(const char *path, product *p) {
    static const char *const extensions[] = {"", ".h", ".bin"};
    size_t n = strlen(path);
    int stem = (int)(n > 2 && strcmp(path + n - 2, ".c") == 0 ? n - 2 : n);
    if (strpbrk(rf_path_base(path), "\"\\\n"))
        return rf_fail(RF_ERR_USER, "%s: a C source cannot include a header of that name: choose another", path);
    for (int i = 0; i < 3; i++)
        if ((size_t)snprintf(p->paths[i], sizeof p->paths[i], "%.*s%s", i ? stem : (int)n, path, extensions[i]) >=
            sizeof p->paths[i])
            return rf_fail(RF_ERR_USER, "%s: the path is too long", path);
    return RF_OK;
}

static rf_status check_options(const rf_export_options *o) {
    RF_TRY(rf_c_prefix_check(o->prefix));
    if (o->fp16) return rf_fail(RF_ERR_USER, "the C source has weights in single precision only: leave --fp16 out");
    if (o->batch != 1) return rf_fail(RF_ERR_USER, "the C source takes one picture at a time: leave --batch out");
    if (o->opset) return rf_fail(RF_ERR_USER, "--opset belongs to ONNX, not to C sources");
    if (o->outputs == RF_EXPORT_ANCHORS)
        return rf_fail(RF_ERR_USER, "the C source returns faces: leave --outputs anchors out");
    return RF_OK;
}

static void put_u32(uint8_t *to, uint32_t v) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_u32(const uint8_t *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* The weight file; its layout stands in export/c/weights_file.c. */
static rf_status make_weight_file(product *p, uint32_t id) {
    p->weight_bytes = RF_C_HEADER_BYTES + 4 * p->net.weights;
    p->weights = rf_alloc(p->weight_bytes, 1);
    if (!p->weights) return RF_ERR_NOMEM;
    for (size_t i = 0; i < p->net.weights; i++) {
        uint32_t bits;
        memcpy(&bits, &p->packed[i], 4);
        put_u32(p->weights + RF_C_HEADER_BYTES + 4 * i, bits);
    }
    memcpy(p->weights, "RFWEIGHT", 8);
    put_u32(p->weights + 8, RF_C_FILE_VERSION);
    put_u32(p->weights + 12, id);
    put_u32(p->weights + 16, (uint32_t)p->net.weights);
    put_u32(p->weights + 20, rf_crc32(0, p->weights + RF_C_HEADER_BYTES, 4 * p->net.weights));
    return RF_OK;
}

static rf_status product_make(const rf_export_model *model, const rf_export_options *options, const char *path,
                              product *p) {
    uint32_t id;
    memset(p, 0, sizeof *p);
    RF_TRY(check_options(options));
    RF_TRY(rf_export_check_score(model, options));
    RF_TRY(make_paths(path, p));
    RF_TRY(rf_c_net_make(model, options, &p->net));
    if (p->net.weights > UINT32_MAX / 4)
        return rf_fail(RF_ERR_USER, "the C source counts up to %u weights, the model has %zu", UINT32_MAX / 4,
                       p->net.weights);
    if (options->embed && p->net.weights > EMBED_LIMIT)
        return rf_fail(RF_ERR_USER,
                       "--embed: %zu weights would be a source of %zu MB, compilers take up to %zu weights; leave it "
                       "out, the weights then come as a file",
                       p->net.weights, p->net.weights * 14 / 1000000, EMBED_LIMIT);
    p->packed = rf_alloc(p->net.weights, sizeof *p->packed);
    if (!p->packed) return RF_ERR_NOMEM;
    rf_c_weights_pack(&p->net, p->packed);
    RF_TRY(rf_c_source_make(&p->net, model, options, rf_path_base(p->paths[1]), options->embed ? p->packed : NULL,
                            &p->header, &p->source, &id));
    RF_TRY(rf_c_prefix_apply(options->prefix, &p->header));
    RF_TRY(rf_c_prefix_apply(options->prefix, &p->source));
    return options->embed ? RF_OK : make_weight_file(p, id);
}

static void product_free(product *p) {
    rf_c_net_free(&p->net);
    rf_free(p->source);
    rf_free(p->header);
    rf_free(p->weights);
    rf_free(p->packed);
}

static rf_status write_all(const product *p) {
    const void *data[] = {p->source, p->header, p->weights};
    size_t bytes[] = {strlen(p->source), strlen(p->header), p->weight_bytes};
    rf_atomic_file *files[3] = {NULL};
    rf_status status = RF_OK;
    for (int i = 0; i < 3 && status == RF_OK; i++) {
        if (!data[i]) continue;
        status = rf_atomic_open(p->paths[i], &files[i]);
        if (status == RF_OK) status = rf_atomic_write(files[i], data[i], bytes[i]);
    }
    for (int i = 0; i < 3; i++) {
        if (status == RF_OK && files[i])
            status = rf_atomic_commit(files[i]);
        else
            rf_atomic_abort(files[i]);
    }
    return status;
}

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    product p;
    rf_status status = product_make(model, options, path, &p);
    if (status == RF_OK) status = write_all(&p);
    product_free(&p);
    return status;
}

/* ---- verification ---- */

/* A text file must be what would be written now. */
static rf_status same_text(const char *path, const char *text, char **read) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    RF_TRY(rf_file_read(path, 0, &data, &bytes));
    bool same = bytes == strlen(text) && memcmp(data, text, bytes) == 0;
    if (same && read)
        *read = (char *)data;
    else
        rf_free(data);
    return same ? RF_OK : rf_fail(RF_ERR_FORMAT, "%s is not the source of this model", path);
}

/* The numbers that a compiler will read. */
static rf_status read_embedded(const char *path, const char *source, size_t n, float *to) {
    const char *at = strstr(source, "embedded_weights[WEIGHTS] = {");
    at = at ? strchr(at, '{') + 1 : "";
    for (size_t i = 0; i < n; i++) {
        char *end;
        to[i] = strtof(at, &end);
        if (end == at || strncmp(end, "f,", 2) != 0)
            return rf_fail(RF_ERR_FORMAT, "%s: weight %zu is not a number", path, i);
        at = end + 2;
    }
    return RF_OK;
}

static rf_status read_weight_file(const char *path, const product *p, float *to) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    RF_TRY(rf_file_read(path, 0, &data, &bytes));
    rf_status status = RF_OK;
    if (bytes != p->weight_bytes || memcmp(data, p->weights, RF_C_HEADER_BYTES) != 0 ||
        rf_crc32(0, data + RF_C_HEADER_BYTES, bytes - RF_C_HEADER_BYTES) != get_u32(data + 20))
        status = rf_fail(RF_ERR_FORMAT, "%s: size, header or checksum are not this model's", path);
    for (size_t i = 0; i < p->net.weights && status == RF_OK; i++) {
        uint32_t bits = get_u32(data + RF_C_HEADER_BYTES + 4 * i);
        memcpy(&to[i], &bits, 4);
    }
    rf_free(data);
    return status;
}

static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    product p;
    char *source = NULL;
    float *read = NULL;
    rf_status status;
    RF_TRY_GOTO(product_make(model, options, path, &p));
    read = rf_alloc(p.net.weights, sizeof *read);
    status = read ? RF_OK : RF_ERR_NOMEM;
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(same_text(p.paths[0], p.source, &source));
    RF_TRY_GOTO(same_text(p.paths[1], p.header, NULL));
    if (options->embed)
        RF_TRY_GOTO(read_embedded(p.paths[0], source, p.net.weights, read));
    else
        RF_TRY_GOTO(read_weight_file(p.paths[2], &p, read));
    RF_TRY_GOTO(rf_c_weights_compare(&p.net, read, p.paths[options->embed ? 0 : 2]));
fail:
    rf_free(read);
    rf_free(source);
    product_free(&p);
    return status;
}

static rf_status describe(const rf_export_model *model, const rf_export_options *options, const char *path,
                          rf_card_io *io) {
    rf_export_options faces = *options;
    product p = {0};
    RF_TRY(make_paths(path, &p));
    snprintf(io->input_name, sizeof io->input_name, "rgb");
    snprintf(io->input_layout, sizeof io->input_layout, "NHWC");
    snprintf(io->input_type, sizeof io->input_type, "uint8");
    io->preprocessed = io->faces = true;
    for (int i = 1; i < (options->embed ? 2 : 3); i++)
        snprintf(io->files[io->n_files++], sizeof io->files[0], "%s", p.paths[i]);
    faces.outputs = RF_EXPORT_FACES;
    return rf_card_usual_outputs(model, &faces, false, io);
}

const rf_exporter rf_exporter_c = {
    .name = "c",
    .extension = ".c",
    .has_names = true,
    .doc = "C99 source without dependencies, from pixels to faces: programs and devices without a runtime",
    .write = write,
    .verify = verify,
    .describe = describe,
};
