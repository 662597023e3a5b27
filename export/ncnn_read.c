/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/half.h"
#include "export/ncnn.h"

enum { WORD = 256, VALUE = 16 }; /* ncnn's buffers for names and for numbers, with the 0 */

typedef struct text_reader {
    const char *path, *at, *end;
    int line; /* of `at` */
} text_reader;

static rf_status bad(const text_reader *r, const char *what, const char *word) {
    return rf_fail(RF_ERR_FORMAT, "%s:%d: %s '%s'", r->path, r->line, what, word);
}

/* The next word of the line; "" at its end. */
static rf_status next_word(text_reader *r, char word[WORD]) {
    size_t n = 0;
    while (r->at < r->end && *r->at == ' ') r->at++;
    for (; r->at < r->end && *r->at != ' ' && *r->at != '\n'; r->at++) {
        if (*r->at < ' ' || *r->at > '~') return rf_fail(RF_ERR_FORMAT, "%s:%d: a byte is not text", r->path, r->line);
        if (n == WORD - 1)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a word is longer than ncnn's %d", r->path, r->line, WORD - 1);
        word[n++] = *r->at;
    }
    word[n] = 0;
    return RF_OK;
}

static rf_status end_line(text_reader *r) {
    char word[WORD];
    RF_TRY(next_word(r, word));
    if (*word) return bad(r, "the line goes on with", word);
    if (r->at == r->end) return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends inside this line", r->path, r->line);
    r->at++;
    r->line++;
    return RF_OK;
}

static bool parse_int(const char *word, long *out) {
    char *end;
    const char *digits = *word == '-' ? word + 1 : word;
    size_t n = strlen(digits);
    if (n == 0 || n > 10 || strspn(digits, "0123456789") != n) return false;
    *out = strtol(word, &end, 10);
    return *out >= INT_MIN && *out <= INT_MAX;
}

static rf_status next_int(text_reader *r, const char *what, long least, long most, int *out) {
    char word[WORD], text[96];
    long value;
    RF_TRY(next_word(r, word));
    if (!parse_int(word, &value) || value < least || value > most) {
        snprintf(text, sizeof text, "expected %s from %ld to %ld, got", what, least, most);
        return bad(r, text, word);
    }
    *out = (int)value;
    return RF_OK;
}

/* A float has a point or an exponent: without, ncnn would take its bits for those of an integer. */
static bool parse_float(const char *word, double *out) {
    if (strspn(word, "+-.0123456789eE") != strlen(word) || !strpbrk(word, ".eE")) return false;
    char *end;
    float value = strtof(word, &end);
    *out = (double)value;
    return end != word && !*end && isfinite(value);
}

/* "id=value", "-23300-id=1,value" */
static rf_status read_param(text_reader *r, char *word, rf_ncnn_layer *layer) {
    char whole[WORD], *value = strchr(word, '=');
    long id, number;
    memcpy(whole, word, sizeof whole);
    if (!value) return bad(r, "expected a parameter, ID=VALUE, got", whole);
    *value++ = 0;
    if (!parse_int(word, &id)) return bad(r, "the parameter's id is no number in", whole);
    bool array = id <= -23300;
    if (array) id = -23300 - id;
    const rf_ncnn_param *p = id >= 0 && id < RF_NCNN_IDS ? rf_ncnn_param_find(layer->type, (int)id) : NULL;
    if (!p || array != (p->kind == RF_NCNN_REALS)) return bad(r, "the layer has no such parameter:", whole);
    if (layer->given >> id & 1) return bad(r, "the parameter is given twice:", whole);
    if (array) {
        if (strncmp(value, "1,", 2) != 0) return bad(r, "expected an array of one number, got", whole);
        value += 2;
    }
    double v = 0;
    if (strlen(value) >= VALUE) return bad(r, "the number is longer than ncnn's 15 characters:", whole);
    if (p->kind == RF_NCNN_INT) {
        if (!parse_int(value, &number)) return bad(r, "expected a whole number, got", whole);
        v = (double)number;
    } else if (!parse_float(value, &v)) {
        return bad(r, "expected a number with a decimal point, got", whole);
    }
    rf_ncnn_give(layer, (int)id, v);
    return RF_OK;
}

