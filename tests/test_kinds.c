/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that tell several kinds of objects apart (data.classes): heads, targets, mining, decoding, merging, metrics,
 * and the programs from a drawn set to what is found. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"
#include "detect/nms.h"
#include "detect/spec.h"
#include "eval/confusion.h"
#include "eval/metric.h"
#include "layers/detector.h"
#include "tests/decode_kit.h"
#include "tests/programs.h"
#include "detect/loss/loss.h"
#include "detect/sampler.h"

static rf_config config_of(const char *text) {
    rf_config config;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* ---- the network ---- */

static void heads_are_wider(void **state) {
    (void)state;
    rf_config one = config_of("[model]\nchannels=8\n[data]\nclasses=plate\n"), three = one, plain = one;
    rf_params *a, *b, *c;
    strcpy(three.data.classes, "a,b,c");
    strcpy(plain.data.classes, "");
    assert_int_equal(rf_detector_params(&plain, &a), RF_OK);
    assert_int_equal(rf_detector_params(&one, &b), RF_OK);
    assert_int_equal(rf_detector_params(&three, &c), RF_OK);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->count, c->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->entries[i].name, c->entries[i].name);
        size_t had = rf_shape_count(&a->entries[i].shape), has = rf_shape_count(&c->entries[i].shape);
        assert_int_equal(rf_shape_count(&b->entries[i].shape), had); /* one kind is the network of ever */
        bool head = strstr(a->entries[i].name, "ClassHead") != NULL;
        assert_int_equal(has, head ? 2 * had : had); /* four logits instead of two */
    }
    rf_params_free(a);
    rf_params_free(b);
    rf_params_free(c);
}

static void others_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"[model]\npreset=refineface\nbackbone=resnet18\n", "model.head = towers has one logit an anchor"},
        {"[model]\nmaxout=both\n", "model.maxout = both is for one kind of object"}};
    rf_params *params;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rf_config config = config_of(wrong[i][0]);
        strcpy(config.data.classes, "a,b");
        assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
        if (!strstr(rf_error_message(), wrong[i][1])) fail_msg("%s", rf_error_message());
    }
    rf_config config = config_of("[model]\nlandmarks=no\n[loss]\nkind=refineface\n[data]\nclasses=a,b\n");
    rf_loss *loss = NULL;
    assert_int_equal(rf_loss_make(&config, 1, 64, 64, &loss), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "the focal loss of loss.kind = refineface is for one kind"));
}

/* ---- mining ---- */

/* The hardest negatives are those with the largest logit of an object against the background. */
static void mining_takes_the_largest(void **state) {
    (void)state;
    /* differences 3, -1, 2, 0.5; the first is positive */
    const rf_real logits[] = {0, 3, 1, 1, 0, -2, 0, -5, 2, 1, 1.5, 0};
    int8_t label[] = {1, 0, 0, 0};
    uint64_t keys[4];
    rf_sample_spec spec = {.negative_ratio = 1, .min_negatives = 1};
    rf_sample_image image = {
        .n_levels = 1, .first = {0, 4}, .classes = 3, .logits = logits, .label = label, .n_positive = 1, .keys = keys};
    rf_mine_ratio(&spec, &image);
    const int8_t expected[] = {1, -1, 0, -1};
    assert_memory_equal(label, expected, sizeof label);
}

/* ---- decoding ---- */

