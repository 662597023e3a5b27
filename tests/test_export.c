/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters: the registry's contract on a small network, cards, the layers they walk, ONNX files. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "export/card.h"
#include "export/graph.h"
#include "layers/init.h"
#include "tests/programs.h"

typedef struct subject {
    rf_config config;
    rf_params *params;
    rf_export_model model;
} subject;

static void open_subject(const char *ini, subject *s) {
    memset(s, 0, sizeof *s);
    if (rf_config_parse("test", ini, NULL, 0, &s->config) != RF_OK ||
        rf_detector_params(&s->config, &s->params) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_params_init(s->params, 7);
    assert_int_equal(rf_params_fold(s->params, NULL), RF_OK);
    s->model = (rf_export_model){
        .config = &s->config, .params = s->params, .ap = {-1, -1, 0.5}, .ap_names = {NULL, NULL, "hard"}};
}

static const char small[] = "[model]\nchannels=8\n[input]\nsize=64\n";
static const rf_export_options usual = {.batch = 1, .h = 64, .w = 64, .score = 0.5, .iou = 0.4, .keep = 100};

static double bytes_of(const char *path) {
    struct stat info;
    return stat(at(path), &info) == 0 ? (double)info.st_size : -1;
}

static const char *path_of(const rf_exporter *exporter) {
    char name[128];
    snprintf(name, sizeof name, "@/net%s", exporter->extension);
    return at(name);
}

/* The first options that a format accepts, out of all that it may be asked for; every refusal must be one of the user's
 * kind, with a sentence, and leave nothing behind. */
static rf_export_options tried_options(const rf_exporter *exporter, const rf_export_model *model) {
    rf_export_options accepted = usual;
    int good = 0;
    for (int way = 0; way < 3 * 32; way++) {
        rf_export_options o = usual;
        o.outputs = (rf_export_outputs)(way % 3);
        if (way / 3 & 1) o.h = o.w = 0;
        if (way / 3 & 2) o.batch = 0;
        o.preprocess = way / 3 & 4;
        o.fp16 = way / 3 & 8;
        o.embed = way / 3 & 16;
        const char *path = path_of(exporter);
        rf_status status = rf_export(exporter, model, &o, path);
        if (status == RF_OK) {
            if (good++ == 0) accepted = o;
            continue;
        }
        if (status != RF_ERR_USER) fail_msg("%s, way %d: %s", exporter->name, way, rf_error_message());
        assert_true(strlen(rf_error_message()) > 20);
    }
    if (!good) fail_msg("%s accepts nothing: %s", exporter->name, rf_error_message());
    assert_int_equal(count_files("@", ".tmp-"), 0);
    return accepted;
}

static void check_card(const rf_exporter *exporter, const char *path) {
    uint8_t *text;
    size_t bytes;
    rf_json *card;
    const char *word;
    double number;
    char name[1100];
    snprintf(name, sizeof name, "%s.json", path);
    assert_int_equal(rf_file_read(name, 0, &text, &bytes), RF_OK);
    if (rf_json_parse((const char *)text, bytes, &card) != RF_OK) fail_msg("%s", rf_error_message());
    assert_true(rf_json_string(rf_json_get(card, "format"), &word));
    assert_string_equal(word, exporter->name);
    assert_true(rf_json_string(rf_json_get(card, "file"), &word));
    assert_string_equal(word, rf_path_base(path));
    const rf_json *anchors = rf_json_get(card, "anchors"), *input = rf_json_get(card, "input");
    assert_int_equal(rf_json_size(rf_json_get(anchors, "strides")), 3);
    assert_int_equal(rf_json_size(rf_json_at(rf_json_get(anchors, "sizes"), 2)), 2);
    assert_true(rf_json_number(rf_json_get(anchors, "aspect"), &number) && number == 1);
    assert_true(rf_json_number(rf_json_at(rf_json_get(anchors, "first_centre"), 1), &number));
    assert_true(number == 8);
    assert_true(rf_json_number(rf_json_get(rf_json_get(card, "variances"), "size"), &number));
    assert_true(number == 0.2);
    assert_true(rf_json_number(rf_json_get(rf_json_get(card, "ap"), "hard"), &number));
    assert_true(number == 0.5);
    assert_true(rf_json_string(rf_json_get(input, "colour"), &word));
    rf_config config; /* the configuration reads back */
    rf_text ini = {0};
    char *lines;
    for (const rf_json *line = rf_json_first(rf_json_get(card, "config")); line; line = rf_json_next(line)) {
        assert_true(rf_json_string(line, &word));
        rf_text_printf(&ini, "%s\n", word);
    }
    assert_int_equal(rf_text_finish(&ini, &lines, NULL), RF_OK);
    assert_int_equal(rf_config_parse("card", lines, NULL, 0, &config), RF_OK);
    rf_free(lines);
    assert_int_equal(config.model.channels, 8);
    if (exporter->describe) {
        assert_true(rf_json_string(rf_json_get(input, "name"), &word));
        assert_int_equal(rf_json_size(rf_json_get(input, "shape")), 4);
        assert_true(rf_json_size(rf_json_get(card, "outputs")) >= 1);
    }
    rf_json_free(card);
    rf_free(text);
}

/* A changed weight and a missing end are found by the format's own check, any change by the card. */
static void check_damage(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *o,
                         const char *path) {
    uint8_t *data;
    size_t bytes;
    assert_int_equal(rf_file_read(path, 0, &data, &bytes), RF_OK);
    for (size_t i = 0; i < 12; i++) {
        size_t place = i < 4 ? bytes * i / 4 : bytes / 4 + bytes / 2 * (i - 4) / 8 + i % 4;
        data[place] ^= 0x10;
        assert_int_equal(rf_file_write_atomic(path, data, bytes), RF_OK);
        data[place] ^= 0x10;
        rf_status status = rf_card_check(path);
        if (status != RF_ERR_FORMAT) fail_msg("%s: the card misses a change at %zu", exporter->name, place);
        if (i >= 4 && exporter->verify(model, o, path) == RF_OK)
            fail_msg("%s does not see a change at %zu of %zu", exporter->name, place, bytes);
    }
    assert_int_equal(rf_file_write_atomic(path, data, bytes * 3 / 4), RF_OK);
    assert_int_not_equal(exporter->verify(model, o, path), RF_OK);
    assert_int_equal(rf_card_check(path), RF_ERR_FORMAT);
    assert_int_equal(rf_file_write_atomic(path, data, bytes), RF_OK);
    assert_int_equal(exporter->verify(model, o, path), RF_OK);
    assert_int_equal(rf_card_check(path), RF_OK);
    rf_free(data);
}

/* On a full disk the old file stays as it was, and nothing else is left. */
static void check_atomic(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *o,
                         const char *path) {
    uint8_t *before, *after;
    size_t n, m;
    struct rlimit old;
    assert_int_equal(rf_file_read(path, 0, &before, &n), RF_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit little = {n < 8192 ? n / 2 : 4096, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    rf_status status = exporter->write(model, o, path);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, RF_ERR_IO);
    assert_int_equal(rf_file_read(path, 0, &after, &m), RF_OK);
    assert_int_equal(m, n);
    assert_memory_equal(after, before, n);
    assert_int_equal(count_files("@", ".tmp-"), 0);
    assert_int_equal(exporter->write(model, o, at("@/missing/net")), RF_ERR_IO);
    rf_free(before);
    rf_free(after);
}

/* Whatever allocation fails, the answer is RF_ERR_NOMEM. */
static void check_memory(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *o,
                         const char *path) {
    rf_status status = RF_ERR_NOMEM;
    for (uint64_t n = 1; n < 100000 && status != RF_OK; n += 1 + n / 3) {
        rf_alloc_fail_at(n);
        status = rf_export(exporter, model, o, path);
        rf_alloc_fail_at(0);
        if (status != RF_OK && status != RF_ERR_NOMEM)
            fail_msg("%s, allocation %llu: %s", exporter->name, (unsigned long long)n, rf_error_message());
    }
    assert_int_equal(status, RF_OK);
    assert_int_equal(count_files("@", ".tmp-"), 0);
}

static void every_exporter_keeps_the_contract(void **state) {
    (void)state;
    subject s;
    open_subject(small, &s);
    for (int i = 0; i < rf_exporter_count(); i++) {
        const rf_exporter *exporter = rf_exporter_at(i);
        assert_true(exporter->name && exporter->extension && strlen(exporter->doc) > 20);
        assert_ptr_equal(rf_exporter_find(exporter->name), exporter);
        rf_export_options o = tried_options(exporter, &s.model);
        char path[512];
        snprintf(path, sizeof path, "%s", path_of(exporter));
        assert_int_equal(rf_export(exporter, &s.model, &o, path), RF_OK);
        check_card(exporter, path);
        check_damage(exporter, &s.model, &o, path);
        check_atomic(exporter, &s.model, &o, path);
        check_memory(exporter, &s.model, &o, path);
        s.params->folded[s.params->entries[0].offset] += 1; /* another model's file */
        s.params->data[s.params->entries[0].offset] += 1;
        assert_int_equal(exporter->verify(&s.model, &o, path), RF_ERR_FORMAT);
        s.params->folded[s.params->entries[0].offset] -= 1;
        s.params->data[s.params->entries[0].offset] -= 1;
    }
    rf_params_free(s.params);
}

/* The shapes of a cell's anchors; `aspect` alone would not tell them. */
static void cards_tell_shapes(void **state) {
    (void)state;
    static const char *const keys[] = {"sizes", "widths", "heights"};
    static const double want[3][4] = {{32, 16, 32, 16}, {32, 16, 26, 13}, {32, 16, 40, 20}};
    subject s;
    rf_json *card;
    uint8_t *text;
    size_t bytes;
    double number;
    open_subject("[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=8\n[anchors]\naspect=1,1.5\n"
                 "rounding=base16\n",
                 &s);
    assert_int_equal(rf_export(rf_exporter_find("onnx"), &s.model, &usual, at("@/shapes.onnx")), RF_OK);
    assert_int_equal(rf_file_read(at("@/shapes.onnx.json"), 0, &text, &bytes), RF_OK);
    assert_int_equal(rf_json_parse((const char *)text, bytes, &card), RF_OK);
    const rf_json *anchors = rf_json_get(card, "anchors");
    assert_null(rf_json_get(anchors, "aspect"));
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 4; i++) {
            const rf_json *level = rf_json_at(rf_json_get(anchors, keys[k]), 0);
            assert_true(rf_json_size(level) == 4 && rf_json_number(rf_json_at(level, (size_t)i), &number));
            assert_true(number == want[k][i]);
        }
    rf_json_free(card);
    rf_free(text);
    rf_params_free(s.params);
}

static rf_status write_two(const rf_export_model *model, const rf_export_options *options, const char *path) {
    (void)model, (void)options;
    RF_TRY(rf_file_write_atomic(at("@/two.second"), "b", 1));
    return rf_file_write_atomic(path, "a", 1);
}

static rf_status find_fault(const rf_export_model *model, const rf_export_options *options, const char *path) {
    (void)model, (void)options;
    return rf_fail(RF_ERR_FORMAT, "%s: a number differs", path);
}

static rf_status tell_two(const rf_export_model *model, const rf_export_options *options, const char *path,
                          rf_card_io *io) {
    (void)model, (void)options, (void)path;
    snprintf(io->files[io->n_files++], sizeof io->files[0], "%s", at("@/two.second"));
    return RF_OK;
}

static void a_wrong_export_does_not_stay(void **state) {
    (void)state;
    subject s;
    open_subject(small, &s);
    rf_exporter broken = {.name = "broken",
                          .extension = ".two",
                          .doc = "nobody",
                          .write = write_two,
                          .verify = find_fault,
                          .describe = tell_two};
    assert_int_equal(rf_export(&broken, &s.model, &usual, at("@/net.two")), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "does not read back as the model and was removed: "));
    assert_non_null(strstr(rf_error_message(), "a number differs"));
    assert_int_equal(count_files("@", "two"), 0);
    rf_params_free(s.params);
}