static rf_status read_blobs(text_reader *r, rf_ncnn_net *net, rf_ncnn_layer *layer, int most) {
    char word[WORD];
    for (int i = 0; i < layer->n_in + layer->n_out; i++) {
        bool input = i < layer->n_in;
        RF_TRY(next_word(r, word));
        if (!*word) return bad(r, "blobs are missing in the line of", layer->name);
        int blob = rf_ncnn_blob_find(net, word);
        if (input && blob < 0) return bad(r, "no layer before this one makes its input", word);
        if (!input && blob >= 0) return bad(r, "another layer makes a blob of this name as well:", word);
        if (!input && net->n_blobs == most)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: more blobs than the %d of line 2", r->path, r->line, most);
        if (!input && (blob = rf_ncnn_blob_add(net, word)) < 0) return RF_ERR_NOMEM;
        if (input)
            layer->in[i] = blob;
        else
            layer->out[i - layer->n_in] = blob;
    }
    return RF_OK;
}

static rf_status read_layer(text_reader *r, rf_ncnn_net *net, int most_blobs) {
    char word[WORD], type_name[WORD];
    int type = 0, n_in, n_out;
    RF_TRY(next_word(r, type_name));
    while (type < RF_NCNN_TYPES && strcmp(rf_ncnn_schemas[type].name, type_name) != 0) type++;
    if (type == RF_NCNN_TYPES) return bad(r, "unknown layer", type_name);
    RF_TRY(next_word(r, word));
    if (!*word) return bad(r, "the line ends after", type_name);
    RF_TRY(next_int(r, "the number of inputs", 0, RF_NCNN_ENDS, &n_in));
    RF_TRY(next_int(r, "the number of outputs", 1, RF_NCNN_ENDS, &n_out));
    rf_ncnn_layer *layer = rf_ncnn_layer_add(net, (rf_ncnn_type)type, word);
    if (!layer) return RF_ERR_NOMEM;
    layer->n_in = n_in;
    layer->n_out = n_out;
    RF_TRY(read_blobs(r, net, layer, most_blobs));
    for (;;) {
        RF_TRY(next_word(r, word));
        if (!*word) break;
        RF_TRY(read_param(r, word, layer));
    }
    rf_ncnn_layer_finish(layer);
    return end_line(r);
}

static rf_status read_text(text_reader *r, rf_ncnn_net *net) {
    int magic, layers, blobs;
    RF_TRY(next_int(r, "ncnn's first line, a number", RF_NCNN_MAGIC, RF_NCNN_MAGIC, &magic));
    RF_TRY(end_line(r));
    RF_TRY(next_int(r, "the number of layers", 1, RF_NCNN_LAYERS_MOST, &layers));
    RF_TRY(next_int(r, "the number of blobs", 1, RF_NCNN_LAYERS_MOST, &blobs));
    RF_TRY(end_line(r));
    for (int i = 0; i < layers; i++) {
        if (r->at == r->end)
            return rf_fail(RF_ERR_FORMAT, "%s: line 2 tells %d layers, %d are there", r->path, layers, i);
        RF_TRY(read_layer(r, net, blobs));
    }
    if (r->at != r->end) return rf_fail(RF_ERR_FORMAT, "%s: it goes on after its %d layers", r->path, layers);
    if (net->n_blobs != blobs)
        return rf_fail(RF_ERR_FORMAT, "%s: line 2 tells %d blobs, the layers make %d", r->path, blobs, net->n_blobs);
    return RF_OK;
}

/* ---- weights ---- */

typedef struct bin_reader {
    const char *path;
    const uint8_t *data;
    size_t at, bytes;
} bin_reader;

