/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of ncnn's files: what is damaged is refused with a sentence, nothing half-written stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "export/ncnn.h"
#include "tests/ncnn_model.h"

static char dir[] = "/tmp/rf_test_ncnn_files_XXXXXX", param_path[128], bin_path[128];
static random_model m;
static char *text; /* a good pair of files */
static uint8_t *bin;
static size_t text_bytes, bin_bytes;

/* Parses copies of exactly these bytes, so that a sanitizer sees what reads past the end. */
static rf_status parse(const char *param, size_t n, const uint8_t *weights, size_t n_weights) {
    rf_ncnn_net net;
    char *t = rf_alloc(n, 1);
    uint8_t *w = rf_alloc(n_weights, 1);
    memcpy(t, param, n);
    memcpy(w, weights, n_weights);
    rf_status status = rf_ncnn_parse("face.param", t, n, "face.bin", w, n_weights, &net);
    rf_ncnn_net_free(&net);
    rf_free(t);
    rf_free(w);
    return status;
}

static void refused(const char *param, size_t n, const uint8_t *weights, size_t n_weights, const char *words) {
    if (parse(param, n, weights, n_weights) != RF_ERR_FORMAT) fail_msg("read, expected to hear of '%s'", words);
    if (!strstr(rf_error_message(), words)) fail_msg("'%s' lacks '%s'", rf_error_message(), words);
}

/* The good text with the first `from` replaced. */
static char *replaced(const char *from, const char *to) {
    char *found = strstr(text, from), *copy = rf_alloc(text_bytes + strlen(to) + 1, 1);
    if (!found) fail_msg("the text has no '%s'", from);
    memcpy(copy, text, (size_t)(found - text));
    strcpy(copy + (found - text), to);
    strcat(copy, found + strlen(from));
    return copy;
}

static void the_good_one_is_read(void **state) {
    (void)state;
    if (parse(text, text_bytes, bin, bin_bytes) != RF_OK) fail_msg("%s", rf_error_message());
}

/* What stands in the text, by the words of the format's documentation. */
static void the_text_is_as_documented(void **state) {
    (void)state;
    int layers, blobs, lines = 0, tops = 0;
    assert_int_equal(sscanf(text, "7767517\n%d %d\n", &layers, &blobs), 2);
    const char *line = strchr(strchr(text, '\n') + 1, '\n') + 1;
    for (; *line; line = strchr(line, '\n') + 1, lines++) {
        int in, out;
        assert_int_equal(sscanf(line, "%*s %*s %d %d", &in, &out), 2);
        tops += out;
    }
    assert_int_equal(lines, layers);
    assert_int_equal(tops, blobs);
    static const char *const expected[] = {
        "Input                    data ",
        " data body.stage1.0.0 0=8 1=3 3=2 4=1 5=1 6=216 9=2 -23310=1,0.1\n",
        "ConvolutionDepthWise     body.stage1.1.0 ",
        " 0=8 1=3 3=1 4=1 5=1 6=72 7=8 9=2 -23310=1,0.1\n",
        "Interp                   fpn.up2.upsample_add ",
        " 0=1 1=2.0 2=2.0 5=1\n",
        "BinaryOp                 fpn.up2.upsample_add.add ",
        "Softmax                  face_rpn_cls_prob_stride32 ",
        " face_rpn_cls_score_reshape_stride32 face_rpn_cls_prob_stride32 0=0 1=1\n",
        " face_rpn_cls_prob_stride32 face_rpn_cls_prob_reshape_stride32 0=0 1=-1 2=4\n",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(text, expected[i])) fail_msg("the text has no '%s'", expected[i]);
    /* The first weights: flag, then the first kernel, red plane first as it is in the model's first channel. */
    uint32_t flag;
    float value;
    memcpy(&flag, bin, sizeof flag);
    memcpy(&value, bin + sizeof flag + 9 * sizeof value, sizeof value); /* output 0, input 1, tap 0 */
    const rf_param *first = rf_params_find(m.params, "body.stage1.0.0.weight");
    assert_int_equal(flag, 0);
    assert_true(value == m.params->folded[first->offset + 8]);
}

