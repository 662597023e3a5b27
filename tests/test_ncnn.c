/* SPDX-License-Identifier: Apache-2.0 */
/* The ncnn exporter: the network of its files, run by plain loops and decoded as ncnn's sample does, finds what ours
 * finds. */
#include <math.h>
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
#include "data/image.h"
#include "data/normalise.h"
#include "detect/nms.h"
#include "export/ncnn.h"
#include "layers/weights.h"
#include "tests/ncnn_model.h"
#include "tests/ncnn_run.h"
#include "tests/slow.h"

static char dir[] = "/tmp/rf_test_ncnn_XXXXXX", param_path[128], bin_path[128];
static const char trained[] = "../shared/data/weights/mobilenet0.25_Final.pth";
static const char images[] = "../shared/data/wider/WIDER_val/images/", list[] = "../shared/data/wider/val_subset.txt";

static void ok(rf_status status) {
    if (status != RF_OK) fail_msg("%s", rf_error_message());
}

/* Writes and verifies as rf-export does, and reads the files. */
static void export_and_read(const rf_export_model *model, const rf_export_options *options, rf_ncnn_net *net) {
    const rf_exporter *ncnn = rf_exporter_find("ncnn");
    assert_non_null(ncnn);
    ok(rf_export(ncnn, model, options, param_path));
    ok(rf_ncnn_read(param_path, bin_path, net));
}

/* ---- the same faces ---- */

typedef struct scenario {
    const char *name, *ini;
    int h, w;
    bool half;
    int levels, anchors;
    float scales[15]; /* as the sample has to have them, level by level */
    double score, place;
} scenario;

/* Anchors in units of the sample's 16 pixels, the larger first at each level. */
#define PLAIN_SCALES                                                                                                   \
    { 2, 1, 8, 4, 32, 16 }
/* 2 sqrt(2) S / 16 and 2 S / 16 of each stride S. */
#define REFINEFACE_SCALES                                                                                              \
    {                                                                                                                  \
        11.313708498984761f / 16, 0.5f, 22.627416997969522f / 16, 1, 45.254833995939045f / 16, 2,                      \
            90.50966799187809f / 16, 4, 181.01933598375618f / 16, 8, 362.03867196751236f / 16, 16                      \
    }

/* Tolerances: our kernels and these loops add in different orders and round folded weights differently; with half
 * precision the weights have 11 bits. */
static const scenario scenarios[] = {
    {"the sample's own settings", "[model]\npreset=biubug6\n", 97, 131, false, 3, 2, PLAIN_SCALES, 2e-5, 2e-5},
    {"half precision", "[model]\npreset=biubug6\n", 64, 96, true, 3, 2, PLAIN_SCALES, 1e-3, 1e-3},
    {"ResNet, insightface", "[model]\npreset=insightface\nbackbone=resnet18\nchannels=16\n", 65, 90, false, 3, 2,
     PLAIN_SCALES, 1e-4, 1e-4},
    {"bottlenecks, odd maps", "[model]\npreset=biubug6\nbackbone=resnet50\nchannels=16\n", 67, 35, false, 3, 2,
     PLAIN_SCALES, 1e-4, 1e-4},
    {"five levels, shared heads",
     "[model]\nbackbone=resnet18\nstrides=4,8,16,32,64\nchannels=16\nshare_heads=yes\nleaky_slope=0.05\n"
     "[anchors]\nsizes=16,8,24,32,64,48,64,96,128,256,128,192,512,384,300\n",
     130,
     97,
     false,
     5,
     3,
     {1.5f, 1, 0.5f, 4, 3, 2, 8, 6, 4, 16, 12, 8, 32, 24, 18.75f},
     1e-4,
     1e-4},
    {"MobileNet v2, ReLU6", "[model]\nbackbone=mobilenetv2\nchannels=16\n", 97, 66, false, 3, 2, PLAIN_SCALES, 1e-4,
     1e-4},
    {"bilinear up-sampling", "[model]\npreset=biubug6\nupsample=bilinear\n", 97, 131, false, 3, 2, PLAIN_SCALES, 2e-5,
     2e-5},
    {"two stages of heads", "[model]\npreset=biubug6\n[cascade]\nstages=2\ndrop=0.6\n", 97, 131, false, 3, 2,
     PLAIN_SCALES, 1e-4, 1e-4},
    {"three stages that read predictions, insightface",
     "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=16\n[cascade]\nstages=3\nbody=predictions\n", 97,
     131, false, 3, 2, PLAIN_SCALES, 1e-4, 1e-4},
    {"single predictions by the last stage",
     "[model]\npreset=biubug6\n[cascade]\nstages=2\nstrides_cls=8\nstrides_box=32\nsingle=last\n"
     "body=context_features\ndrop=0.6\n",
     97, 131, false, 3, 2, PLAIN_SCALES, 1e-4, 1e-4},
    {"max-out classes in stages that read predictions",
     "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=16\nmaxout=both\n"
     "[cascade]\nstages=2\nbody=predictions\n",
     97, 131, false, 3, 2, PLAIN_SCALES, 1e-4, 1e-4},
    {"RefineFace", "[model]\npreset=refineface\nbackbone=resnet18\nchannels=16\nfsm=no\n[cascade]\ndrop=0.6\n", 97, 131,
     false, 6, 2, REFINEFACE_SCALES, 1e-4, 1e-4},
    {"RefineFace in one step",
     "[model]\npreset=refineface\nbackbone=resnet18\nchannels=16\nfsm=no\nrfe=no\n[cascade]\nstages=1\n", 97, 131,
     false, 6, 2, REFINEFACE_SCALES, 1e-4, 1e-4},
    {"two aspects",
     "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=16\n[anchors]\naspect=1,1.5\nrounding=base16\n",
     97,
     131,
     false,
     3,
     4,
     {2, 2, 1, 1, 8, 8, 4, 4, 32, 32, 16, 16},
     1e-4,
     1e-4},
    {"one level, tall anchors, no landmarks, no context",
     "[model]\nstrides=16\ncontext=none\nlandmarks=no\nchannels=32\n"
     "[anchors]\nsizes=20\naspect=1.25\ncentre_offset=3\nvariance_centre=0.3\nvariance_size=0.7\n",
     50,
     70,
     false,
     1,
     1,
     {1.25f},
     2e-5,
     2e-5},
};