static void best_kind_and_score(void **state) {
    (void)state;
    enum { N = 200, C = 4 };
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f};
    float anchors[4 * N], cls[C * N], loc[4 * N];
    rf_rng rng = rf_rng_make(5, 0, 0, 0);
    for (int i = 0; i < 4 * N; i++) {
        anchors[i] = 20 + (float)(i % 7);
        loc[i] = rf_rng_range(&rng, -1, 1);
    }
    for (int i = 0; i < C * N; i++) cls[i] = rf_rng_range(&rng, -3, 3);
    rf_graph *g = rf_graph_new();
    rf_real real[C * N], real_loc[4 * N];
    for (int i = 0; i < C * N; i++) real[i] = cls[i];
    for (int i = 0; i < 4 * N; i++) real_loc[i] = loc[i];
    rf_stage_rows stage = {.cls = rf_graph_const(g, "cls", (rf_shape){2, {N, C}}, real),
                           .loc = rf_graph_const(g, "loc", (rf_shape){2, {N, 4}}, real_loc),
                           .points = RF_NONE};
    rf_level_spec spec = {.count = N, .score = 0.4f, .drop_below = -INFINITY, .factor = 1};
    rf_decoded decoded;
    rf_real places[4 * N];
    for (int i = 0; i < 4 * N; i++) places[i] = anchors[i];
    rf_decode_level(g, &codec, rf_graph_const(g, "anchors", (rf_shape){2, {N, 4}}, places), &stage, 1, &spec, NULL,
                    &decoded);
    assert_int_equal(rf_graph_status(g), RF_OK);
    assert_true(decoded.label != RF_NONE);
    rf_exec *exec = rf_exec_new(g, NULL);
    assert_non_null(exec);
    rf_face_list found = {0};
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    assert_int_equal(rf_decoded_faces(exec, &decoded, 0, &found), RF_OK);
    size_t at = 0, kinds[C] = {0};
    for (int i = 0; i < N; i++) {
        double sum = 0;
        int best = 1;
        for (int k = 0; k < C; k++) sum += exp((double)cls[C * i + k]);
        for (int k = 2; k < C; k++)
            if (cls[C * i + k] > cls[C * i + best]) best = k;
        double score = exp((double)cls[C * i + best]) / sum;
        if (score < 0.4) continue;
        assert_true(at < found.n);
        const rf_face *face = &found.items[at++];
        assert_int_equal(face->mesh, i + 1);
        assert_int_equal(face->label, best - 1);
        assert_true(fabs((double)face->score - score) < 1e-6);
        kinds[face->label]++;
    }
    assert_int_equal(at, found.n);
    assert_true(kinds[0] > 5 && kinds[1] > 5 && kinds[2] > 5);
    rf_face_list_free(&found);
    rf_exec_free(exec);
    rf_graph_free(g);
}

/* ---- merging ---- */

/* Each merge of both kinds together is that of each kind alone, and across kinds as if there were one. */
static void kinds_are_merged_apart(void **state) {
    (void)state;
    enum { N = 120 };
    for (int m = 0; m < rf_merger_count(); m++) {
        rf_merge_spec spec = {.iou = 0.3f, .plus_one = true, .soft_sigma = 0.5f, .soft_score = 0.05f};
        rf_face_list both = {0}, alone[2] = {{0}, {0}}, one = {0}, across = {0};
        rf_rng rng = rf_rng_make(7, 0, 0, 0);
        for (int i = 0; i < N; i++) {
            float x = rf_rng_range(&rng, 0, 60), y = rf_rng_range(&rng, 0, 60), s = rf_rng_range(&rng, 15, 30);
            rf_face face = {.box = {x, y, x + s, y + s}, .score = rf_rng_range(&rng, 0.1f, 1)};
            assert_int_equal(rf_face_list_push(&one, &face), RF_OK);
            face.label = (uint8_t)(i % 2);
            assert_int_equal(rf_face_list_push(&both, &face), RF_OK);
            assert_int_equal(rf_face_list_push(&across, &face), RF_OK);
            assert_int_equal(rf_face_list_push(&alone[i % 2], &face), RF_OK);
        }
        const rf_merger *merger = rf_merger_at(m);
        assert_int_equal(merger->run(&both, &spec), RF_OK);
        for (int k = 0; k < 2; k++) assert_int_equal(merger->run(&alone[k], &spec), RF_OK);
        assert_int_equal(both.n, alone[0].n + alone[1].n);
        for (int k = 0; k < 2; k++)
            for (size_t i = 0, at = 0; i < both.n; i++) {
                if (both.items[i].label != k) continue;
                assert_memory_equal(both.items[i].box, alone[k].items[at].box, sizeof both.items[i].box);
                assert_true(both.items[i].score == alone[k].items[at++].score);
            }
        spec.across = true;
        assert_int_equal(merger->run(&across, &spec), RF_OK);
        assert_int_equal(merger->run(&one, &spec), RF_OK);
        assert_int_equal(across.n, one.n);
        assert_true(across.n < both.n);
        for (size_t i = 0; i < one.n; i++)
            assert_memory_equal(across.items[i].box, one.items[i].box, sizeof one.items[i].box);
        rf_face_list_free(&both);
        rf_face_list_free(&alone[0]);
        rf_face_list_free(&alone[1]);
        rf_face_list_free(&one);
        rf_face_list_free(&across);
    }
}