static void names_find_exporters(void **state) {
    (void)state;
    assert_null(rf_exporter_find("safetensor"));
    assert_non_null(strstr(rf_error_message(), "did you mean \"safetensors\""));
    assert_null(rf_exporter_find("what"));
    for (int i = 0; i < rf_exporter_count(); i++) assert_non_null(strstr(rf_error_message(), rf_exporter_at(i)->name));
    assert_string_equal(rf_exporter_for_path("a/b.onnx")->name, "onnx");
    assert_null(rf_exporter_for_path(".onnx"));
    assert_null(rf_exporter_for_path("a/b.onn"));
    assert_non_null(strstr(rf_error_message(), "--to"));
}

/* ---- layers ---- */

static const char five_levels[] = "[model]\npreset=paper\nbackbone=resnet18\nchannels=16\n";

static void layers_have_unique_names_and_sources(void **state) {
    (void)state;
    const char *const models[] = {small, five_levels, "[model]\nchannels=8\nlandmarks=no\ncontext=none\n"};
    for (int k = 0; k < 3; k++) {
        subject s;
        rf_export_net net;
        open_subject(models[k], &s);
        if (rf_export_net_make(&s.model, 1, 128, 96, &net) != RF_OK) fail_msg("%s", rf_error_message());
        int convolutions = 0, read = 0, used = 0, maps = k == 2 ? 2 : 3;
        for (int i = 0; i < net.n_layers; i++) {
            const rf_export_layer *l = &net.layers[i];
            for (int j = 0; j < i; j++) assert_string_not_equal(l->name, net.layers[j].name);
            convolutions += l->kind == RF_LAYER_CONV;
            if (l->kind == RF_LAYER_CONV) assert_non_null(l->weights);
            read += l->n_in + (l->residual != RF_NONE);
        }
        for (int v = 0; v < rf_graph_value_count(net.graph); v++) used += net.uses[v];
        assert_int_equal(used, read + maps * net.detector.n_levels);
        size_t folds = s.params->n_folds; /* the heads are the convolutions without normalisation */
        assert_int_equal(convolutions, (int)folds + maps * net.detector.n_levels);
        assert_int_equal(rf_graph_shape(net.graph, rf_export_map(&net, "loc", 0, 1)).d[3],
                         4 * net.detector.cell_anchors);
        assert_int_equal(rf_graph_shape(net.graph, rf_export_map(&net, "cls", 0, 0)).d[1],
                         128 / net.detector.stride[0]);
        rf_export_net_free(&net);
        rf_params_free(s.params);
    }
}