static void damaged_texts_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"7767517", "7767518", "7767517"},
        {"7767517\n", "7767517 \r\n", "not text"},
        {"7767517\n", "7767517 1\n", "goes on with '1'"},
        {"Input ", "Inputs ", "unknown layer 'Inputs'"},
        {" 0 1 data", " 0 x data", "number of outputs"},
        {" 0 1 data", " 0 2 data", "blobs are missing"},
        {" 0 1 data", " 0 99999999999 data", "number of outputs"},
        {" 1 1 data ", " 1 1 dato ", "makes its input 'dato'"},
        {" 1 1 data body.stage1.0.0 ", " 1 1 data data ", "'data'"},
        {" 0=8 1=3 3=2", " 0=8 1=3 3=2 3=2", "twice"},
        {" 0=8 1=3 3=2", " 0=8 1=3 19=2", "no such parameter"},
        {" 0=8 1=3 3=2", " 0=8 1=3 -5=2", "no such parameter"},
        {" 0=8 1=3 3=2", " 0=8 1=3 3=2.0", "whole number"},
        {" 0=8 1=3 3=2", " 0=8 1=3 3=", "whole number"},
        {" 0=8 1=3 3=2", " 0=8 1=3 3=0", "stride_w"},
        {" 0=8 1=3 3=2", " 0=8 1=3 -23303=1,2", "no such parameter"},
        {" 0=8 1=3 3=2", " 0=9 1=3 3=2", "weight_data_size"},
        {" 0=8 1=3 3=2", " 0=-8 1=3 3=2", "num_output"},
        {" 6=216", " 6=-1", "weight_data_size"},
        {" 6=216", "", "weight_data_size"},
        {" 9=2 -23310=1,0.1", " 9=2", "activation_params"},
        {" 9=2 -23310=1,0.1", " 9=1 -23310=1,0.1", "activation_params"},
        {" 9=2 -23310=1,0.1", " 9=3", "activation_type"},
        {"-23310=1,0.1", "-23310=2,0.1,0.2", "array of one"},
        {"-23310=1,0.1", "-23310=1,1", "decimal point"},
        {"-23310=1,0.1", "-23310=1,nan", "decimal point"},
        {"-23310=1,0.1", "-23310=1,1e99", "decimal point"},
        {"-23310=1,0.1", "-23310=1,0.1000000000000000", "15 characters"},
        {" 7=8", " 7=5", "group"},
        {" 0=1 1=2.0", " 0=1 1=3.0", "height_scale"},
        {" 0=1 1=2.0", " 0=1 1=2", "decimal point"},
        {" 2=2.0 5=1", " 2=2.0 5=0", "dynamic_target_size"},
        {"0=0 1=-1 2=2", "0=0 1=-1", "c (id 2)"},
        {"splitncnn_0 ", "splitncnn_1 ", "this name"},
        {"Split ", "ReLU ", "1 inputs and 2 outputs"},
        {"body.stage1.1.0 ", "body.stage1.1.0\t", "not text"},
        /* One copy twice, and one blob with two readers. */
        {"body.stage1.5.3_splitncnn_1\n", "body.stage1.5.3_splitncnn_0\n", "name as well"},
        {"ConvolutionDepthWise     body.stage1.2.0                          1 1 body.stage1.1.3 ",
         "ConvolutionDepthWise     body.stage1.2.0                          1 1 body.stage1.1.0 ", "second layer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *copy = replaced(cases[i].from, cases[i].to);
        refused(copy, strlen(copy), bin, bin_bytes, cases[i].words);
        rf_free(copy);
    }
}

static void counts_must_be_right(void **state) {
    (void)state;
    int layers, blobs;
    char was[64], is[64];
    sscanf(text, "7767517\n%d %d\n", &layers, &blobs);
    snprintf(was, sizeof was, "\n%d %d\n", layers, blobs);
    for (int i = 0; i < 4; i++) {
        static const char *const words[] = {"goes on after", "layers, ", "more blobs", "blobs, the layers make"};
        int step = i % 2 ? 1 : -1;
        snprintf(is, sizeof is, "\n%d %d\n", layers + (i < 2 ? step : 0), blobs + (i < 2 ? 0 : step));
        char *copy = replaced(was, is);
        refused(copy, strlen(copy), bin, bin_bytes, words[i]);
        rf_free(copy);
    }
}