/* The next n bytes. */
static rf_status take(bin_reader *r, const rf_ncnn_layer *layer, size_t n, const uint8_t **out) {
    if (n > r->bytes - r->at)
        return rf_fail(RF_ERR_FORMAT, "%s: the weights of '%s' go on to byte %zu, the file has %zu", r->path,
                       layer->name, r->at + n, r->bytes);
    *out = r->data + r->at;
    r->at += n;
    return RF_OK;
}

static rf_status read_layer_weights(bin_reader *r, rf_ncnn_layer *layer) {
    const uint8_t *weight = NULL, *bias = NULL, *word = NULL;
    uint32_t flag = RF_NCNN_FLAG_FLOAT;
    if (layer->n_weight == 0) return RF_OK;
    if (layer->type != RF_NCNN_Scale) {
        RF_TRY(take(r, layer, sizeof flag, &word));
        memcpy(&flag, word, sizeof flag);
    }
    if (flag != RF_NCNN_FLAG_FLOAT && flag != RF_NCNN_FLAG_HALF)
        return rf_fail(RF_ERR_FORMAT, "%s: the weights of '%s' begin with %08x, expected 0 or %08x (half precision)",
                       r->path, layer->name, flag, RF_NCNN_FLAG_HALF);
    layer->half = flag == RF_NCNN_FLAG_HALF;
    RF_TRY(take(r, layer, layer->half ? (layer->n_weight + 1) / 2 * 4 : layer->n_weight * 4, &weight));
    RF_TRY(take(r, layer, layer->n_bias * 4, &bias));
    RF_TRY(rf_ncnn_layer_allocate(layer));
    if (layer->n_bias) memcpy(layer->bias, bias, layer->n_bias * sizeof *layer->bias);
    if (!layer->half) {
        memcpy(layer->weight, weight, layer->n_weight * sizeof *layer->weight);
    } else {
        uint16_t half;
        for (size_t i = 0; i < layer->n_weight; i++) {
            memcpy(&half, weight + 2 * i, sizeof half);
            layer->weight[i] = rf_half_to_float(half);
        }
        if (layer->n_weight % 2 && (weight[2 * layer->n_weight] || weight[2 * layer->n_weight + 1]))
            return rf_fail(RF_ERR_FORMAT, "%s: the padding after the weights of '%s' is not zero", r->path,
                           layer->name);
    }
    for (size_t i = 0; i < layer->n_weight + layer->n_bias; i++)
        if (!isfinite(i < layer->n_weight ? layer->weight[i] : layer->bias[i - layer->n_weight]))
            return rf_fail(RF_ERR_FORMAT, "%s: '%s' has a weight that is not a number", r->path, layer->name);
    return RF_OK;
}

rf_status rf_ncnn_parse(const char *param_path, const char *text, size_t text_bytes, const char *bin_path,
                        const uint8_t *bin, size_t bin_bytes, rf_ncnn_net *out) {
    text_reader reader = {param_path, text, text + text_bytes, 1};
    bin_reader weights = {bin_path, bin, 0, bin_bytes};
    memset(out, 0, sizeof *out);
    RF_TRY(read_text(&reader, out));
    RF_TRY(rf_ncnn_check(param_path, out));
    for (int i = 0; i < out->n_layers; i++) RF_TRY(read_layer_weights(&weights, &out->layers[i]));
    if (weights.at == bin_bytes) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s has %zu bytes, the weights of %s end at %zu", bin_path, bin_bytes, param_path,
                   weights.at);
}

rf_status rf_ncnn_read(const char *param_path, const char *bin_path, rf_ncnn_net *out) {
    uint8_t *text = NULL, *bin = NULL;
    size_t text_bytes, bin_bytes;
    memset(out, 0, sizeof *out);
    rf_status status = rf_file_read(param_path, 64 << 20, &text, &text_bytes);
    if (status == RF_OK) status = rf_file_read(bin_path, 0, &bin, &bin_bytes);
    if (status == RF_OK)
        status = rf_ncnn_parse(param_path, (const char *)text, text_bytes, bin_path, bin, bin_bytes, out);
    rf_free(text);
    rf_free(bin);
    return status;
}