static float *random_input(int h, int w, double lo, double hi) {
    rf_rng rng = rf_rng_make(3, 0, (uint64_t)h, RF_STREAM_TEST);
    float *input = rf_alloc((size_t)(3 * h * w), sizeof *input);
    for (int i = 0; i < 3 * h * w; i++) input[i] = rf_rng_range(&rng, (float)lo, (float)hi);
    return input;
}

static float score_spread(const own_faces *own) {
    float least = 1, most = 0;
    for (size_t i = 0; i < own->anchors.count; i++) {
        least = fminf(least, own->faces[i].score);
        most = fmaxf(most, own->faces[i].score);
    }
    return most - least;
}

static void sample_decodes_to_our_faces(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof scenarios / sizeof *scenarios; s++) {
        const scenario *c = &scenarios[s];
        if (!runs_here(s % 4 == 0)) continue;
        rf_export_options options = {.batch = 1, .fp16 = c->half};
        random_model m;
        rf_ncnn_net net;
        ncnn_run run;
        own_faces own;
        difference d = {0};
        random_model_make(&m, c->ini);
        export_and_read(&m.model, &options, &net);
        float *input = random_input(c->h, c->w, -1, 1);
        ncnn_run_make(&run, &net, input, c->h, c->w);
        own_faces_make(&own, &m.model, input, c->h, c->w);
        assert_int_equal(own.anchors.n_levels, c->levels);
        for (int l = 0; l < c->levels; l++) compare_level(&run, &own, l, c->scales + l * c->anchors, &d);
        assert_true(score_spread(&own) > 0.01f); /* the network does not say the same everywhere */
        print_message("%s: probabilities differ by %.1e, places by %.1e of the face\n", c->name, d.score, d.place);
        assert_true(d.score <= c->score && d.place <= c->place);
        if (c->half) assert_true(d.score > 1e-6); /* it did round */
        assert_int_equal(d.dropped > 0, strstr(c->ini, "drop=") != NULL);
        own_faces_free(&own);
        ncnn_run_free(&run);
        rf_free(input);
        rf_ncnn_net_free(&net);
        random_model_free(&m);
    }
}

/* ---- options ---- */

/* With --preprocess the network takes the sample's input: RGB, 0 to 255. */
static void preprocessing_is_inside(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const char *const inis[] = {
        "[model]\npreset=biubug6\n[input]\nstd=50,60,70\n",
        "[model]\nbackbone=mobilenet025\n[input]\ncolour=rgb\nmean=120,110,100\nstd=57,58,59\n"};
    enum { H = 40, W = 72 };
    for (int i = 0; i < 2; i++) {
        rf_export_options options = {.batch = 1, .preprocess = true};
        random_model m;
        rf_ncnn_net net;
        ncnn_run run;
        own_faces own;
        difference d = {0};
        random_model_make(&m, inis[i]);
        export_and_read(&m.model, &options, &net);
        float *rgb = random_input(H, W, 0, 255), *input = rf_alloc(3 * H * W, sizeof *input);
        const rf_config *config = &m.config;
        for (int c = 0; c < 3; c++) {
            const float *from = rgb + (config->input.colour == RF_COLOUR_BGR ? 2 - c : c) * H * W;
            for (int p = 0; p < H * W; p++)
                input[c * H * W + p] = (from[p] - (float)config->input.mean.v[c]) / (float)config->input.std.v[c];
        }
        ncnn_run_make(&run, &net, rgb, H, W);
        own_faces_make(&own, &m.model, input, H, W);
        for (int l = 0; l < 3; l++) compare_level(&run, &own, l, scenarios[0].scales + 2 * l, &d);
        assert_true(d.score <= 2e-5 && d.place <= 2e-5);
        own_faces_free(&own);
        ncnn_run_free(&run);
        rf_free(input);
        rf_free(rgb);
        rf_ncnn_net_free(&net);
        random_model_free(&m);
    }
}