static void the_merge_is_a_setting(void **state) {
    (void)state;
    rf_config config = config_of("[eval]\nmerge_classes=across\n");
    rf_detect_spec spec;
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    assert_true(spec.merge.across);
    config = config_of("");
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    assert_false(spec.merge.across);
}

/* ---- metrics ---- */

static double value_of(const rf_metric_values *all, const char *name) {
    for (int i = 0; i < all->n; i++)
        if (strcmp(all->v[i].name, name) == 0) return all->v[i].value;
    fail_msg("no %s", name);
    return NAN;
}

/* Two pictures with an object of each of two kinds; the third kind has none. Of the first kind both are found, of the
 * second one, and the other is called the first. */
static void each_kind_has_its_value(void **state) {
    (void)state;
    rf_sample samples[2] = {{.first_face = 0, .n_faces = 2}, {.first_face = 2, .n_faces = 2}};
    rf_face truth[4], found[4];
    for (int i = 0; i < 4; i++) {
        float x = (float)(50 * (i % 2));
        truth[i] = (rf_face){.box = {x, 10, x + 20, 30}, .score = 1, .label = (uint8_t)(i % 2)};
        found[i] = truth[i];
        found[i].score = 0.9f - 0.1f * (float)i;
    }
    found[3].label = 0;
    rf_dataset set = {.samples = samples, .n_samples = 2, .faces = truth, .n_faces = 4};
    rf_face_list lists[2] = {{.items = found, .n = 2}, {.items = found + 2, .n = 2}};
    assert_int_equal(rf_classes_parse("k", "with mask,bare,hat", &set.classes), RF_OK);
    rf_metric_values all;
    assert_int_equal(rf_metric_measure(rf_metric_find("voc_ap50"), &set, lists, &all), RF_OK);
    assert_int_equal(all.n, 4);
    assert_true(value_of(&all, "voc_ap50_with_mask") == 1); /* the wrong one has the lowest score */
    assert_true(value_of(&all, "voc_ap50_bare") == 0.5);
    assert_true(isnan(value_of(&all, "voc_ap50_hat")));
    assert_true(value_of(&all, "voc_ap50") == 0.75);
    assert_int_equal(rf_metric_measure(rf_metric_find("nme"), &set, lists, &all), RF_OK);
    assert_int_equal(all.n, 1); /* points have no kind */
    set.classes.n = 1;
    double plain;
    assert_int_equal(rf_metric_find("voc_ap50")->compute(&set, lists, &plain), RF_OK);
    assert_int_equal(rf_metric_measure(rf_metric_find("voc_ap50"), &set, lists, &all), RF_OK);
    assert_true(all.n == 1 && all.v[0].value == plain);
}

/* Of three pictures: a mask found as such, one found as bare, a bare one not found, an ignored one found, something
 * that is none, and a detection whose score is too low. */
static void kinds_are_confused(void **state) {
    (void)state;
    const float a[4] = {0, 0, 20, 20}, b[4] = {50, 0, 70, 20};
    rf_sample samples[3] = {
        {.first_face = 0, .n_faces = 1}, {.first_face = 1, .n_faces = 2}, {.first_face = 3, .n_faces = 1}};
    rf_face truth[4] = {{.label = 0}, {.label = 0}, {.label = 1}, {.label = 1, .ignore = true}};
    rf_face found[6] = {{.score = 0.9f},
                        {.score = 0.3f},
                        {.score = 0.8f, .label = 1},
                        {.score = 0.7f},
                        {.score = 0.6f, .label = 1},
                        {.score = 0.95f, .label = 1}};
    const float *places[] = {a, b, a, a, a, b};
    for (int i = 0; i < 6; i++) memcpy(found[i].box, places[i], sizeof a);
    for (int i = 0; i < 4; i++) memcpy(truth[i].box, i == 2 ? b : a, sizeof a);
    rf_face_list lists[3] = {{.items = found, .n = 2}, {.items = found + 2, .n = 2}, {.items = found + 4, .n = 2}};
    rf_dataset set = {.samples = samples, .n_samples = 3, .faces = truth, .n_faces = 4};
    rf_confusion c;
    assert_int_equal(rf_classes_parse("k", "mask,bare", &set.classes), RF_OK);
    assert_int_equal(rf_confusion_make(&set, lists, 0.5f, 0.5f, &c), RF_OK);
    const size_t expected[3][3] = {{1, 1, 0}, {0, 0, 1}, {1, 1, 0}};
    for (int t = 0; t < 3; t++)
        for (int k = 0; k < 3; k++) assert_int_equal(c.count[t][k], expected[t][k]);
}