/* Every shorter text and every shorter or longer weight file. */
static void cut_files_are_refused(void **state) {
    (void)state;
    for (size_t n = 0; n < text_bytes; n += n + 40 < text_bytes ? 7 : 1) {
        assert_int_equal(parse(text, n, bin, bin_bytes), RF_ERR_FORMAT);
        assert_true(*rf_error_message() != 0);
    }
    static const size_t cut[] = {0, 1, 3, 4, 5, 867, 868, 900};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) refused(text, text_bytes, bin, cut[i], "face.bin");
    refused(text, text_bytes, bin, bin_bytes - 1, "face.bin");
    uint8_t *longer = rf_alloc(bin_bytes + 4, 1);
    memcpy(longer, bin, bin_bytes);
    refused(text, text_bytes, longer, bin_bytes + 4, "end at");
    rf_free(longer);
}

static void damaged_weights_are_refused(void **state) {
    (void)state;
    static const uint32_t quantized = 0x000D4B38, nan = 0x7fc00000;
    uint8_t *copy = rf_alloc(bin_bytes, 1);
    memcpy(copy, bin, bin_bytes);
    memcpy(copy, &quantized, 4);
    refused(text, text_bytes, copy, bin_bytes, "begin with 000d4b38");
    memcpy(copy, bin, 4);
    memcpy(copy + 8, &nan, 4);
    refused(text, text_bytes, copy, bin_bytes, "not a number");
    rf_free(copy);
}

/* One layer with an odd number of weights: half precision is padded to a whole word, with zeros. */
static void half_weights_are_padded(void **state) {
    (void)state;
    static const char one[] = "7767517\n2 2\nInput a 0 1 a\nConvolution b 1 1 a b 0=1 1=1 5=1 6=3\n";
    static const uint8_t good[] = {0x47, 0x6b, 0x30, 0x01, 0, 0x3c, 0, 0xc0, 0x66, 0x2e, 0, 0, 0, 0, 0x80, 0x3f};
    rf_ncnn_net net;
    assert_int_equal(rf_ncnn_parse("p", one, sizeof one - 1, "b", good, sizeof good, &net), RF_OK);
    const rf_ncnn_layer *conv = &net.layers[1];
    assert_true(conv->half && conv->weight[0] == 1 && conv->weight[1] == -2 && conv->bias[0] == 1);
    assert_float_equal(conv->weight[2], 0.1f, 1e-4f);
    /* And written back to the same bytes. */
    uint8_t *written;
    size_t n;
    assert_int_equal(rf_ncnn_write(&net, param_path, bin_path), RF_OK);
    assert_int_equal(rf_file_read(bin_path, 0, &written, &n), RF_OK);
    assert_int_equal(n, sizeof good);
    assert_memory_equal(written, good, sizeof good);
    rf_free(written);
    rf_ncnn_net_free(&net);
    uint8_t bad[sizeof good];
    memcpy(bad, good, sizeof good);
    bad[11] = 1;
    refused(one, sizeof one - 1, bad, sizeof bad, "padding");
}

/* Random damage: read or refused with a sentence. */
static void random_damage_is_survived(void **state) {
    (void)state;
    char *copy = rf_alloc(text_bytes, 1);
    size_t read = 0;
    for (uint64_t round = 0; round < 300; round++) {
        rf_rng rng = rf_rng_make(9, 0, round, RF_STREAM_TEST);
        memcpy(copy, text, text_bytes);
        for (uint32_t k = 0; k <= rf_rng_below(&rng, 3); k++) {
            static const char bytes[] = " \n0123456789=.,-eabz\xff";
            copy[rf_rng_below(&rng, (uint32_t)text_bytes)] = bytes[rf_rng_below(&rng, sizeof bytes)];
        }
        rf_status status = parse(copy, text_bytes, bin, bin_bytes);
        assert_true(status == RF_OK || (status == RF_ERR_FORMAT && *rf_error_message()));
        read += status == RF_OK;
    }
    assert_true(read < 100); /* a blank instead of a blank, a name changed in its only place */
    rf_free(copy);
}

/* ---- writing ---- */