static void weights_are_turned_to_oihw(void **state) {
    (void)state;
    enum { KH = 2, KW = 3, IN = 2, OUT = 4 };
    float from[KH * KW * IN * OUT], to[KH * KW * IN * OUT];
    for (int i = 0; i < KH * KW * IN * OUT; i++) from[i] = (float)i;
    rf_export_layer layer = {.kernel_h = KH, .kernel_w = KW, .channels_in = 4, .groups = 2, .channels_out = OUT};
    layer.weights = from;
    assert_int_equal(rf_export_weight_count(&layer), KH * KW * IN * OUT);
    rf_export_weights_oihw(&layer, to);
    for (int o = 0; o < OUT; o++)
        for (int i = 0; i < IN; i++)
            for (int h = 0; h < KH; h++)
                for (int w = 0; w < KW; w++)
                    assert_true(to[((o * IN + i) * KH + h) * KW + w] == from[((h * KW + w) * IN + i) * OUT + o]);
}

/* ---- the program ---- */

static void rf_export_as_a_user_runs_it(void **state) {
    (void)state;
    succeeds("rf-data synth --out @/set --train 4 --val 1 --size 96x96 --max-faces 2 --seed 5");
    succeeds("rf-train configs/mnet025.ini --set input.size=64 --set train.batch=2 --set model.channels=16 --set "
             "train.max_steps=2 --set data.root=@/set --out @/run");
    succeeds("rf-export @/run/last.safetensors -o @/face.onnx --outputs faces --input dynamic --batch 0 --preprocess");
    assert_non_null(strstr(programs_out, "face.onnx.json"));
    succeeds("rf-export @/run/last.safetensors --to safetensors -o @/plain.safetensors");
    succeeds("rf-export @/plain.safetensors -o @/again.safetensors");
    assert_true(same_bytes("@/plain.safetensors", "@/again.safetensors"));
    succeeds("rf-export @/plain.safetensors --fp16 -o @/half.safetensors");
    succeeds("rf-export @/half.safetensors --fp16 -o @/half2.safetensors");
    assert_true(same_bytes("@/half.safetensors", "@/half2.safetensors"));
    assert_true(bytes_of("@/half.safetensors") < 0.65 * bytes_of("@/plain.safetensors"));
    succeeds(
        "rf-export @/half.safetensors -o @/wide.safetensors"); /* the numbers that half precision left, as floats */
    succeeds("rf-export @/wide.safetensors --fp16 -o @/half2.safetensors");
    assert_true(same_bytes("@/half.safetensors", "@/half2.safetensors"));
    succeeds("rf-export @/run/last.safetensors -o @/a.onnx");
    succeeds("rf-export @/plain.safetensors -o @/b.onnx");
    assert_true(same_bytes("@/a.onnx", "@/b.onnx"));
    succeeds("rf-export @/run/best.safetensors -o @/best.onnx"); /* a checkpoint carries what made it the best */
    read_text("@/best.onnx.json", programs_out);
    assert_non_null(strstr(programs_out, "\"ap\":{\"voc_ap50\":"));
    succeeds("rf-export --help");
    for (int i = 0; i < rf_exporter_count(); i++) assert_non_null(strstr(programs_out, rf_exporter_at(i)->doc));
    refused("rf-export @/plain.safetensors", "-o PATH is missing");
    refused("rf-export @/plain.safetensors -o @/x.what", "does not tell the format");
    refused("rf-export @/plain.safetensors -o @/x --to onxx", "did you mean \"onnx\"");
    refused("rf-export @/plain.safetensors -o @/plain.safetensors", "is the model itself");
    refused("rf-export @/plain.safetensors -o /dev/null --to onnx", "/dev/null is there and is no regular file");
    refused("rf-export @/plain.safetensors -o @/x.onnx --input 64", "--input 64: expected HEIGHTxWIDTH");
    refused("rf-export @/plain.safetensors -o @/x.onnx --input 64x64x3", "expected HEIGHTxWIDTH");
    refused("rf-export @/plain.safetensors -o @/x.onnx --outputs face", "did you mean \"faces\"");
    refused("rf-export @/plain.safetensors -o @/x.onnx --opset 10",
            "--opset 10: expected a whole number from 11 to 19");
    refused("rf-export @/plain.safetensors -o @/x.onnx --embed", "--embed belongs to C");
    refused("rf-export @/set/val/label.txt -o @/x.onnx", "label.txt");
    programs_file_limit = 10000;
    refused("rf-export @/plain.safetensors -o @/a.onnx", "cannot write");
    programs_file_limit = 0;
    assert_true(same_bytes("@/a.onnx", "@/b.onnx"));
    assert_int_equal(count_files("@", "x.onnx"), 0);
    assert_int_equal(count_files("@", ".tmp-"), 0);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exporter_keeps_the_contract),    cmocka_unit_test(cards_tell_shapes),
        cmocka_unit_test(a_wrong_export_does_not_stay),         cmocka_unit_test(names_find_exporters),
        cmocka_unit_test(layers_have_unique_names_and_sources), cmocka_unit_test(weights_are_turned_to_oihw),
        cmocka_unit_test(rf_export_as_a_user_runs_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