/* ---- the programs ---- */

#define NET                                                                                                            \
    " --set model.channels=16 --set input.size=160 --set train.batch=4 --set data.classes=mask,no_mask "               \
    "--set schedule.warmup_epochs=0 --set optim.lr=0.01 --set optim.clip_norm=20 --set data.workers=0 "

static size_t labels_in_json(const char *path, size_t kinds[2]) {
    static char text[PROGRAMS_TEXT];
    size_t faces = 0;
    read_text(path, text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        rf_json *doc;
        assert_int_equal(rf_json_parse(line, strlen(line), &doc), 0);
        for (const rf_json *face = rf_json_first(rf_json_get(doc, "faces")); face; face = rf_json_next(face), faces++) {
            double label;
            assert_true(rf_json_number(rf_json_get(face, "label"), &label));
            assert_true(label == 0 || label == 1);
            const char *name = NULL;
            assert_true(rf_json_string(rf_json_get(face, "class"), &name));
            assert_string_equal(name, label == 0 ? "mask" : "no_mask");
            kinds[(int)label]++;
        }
        rf_json_free(doc);
    }
    return faces;
}

static void from_a_set_to_faces(void **state) {
    (void)state;
    static char text[PROGRAMS_TEXT];
    size_t kinds[2] = {0};
    succeeds("rf-data synth --out @/set --masks --train 16 --val 6 --size 160x160 --min-face 30 --max-face 100 "
             "--max-faces 3 "
             "--no-crowds --no-distractors");
    succeeds("rf-train configs/demo.ini --data @/set --set schedule.epochs=2 --set train.eval_every=2 --out @/run" NET);
    assert_non_null(strstr(programs_out, "kinds of objects: "));
    assert_non_null(strstr(programs_out, " voc_ap50_mask "));
    assert_non_null(strstr(programs_out, " voc_ap50_no_mask "));
    read_text("@/run/train.jsonl", text);
    assert_non_null(strstr(text, "\"voc_ap50_no_mask\":"));
    succeeds("rf-eval @/run/last.safetensors --data @/set --json @/eval.json");
    read_text("@/eval.json", text);
    assert_non_null(strstr(text, "\"voc_ap50_mask\""));
    assert_non_null(strstr(text, "\"confusion\":[["));
    succeeds("rf-detect @/run/last.safetensors @/set/val/images --score 0.05 --json @/found.jsonl --label @/again "
             "--draw --out @/drawn");
    size_t faces = labels_in_json("@/found.jsonl", kinds);
    assert_true(faces > 6);
    succeeds("rf-data check @/again");
    succeeds("rf-train configs/demo.ini --data @/again --set data.val= --set train.max_steps=1 --out @/second" NET);
    read_text("@/again/label.set.ini", text);
    assert_non_null(strstr(text, "classes = mask,no_mask\n"));
    succeeds("rf-export @/run/last.safetensors -o @/again.pth");
    refused("rf-export @/run/last.safetensors -o @/x.param", "data.classes is mask,no_mask");
    succeeds("rf-export @/run/last.safetensors -o @/x.onnx --outputs faces");
    succeeds("rf-export @/run/last.safetensors -o @/x.c");
    refused("rf-export @/run/last.safetensors -o @/x.wts", "data.classes");
    refused("rf-train configs/demo.ini --data @/set --set data.classes=mask,hat --out @/third", "a \"no_mask\"");
}

static double number_in(const char *path, const char *key) {
    static char text[PROGRAMS_TEXT];
    double value = NAN;
    rf_json *doc;
    read_text(path, text);
    assert_int_equal(rf_json_parse(text, strlen(text), &doc), 0);
    if (!rf_json_number(rf_json_get(doc, key), &value)) fail_msg("no %s in %s", key, text);
    rf_json_free(doc);
    return value;
}