static void failed_writes_leave_nothing(void **state) {
    (void)state;
    const rf_exporter *ncnn = rf_exporter_find("ncnn");
    rf_export_options options = {.batch = 1};
    remove(param_path);
    remove(bin_path);
    /* NAME.bin is a folder. */
    assert_int_equal(rf_dir_make(bin_path), RF_OK);
    assert_int_equal(ncnn->write(&m.model, &options, param_path), RF_ERR_IO);
    assert_false(rf_file_exists(param_path));
    rmdir(bin_path);
    /* Every allocation fails once. */
    rf_status status = RF_ERR_NOMEM;
    int failures = 0;
    for (uint64_t n = 1; status != RF_OK; n += n < 40 ? 1 : 37, failures++) {
        rf_alloc_fail_at(n);
        status = ncnn->write(&m.model, &options, param_path);
        rf_alloc_fail_at(0);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
        assert_false(rf_file_exists(param_path) || rf_file_exists(bin_path));
    }
    assert_true(failures > 40);
    char **names;
    size_t count;
    assert_int_equal(rf_dir_list(dir, NULL, false, &names, &count), RF_OK);
    assert_int_equal(count, 2);
    rf_names_free(names, count);
    for (uint64_t n = 1, ended = 0; !ended; n += n < 40 ? 1 : 37) {
        rf_alloc_fail_at(n);
        status = ncnn->verify(&m.model, &options, param_path);
        rf_alloc_fail_at(0);
        ended = status == RF_OK;
        assert_true(ended || status == RF_ERR_NOMEM);
    }
}

static void weights_stand_beside_the_text(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"a/face.param", "a/face.bin"}, {"face", "face.bin"}, {".param", ".param.bin"}, {"a.param.x", "a.param.x.bin"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *bin_name = rf_ncnn_bin_path(names[i][0]);
        assert_string_equal(bin_name, names[i][1]);
        rf_free(bin_name);
    }
}

/* ---- the table of layers ---- */

static void the_table_is_sound(void **state) {
    (void)state;
    for (int t = 0; t < RF_NCNN_TYPES; t++) {
        const rf_ncnn_schema *s = &rf_ncnn_schemas[t];
        assert_true(s->in_least <= s->in_most && s->in_most <= RF_NCNN_ENDS);
        assert_true(1 <= s->out_least && s->out_least <= s->out_most && s->out_most <= RF_NCNN_ENDS);
    }
    for (size_t i = 0; i < rf_ncnn_param_count; i++) {
        const rf_ncnn_param *p = &rf_ncnn_params[i];
        assert_true(p->id >= 0 && p->id < RF_NCNN_IDS && p->least <= p->most);
        assert_ptr_equal(rf_ncnn_param_find(p->type, p->id), p); /* no id twice */
        if (p->same_as < 0) continue;
        const rf_ncnn_param *other = rf_ncnn_param_find(p->type, p->same_as);
        assert_true(other && other < p && other->kind == p->kind);
    }
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(dir)) return -1;
    snprintf(param_path, sizeof param_path, "%s/face.param", dir);
    snprintf(bin_path, sizeof bin_path, "%s/face.bin", dir);
    random_model_make(&m, "[model]\npreset=biubug6\n");
    rf_export_options options = {.batch = 1};
    uint8_t *raw;
    if (rf_exporter_find("ncnn")->write(&m.model, &options, param_path) != RF_OK) return -1;
    if (rf_file_read(param_path, 0, &raw, &text_bytes) != RF_OK) return -1;
    text = (char *)raw;
    return rf_file_read(bin_path, 0, &bin, &bin_bytes) == RF_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    random_model_free(&m);
    rf_free(text);
    rf_free(bin);
    remove(param_path);
    remove(bin_path);
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_one_is_read),        cmocka_unit_test(the_text_is_as_documented),
        cmocka_unit_test(damaged_texts_are_refused),   cmocka_unit_test(counts_must_be_right),
        cmocka_unit_test(cut_files_are_refused),       cmocka_unit_test(damaged_weights_are_refused),
        cmocka_unit_test(half_weights_are_padded),     cmocka_unit_test(random_damage_is_survived),
        cmocka_unit_test(failed_writes_leave_nothing), cmocka_unit_test(weights_stand_beside_the_text),
        cmocka_unit_test(the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