static void a_fixed_size_stands_in_the_input_layer(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    random_model m;
    random_model_make(&m, "[model]\npreset=biubug6\n");
    for (int fixed = 0; fixed < 2; fixed++) {
        rf_export_options options = {.batch = 1, .h = fixed ? 96 : 0, .w = fixed ? 160 : 0};
        rf_ncnn_net net;
        export_and_read(&m.model, &options, &net);
        const double *v = net.layers[0].value;
        assert_true(v[0] == (fixed ? 160 : 0) && v[1] == (fixed ? 96 : 0) && v[2] == (fixed ? 3 : 0));
        rf_ncnn_net_free(&net);
    }
    random_model_free(&m);
}

static void what_ncnn_has_not_is_refused(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const struct {
        rf_export_options options;
        const char *words;
    } refused[] = {
        {{.batch = 1, .outputs = RF_EXPORT_FACES}, "faces"},
        {{.batch = 1, .outputs = RF_EXPORT_ANCHORS}, "anchors"},
        {{.batch = 2}, "one image"},
        {{.batch = 0}, "one image"},
        {{.batch = 1, .embed = true}, "--embed"},
        {{.batch = 1, .opset = 13}, "--opset"},
    };
    random_model m;
    random_model_make(&m, "[model]\npreset=biubug6\n");
    const rf_exporter *ncnn = rf_exporter_find("ncnn");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/x.param", dir);
        assert_int_equal(ncnn->write(&m.model, &refused[i].options, path), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), refused[i].words));
        assert_false(rf_file_exists(path));
    }
    /* A weight that half precision cannot hold. */
    rf_export_options half = {.batch = 1, .fp16 = true};
    rf_params_values(m.params, rf_params_find(m.params, "ssh1.conv3X3.0.weight"))[5] = 1e6f;
    assert_int_equal(rf_params_fold(m.params, NULL), RF_OK);
    assert_int_equal(ncnn->write(&m.model, &half, param_path), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "half precision"));
    random_model_free(&m);
}

/* Another model's files, and weights changed after writing, are told. */
static void verify_tells_differences(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    random_model m, other;
    rf_export_options options = {.batch = 1}, half = {.batch = 1, .fp16 = true},
                      inside = {.batch = 1, .preprocess = true};
    random_model_make(&m, "[model]\npreset=biubug6\n");
    random_model_make(&other, "[model]\npreset=biubug6\n[anchors]\nvariance_size=0.3\n");
    const rf_exporter *ncnn = rf_exporter_find("ncnn");
    ok(ncnn->write(&m.model, &options, param_path));
    ok(ncnn->verify(&m.model, &options, param_path));
    assert_int_equal(ncnn->verify(&other.model, &options, param_path), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "face_rpn_bbox_pred"));
    assert_int_equal(ncnn->verify(&m.model, &half, param_path), RF_ERR_FORMAT);
    assert_int_equal(ncnn->verify(&m.model, &inside, param_path), RF_ERR_FORMAT);
    random_model_free(&m);
    random_model_free(&other);
}

/* ---- real weights on real images ---- */

/* From all anchors to faces: threshold and suppression. */
static size_t suppress(rf_face_list *faces, float score, const rf_merge_spec *merge) {
    size_t n = 0;
    for (size_t i = 0; i < faces->n; i++)
        if (faces->items[i].score >= score) faces->items[n++] = faces->items[i];
    faces->n = n;
    assert_int_equal(rf_nms(faces, merge), RF_OK);
    return faces->n;
}