/* What is found and written as text is scored as what is found. */
static void predictions_keep_kinds(void **state) {
    (void)state;
    static const char *const keys[] = {"ap", "ap50", "ar100", "ap_mask", "ap_no_mask"};
    succeeds("rf-eval @/run/last.safetensors --data @/set --protocol coco --pred-out @/pred --report @/report --json "
             "@/a.json");
    succeeds("rf-eval --pred @/pred --data @/set --protocol coco --json @/b.json");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_float_equal(number_in("@/a.json", keys[i]), number_in("@/b.json", keys[i]), 1e-6);
    assert_float_equal(number_in("@/a.json", "ap"),
                       (number_in("@/a.json", "ap_mask") + number_in("@/a.json", "ap_no_mask")) / 2, 1e-9);
    refused("rf-eval --pred @/run --data @/set --protocol coco", "not one prediction file");
}

/* COCO's results: the truth itself, with two objects called the other kind. */
static void results_have_categories(void **state) {
    (void)state;
    static char text[PROGRAMS_TEXT];
    rf_dataset *set;
    size_t used = 0, wrong = 0;
    succeeds("rf-data convert @/set --from label --to coco --images keep --out @/coco");
    assert_int_equal(rf_dataset_open("auto", at("@/set/val/label.txt"), at("@/set/val/images"), NULL, &set), RF_OK);
    for (int flip = 0; flip < 2; flip++) {
        used = (size_t)snprintf(text, sizeof text, "[");
        for (size_t i = 0; i < set->n_samples; i++)
            for (size_t k = 0; k < set->samples[i].n_faces; k++) {
                const rf_face *face = &set->faces[set->samples[i].first_face + k];
                const float *b = face->box;
                bool other = flip && face->label == 1 && !face->ignore;
                wrong += other;
                used += (size_t)snprintf(
                    text + used, sizeof text - used,
                    "%s{\"image_id\":%zu,\"category_id\":%d,\"bbox\":[%.9g,%.9g,%.9g,%.9g],\"score\":0.9}",
                    used > 1 ? "," : "", i + 1, other ? 1 : 1 + face->label, (double)b[0], (double)b[1],
                    (double)(b[2] - b[0]), (double)(b[3] - b[1]));
            }
        snprintf(text + used, sizeof text - used, "]");
        assert_int_equal(rf_file_write_atomic(at("@/results.json"), text, strlen(text)), RF_OK);
        succeeds(
            "rf-eval --pred @/results.json --ids @/coco/val/coco.json --data @/set --protocol coco --json @/c.json");
        assert_float_equal(number_in("@/c.json", "ap_no_mask"), flip ? 0 : 1, 1e-9);
        if (!flip) assert_float_equal(number_in("@/c.json", "ap_mask"), 1, 1e-9);
        if (flip) assert_true(number_in("@/c.json", "ap_mask") < 1);
    }
    assert_true(wrong > 0);
    refused("rf-eval --pred @/results.json --data @/set --protocol coco", "Add --ids FILE");
    rf_dataset_free(set);
}

/* A set of kinds trains a detector of faces, too, and says so. */
static void kinds_may_be_one(void **state) {
    (void)state;
    succeeds(
        "rf-train configs/demo.ini --data @/set --set model.channels=16 --set input.size=96 --set train.batch=4 --set "
        "train.max_steps=1 --set train.eval_every=0 --set data.workers=0 --out @/one");
    assert_non_null(strstr(programs_err, "mask,no_mask are all taken as face"));
    succeeds("rf-detect @/one/last.safetensors @/set/val/images --score 0.3 --json @/one.jsonl");
    static char text[PROGRAMS_TEXT];
    read_text("@/one.jsonl", text);
    assert_null(strstr(text, "\"class\""));
}

static int begin(void **state) {
    (void)state;
    programs_set_up();
    return 0;
}

static int end(void **state) {
    (void)state;
    return programs_tear_down();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_wider),          cmocka_unit_test(others_are_refused),
        cmocka_unit_test(mining_takes_the_largest), cmocka_unit_test(best_kind_and_score),
        cmocka_unit_test(kinds_are_merged_apart),   cmocka_unit_test(the_merge_is_a_setting),
        cmocka_unit_test(each_kind_has_its_value),  cmocka_unit_test(kinds_are_confused),
        cmocka_unit_test(from_a_set_to_faces),      cmocka_unit_test(predictions_keep_kinds),
        cmocka_unit_test(results_have_categories),  cmocka_unit_test(kinds_may_be_one),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