/* The sample's faces of all levels, in our struct (its NMS counts rect.width = x1 - x0 + 1, which is our plus_one). */
static void sample_faces(const ncnn_run *run, rf_face_list *faces) {
    for (int l = 2; l >= 0; l--) {
        int stride = 8 << l;
        ncnn_heads heads[4];
        int stages = ncnn_stages(run, stride, heads);
        size_t n = (size_t)(2 * heads[0].score->h * heads[0].score->w);
        ncnn_face *all = rf_alloc(n, sizeof *all);
        ncnn_decode(heads, stages, stride, scenarios[0].scales + 2 * l, 2, all);
        for (size_t i = 0; i < n; i++) {
            const float *r = all[i].rect;
            rf_face face = {.box = {r[0], r[1], r[0] + r[2] - 1, r[1] + r[3] - 1}, .score = all[i].prob};
            face.points = all[i].points;
            face.n_points = RF_POINTS;
            ok(rf_face_list_push(faces, &face));
        }
        rf_free(all);
    }
}

/* One image: what the files give and what rf gives. Returns the number of faces over 0.5. */
static size_t measure_image(const rf_export_model *model, const rf_ncnn_net *net, const char *path, difference *d) {
    rf_image image;
    rf_normaliser normaliser;
    ok(rf_image_load(path, NULL, &image));
    ok(rf_normaliser_make(model->config, &normaliser));
    size_t area = (size_t)image.width * (size_t)image.height;
    float *rgb = rf_alloc(3 * area, sizeof *rgb), *input = rf_alloc(3 * area, sizeof *input);
    for (size_t p = 0; p < area; p++)
        for (size_t c = 0; c < 3; c++) {
            rgb[c * area + p] = image.pixels[3 * p + c];
            input[c * area + p] = normaliser.table[c][image.pixels[3 * p + (size_t)normaliser.source[c]]];
        }
    ncnn_run run;
    own_faces own;
    ncnn_run_make(&run, net, rgb, image.height, image.width);
    own_faces_make(&own, model, input, image.height, image.width);
    for (int l = 0; l < 3; l++) compare_level(&run, &own, l, scenarios[0].scales + 2 * l, d);
    rf_face_list theirs = {0};
    sample_faces(&run, &theirs);
    size_t found = suppress(&theirs, 0.5f, &own.spec.merge), expected = suppress(&own.list, 0.5f, &own.spec.merge);
    assert_int_equal(found, expected);
    rf_face_list_free(&theirs);
    own_faces_free(&own);
    ncnn_run_free(&run);
    rf_free(rgb);
    rf_free(input);
    rf_image_free(&image);
    return found;
}

static void trained_weights_find_the_same_faces(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    FILE *names = fopen(list, "r");
    if (!names || !rf_file_exists(trained)) {
        if (names) fclose(names);
        print_message("skip: the trained weights and images are not here\n");
        skip();
    }
    random_model m;
    rf_ncnn_net single, half;
    random_model_make(&m, "[model]\npreset=biubug6\n");
    ok(rf_weights_load(trained, m.params, NULL));
    ok(rf_params_fold(m.params, NULL));
    export_and_read(&m.model, &(rf_export_options){.batch = 1, .preprocess = true}, &single);
    export_and_read(&m.model, &(rf_export_options){.batch = 1, .preprocess = true, .fp16 = true}, &half);
    difference d[2] = {{0}};
    char line[256], path[512];
    size_t faces = 0;
    const char *wanted = getenv("RF_TEST_IMAGES"); /* how many images; one suffices to notice a change */
    for (int i = 0; i < (wanted ? atoi(wanted) : 1) && fgets(line, sizeof line, names); i++) {
        line[strcspn(line, "\n")] = 0;
        snprintf(path, sizeof path, "%s%s", images, line);
        faces += measure_image(&m.model, &single, path, &d[0]);
        measure_image(&m.model, &half, path, &d[1]);
    }
    fclose(names);
    for (int i = 0; i < 2; i++)
        print_message("measured: ncnn %s, %zu faces: scores within %.2g, boxes and landmarks within %.2g px\n",
                      i ? "fp16" : "fp32", faces, d[i].score, d[i].pixels);
    assert_true(faces > 0 && d[0].score < 1e-4 && d[0].pixels < 0.02);
    assert_true(d[1].score < 0.02 && d[1].pixels < 2);
    rf_ncnn_net_free(&single);
    rf_ncnn_net_free(&half);
    random_model_free(&m);
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(dir)) return -1;
    snprintf(param_path, sizeof param_path, "%s/face.param", dir);
    snprintf(bin_path, sizeof bin_path, "%s/face.bin", dir);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char card[160];
    snprintf(card, sizeof card, "%s.json", param_path);
    remove(card);
    remove(param_path);
    remove(bin_path);
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_decodes_to_our_faces),
        cmocka_unit_test(preprocessing_is_inside),
        cmocka_unit_test(a_fixed_size_stands_in_the_input_layer),
        cmocka_unit_test(what_ncnn_has_not_is_refused),
        cmocka_unit_test(verify_tells_differences),
        cmocka_unit_test(trained_weights_find_the_same_faces),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
