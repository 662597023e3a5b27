/* SPDX-License-Identifier: Apache-2.0 */
/* Writes inputs to start from, one folder a fuzz target: `seeds FOLDER`, from the root of the repository. Below
 * FOLDER/mat_good are the files that fuzz_mat completes its input with. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matio.h>

#include "settings/settings.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/safetensors.h"
#include "core/text.h"
#include "data/convert.h"
#include "export/onnx_model.h"
#include "export/torch_write.h"
#include "tests/image_fixtures.h"
#include "tests/mxnet_fixtures.h"

static const char *root;

static void must(rf_status status) {
    if (status == RF_OK) return;
    fprintf(stderr, "seeds: %s\n", rf_error_message());
    exit(1);
}

/* FOLDER/target/name, from the target's leading byte (-1: none) and the data. */
static void put(const char *target, const char *name, int first, const void *data, size_t size) {
    char path[512];
    rf_text text = {0};
    uint8_t byte = (uint8_t)first;
    snprintf(path, sizeof path, "%s/%s", root, target);
    must(rf_dir_make(path));
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    if (first >= 0) rf_text_put_bytes(&text, (const char *)&byte, 1);
    rf_text_put_bytes(&text, data, size);
    must(rf_file_write_atomic(path, text.text, text.used));
    rf_text_clear(&text);
}

static void put_text(const char *target, const char *name, int first, const char *text) {
    put(target, name, first, text, strlen(text));
}

static void put_file(const char *target, const char *name, int first, const char *path) {
    uint8_t *data;
    size_t size;
    must(rf_file_read(path, 0, &data, &size));
    put(target, name, first, data, size);
    rf_free(data);
}

static void images(void) {
    enum { W = 21, H = 13 };
    static uint8_t pixels[W * H * 8];
    char name[64];
    bytes file;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37 ^ i / 5);
    for (int kind = JPEG_RGB; kind <= JPEG_YCCK; kind++)
        for (int variant = 0; variant < 4; variant++) {
            jpeg_make m = {.kind = kind,
                           .width = W,
                           .height = H,
                           .pixels = pixels,
                           .progressive = variant & 1,
                           .subsample = variant & 2,
                           .no_adobe_marker = variant == 3,
                           .restart_rows = variant == 2,
                           .orientation = variant ? 2 + 2 * variant : 0,
                           .big_endian = variant & 1};
            file = make_jpeg(&m);
            snprintf(name, sizeof name, "%d-%d.jpg", kind, variant);
            put("image", name, variant | 8, file.data, file.size);
            bytes_free(&file);
        }
    static const struct {
        int depth, colour_type, channels;
    } kinds[] = {{1, 0, 1}, {8, 0, 1}, {16, 0, 1}, {8, 2, 3}, {16, 2, 3}, {4, 3, 1}, {8, 4, 2}, {8, 6, 4}, {16, 6, 4}};
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
        size_t k = i / 2;
        png_make m = {.width = W,
                      .height = H,
                      .depth = kinds[k].depth,
                      .colour_type = kinds[k].colour_type,
                      .rows = pixels,
                      .row_bytes = (W * (size_t)kinds[k].channels * (size_t)kinds[k].depth + 7) / 8,
                      .interlaced = i & 1,
                      .palette = pixels,
                      .n_palette = kinds[k].colour_type == 3 ? 16 : 0,
                      .palette_alpha = kinds[k].colour_type == 3 && i & 1 ? pixels : NULL,
                      .has_transparent = kinds[k].colour_type < 3 && i & 1};
        file = make_png(&m);
        snprintf(name, sizeof name, "%zu.png", i);
        put("image", name, 0, file.data, file.size);
        bytes_free(&file);
    }
}

/* Pictures one after the other, with what cameras write between them; films without coding. */
static void films(void) {
    static uint8_t pixels[9 * 7 * 3];
    static const char between[] = "\r\n--cut\r\nContent-Type: image/jpeg\r\nContent-Length: 20\r\n\r\n";
    rf_text film = {0};
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 41 ^ i / 7);
    for (int i = 0; i < 4; i++) {
        jpeg_make m = {.kind = JPEG_RGB, .width = 9, .height = 7, .pixels = pixels, .progressive = i & 1};
        png_make p = {.width = 9, .height = 7, .depth = 8, .colour_type = 2, .rows = pixels, .row_bytes = 27};
        bytes file = i == 2 ? make_png(&p) : make_jpeg(&m);
        if (i) rf_text_put_bytes(&film, between, sizeof between - 1);
        rf_text_put_bytes(&film, (const char *)file.data, file.size);
        bytes_free(&file);
    }
    put("film", "pictures", 0, film.text, film.used);
    put("film", "cut", 0, film.text, film.used - 30);
    rf_text_clear(&film);
    static const char *const heads[] = {"W5 H3 F25:1 Ip A1:1 C420jpeg", "W5 H3 F30000:1001 C444", "W5 H3 C422",
                                        "W5 H3 Cmono"};
    static const size_t sizes[] = {15 + 2 * 6, 45, 15 + 2 * 9, 15};
    for (size_t k = 0; k < 4; k++) {
        rf_text_printf(&film, "YUV4MPEG2 %s\n", heads[k]);
        for (int i = 0; i < 3; i++) {
            rf_text_put(&film, i == 1 ? "FRAME Ip\n" : "FRAME\n");
            rf_text_put_bytes(&film, (const char *)pixels, sizes[k]);
        }
        char name[16];
        snprintf(name, sizeof name, "%zu.y4m", k);
        put("film", name, 0, film.text, film.used);
        rf_text_clear(&film);
    }
    for (int k = 1; k < 4; k++) {
        char name[16];
        snprintf(name, sizeof name, "raw-%d", k);
        put("film", name, k, pixels, sizeof pixels);
    }
}

static void exif(void) {
    static const char little[] = "Exif\0\0II*\0\10\0\0\0\2\0\17\1\3\0\1\0\0\0\7\0\0\0\22\1\3\0\1\0\0\0\6\0\0";
    static const char big[] = "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\3\0";
    put("image", "exif-little", 0, little, sizeof little);
    put("image", "exif-big", 0, big, sizeof big);
}

static void texts(void) {
    static const char label[] = "# a/b.jpg\n10 20 30 40 12 25 0 35 25 0 22 35 0 14 50 0 30 50 0 0.5\n-1 2.5 3 0\n"
                                "# c.png\n# d.jpg\n1 2 3 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0 1\n";
    static const char wider[] = "a/b.jpg\n2\n10 20 30 40 0 0 0 0 0 0\n1 2 3 4 1 1 1 1 2 1\nc.jpg\n0\n0 0 0 0 0 0 0 0 "
                                "0 0\r\nd.jpg\n1\n5 6 7 8\n";
    put_text("annotation", "label", 1, label);
    put_text("annotation", "wider", 2, wider);
    put_text("annotation", "label-list", 0, "# a/b.jpg\n1 2 3 4\n# c.png\n5 6 7 8\n\1./c.png\n/a/b\n");
    put_text("annotation", "wider-list", 0, "a/b.jpg\n1\n10 20 30 40\nc.jpg\n0\n\1c\n");
    put_text("predictions", "predictions", 1, "x\n2\n1 2 3 4 0.5\n-1.5 2e1 3 4 1e-3\n");
    put_text("predictions", "empty", 1, "x.jpg\r\n0\r\n");
    put_text("predictions", "list", 0, "# two\n1--B/z.jpg\r\n\n./0--A/x\n");
    put_text("protocol", "fddb", 0, "a/b\n2\n20 15 1.5707963 25 40 1\n9.5 7 -0.3 60 50 1\nc/d\n0\n");
    put_text("protocol", "mafa", 1, "a.jpg\n2\n10 20 40 50 1\n1 2 3 4 3\nb.jpg\n1\n5 6 70 80 2\n");
    put_text("protocol", "boxes", 2, "a/b\n2\n1 2 3 4 0.5\n-1.5 2e1 3 4 1e-3\nd\n0\n");
    put_text("protocol", "results", 3,
             "[{\"image_id\":7,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":0.5,\"area\":12},\n"
             "{\"image_id\":\"d\",\"category_id\":1,\"bbox\":[1.5,2e1,-3,4],\"score\":0.25}]");
    put_text("protocol", "ids", 4,
             "{\"info\":{},\"images\":[{\"id\":1,\"file_name\":\"b.jpg\"},{\"id\":\"x\",\"file_name\":\"7.jpg\"}],"
             "\"categories\":[{\"id\":2,\"name\":\"cat\"},{\"id\":1,\"name\":\"face\"}]}");
    put_text("protocol", "sizes", 5, "# name W H\na/b 450 300\nd.png\t10\t20\r\nelsewhere 1 1\n");
    put_text("protocol", "ellipses", 2, "a/7\n1\n20 15 1.5 25 40 0.9\na/b.jpg\n1\n1 2 3 4 0.25\n");
    static const char *const configs[] = {"mnet025", "demo", "r50"};
    char path[64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "configs/%s.ini", configs[i]);
        put_file("config", configs[i], -1, path);
    }
    rf_config config;
    char *text;
    rf_config_defaults(&config);
    must(rf_config_text(&config, &text));
    put_text("config", "all", -1, text);
    rf_free(text);
    put_text("config", "overrides", -1,
             "[model]\npreset = paper\n\1train.batch=7\1optim.lr = 1e-3\1eval.scales=1,2 , 3");
    char list[256] = "[eval]\nscales = 1";
    for (int i = 1; i < RF_LIST_MAX; i++) strcat(list, ",1");
    put_text("config", "list", -1, list);
    put_text("json", "all", -1,
             "{\"a\":[1,-2.5e-3,true,false,null,\"\\u00e9\\n\\\"\\ud83d\\ude00\"],\"b\":{\"c\":[]}}");
    put_text("json", "number", -1, " 1e308 ");
}

static void conversions(void) {
    static const char coco[] =
        "{\"info\":{\"a\":[null,true,-1.5e-3,\"\\u00e9\\ud83d\\ude00\"]},\"images\":[{\"id\":1,\"file_name\":"
        "\"a.jpg\",\"width\":64,\"height\":64}],\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],"
        "\"iscrowd\":0,\"keypoints\":[1,2,2,3,4,2,5,6,1,7,8,2,9,10,2]},{\"image_id\":1,\"face_box\":[1,2,3,4],"
        "\"face_kpts\":[1,2,0.5],\"face_valid\":true}],\"categories\":[{\"id\":1,\"name\":\"face\",\"left\":\"image\","
        "\"keypoints\":[\"left_eye\",\"right_eye\",\"nose\",\"mouth_left\",\"mouth_right\"]}]}";
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i];
        bool own = i == RF_CONVERTER_coco || i == RF_CONVERTER_voc;
        int byte = i == RF_CONVERTER_csv ? 0 : i == RF_CONVERTER_yolo ? 1 : i == RF_CONVERTER_fddb ? 2 : -1;
        if (own || byte >= 0) put_text(own ? c->name : "rows", c->name, byte, c->example);
    }
    put_text("coco", "rich", -1, coco);
    put_text("voc", "entities", -1, "<!DOCTYPE a [<!ENTITY b \"bb\">]><annotation>&b;<![CDATA[x]]>&amp;</annotation>");
    put_text("voc", "latin", -1,
             "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><annotation><filename>\xe9.jpg</filename>"
             "</annotation>");
    put_text("rows", "points", 1,
             "0 0.5 0.5 0.2 0.5 0.45 0.4 0.55 0.4 0.5 0.5 0.46 0.6 0.54 0.6\n"
             "0 0.5 0.5 0.2 0.5 0.45 0.4 2 0.55 0.4 1 0.5 0.5 2 0.46 0.6 2 0.54 0.6 0\n");
    put_text("rows", "quoted", 0, "Path;class;x;y;w;h;left_eye_x;left_eye_y\r\n\"a\"\"b.jpg\";face;1;2;3;4;5;6\r\n");
}

static void weights(void) {
    static const float numbers[16] = {1, -2};
    static const int64_t count;
    char path[512];
    char name_a[] = "a.weight", name_b[] = "b";
    rf_st_tensor tensors[] = {{name_a, RF_F32, 2, {4, 3}, numbers, 48}, {name_b, RF_I64, 0, {0}, &count, 8}};
    const char *keys[] = {"rf.step"}, *values[] = {"7 \"x\"\n"};
    snprintf(path, sizeof path, "%s/sample", root);
    must(rf_st_write(path, tensors, 2, keys, values, 1));
    put_file("safetensors", "whole", 1, path);
    remove(path);
    put_text("safetensors", "header", 0,
             "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"b\":{"
             "\"dtype\":\"U8\",\"shape\":[32],\"data_offsets\":[32,64]}}");
    put_file("torch", "zip", 'f', "tests/golden/torch_zip.pth");
    put_file("torch", "legacy", 'f', "tests/golden/torch_legacy.pth");
    /* The tensor fills its storage, so that a small change reaches beyond. */
    static const char pickle[] = "\x80\2}q\0X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n"
                                 "FloatStorage\nX\1\0\0\0"
                                 "0X\3\0\0\0cpuK\030tQK\0K\6K\4\206K\4K\1\206\211ccollections\n"
                                 "OrderedDict\n)Rtq\1Rq\2s.";
    put("torch", "pickle", 'z', pickle, sizeof pickle - 1);
    static const char machine[] = "\x80\2}X\15\0\0\0little_endian\x88s.";
    put("torch", "old", 'l', machine, sizeof machine - 1);
    for (char choice = 1; choice < 12; choice++) {
        char name[8];
        snprintf(name, sizeof name, "%d", choice);
        put("checkpoint", name, choice, "\00112", 3);
    }
    put("checkpoint", "any", 0, "\3\x20\0{}", 5);
}

/* In the order of fuzz_tools. */
static void tools(void) {
    static const rf_converter_id ids[] = {RF_CONVERTER_labelme, RF_CONVERTER_createml, RF_CONVERTER_labelstudio,
                                          RF_CONVERTER_via,     RF_CONVERTER_cvat,     RF_CONVERTER_dlib,
                                          RF_CONVERTER_labelv2, RF_CONVERTER_keras,    RF_CONVERTER_opencv};
    enum { N = sizeof ids / sizeof *ids };
    for (int i = 0; i < N; i++) put_text("tools", rf_converters[ids[i]]->name, i, rf_converters[ids[i]]->example);
    put_text("tools", "points", 0,
             "{\"shapes\":[{\"label\":\"face\",\"points\":[[1,2],[30,40]],\"group_id\":1,\"shape_type\":\"rectangle\"},"
             "{\"label\":\"nose\",\"points\":[[9,9]],\"group_id\":1,\"shape_type\":\"point\"},{\"label\":\"face\","
             "\"points\":[[50,50],[60,60]],\"shape_type\":\"circle\"}],\"imagePath\":\"..\\\\a.jpg\"}");
    put_text(
        "tools", "regions", 2,
        "[{\"data\":{\"image\":\"/data/local-files/?d=a.jpg\"},\"annotations\":[{\"result\":[{\"id\":\"a\",\"type\":"
        "\"ellipselabels\",\"value\":{\"x\":50,\"y\":50,\"radiusX\":5,\"radiusY\":9,\"rotation\":30,\"ellipselabels\":["
        "\"face\"]}},{\"parentID\":\"a\",\"value\":{\"x\":50,\"y\":50,\"keypointlabels\":[\"nose\"]}},{\"value\":{"
        "\"points\":[[1,2],[3,4],[5,1]],\"polygonlabels\":[\"face\"]}}]}]}]");
    put_text("tools", "via.csv", 3,
             "filename,region_shape_attributes,region_attributes\na.jpg,\"{\"\"name\"\":\"\"polygon\"\",\"\"all_points_"
             "x\"\":[1,5,3]"
             ",\"\"all_points_y\"\":[1,2,9]}\",\"{\"\"kind\"\":{\"\"face\"\":true}}\"\n");
    put_text(
        "tools", "shapes", 4,
        "<annotations><image name='a.jpg' width='9' height='9'><box xtl='1' ytl='1' xbr='5' ybr='4' rotation='30'/>"
        "<ellipse cx='1' cy='2' rx='3' ry='4'/><polygon points='1,2;3,4;5,1'/><skeleton><points label='nose' "
        "points='2,2' outside='0'/></skeleton><polyline points='1,2;3,4'/></image></annotations>");
    put_text(
        "tools", "parts", 5,
        "<dataset><images><image file='a.jpg'><box top='1' left='2' width='9' height='9' ignore='1'><label>f</label>"
        "<part name='nose' x='3' y='4'/><part name='36' x='1' y='1'/></box></image></images></dataset>");
    put_text("tools", "flag", 6, "# a/b c.jpg 100 80\n1 2 30 40 1\n1 2 9 9\n");
    put_text("tools", "yaml", N, "nc: 2\nnames: {0: 'face', 1: mask # no\n}\n");
    put_text("tools", "yaml-lines", N, "names:\n  0: face\n  1: \"mask\"\nval: x\n");
}

/* Some arrays of insightface's mnet.25, in every version of the format; and a state_dict as rf writes it. */
static void other_programs(void) {
    static float numbers[16];
    static const int64_t count = 5;
    char kernel[] = "arg:mobilenet0_conv1_weight", gamma[] = "arg:mobilenet0_batchnorm1_gamma";
    char mean[] = "aux:mobilenet0_batchnorm1_running_mean", var[] = "aux:mobilenet0_batchnorm1_running_var";
    char scores[] = "arg:face_rpn_cls_score_stride16_bias", bias[] = "arg:rf_c1_aggr_bias";
    char shift[] = "aux:rf_c1_aggr_bn_moving_mean", steps[] = "arg:steps", path[512];
    rf_st_tensor tensors[] = {{scores, RF_F32, 1, {4}, numbers, 16},    {gamma, RF_F32, 1, {8}, numbers, 32},
                              {mean, RF_F32, 1, {8}, numbers, 32},      {var, RF_F32, 1, {8}, numbers, 32},
                              {bias, RF_F32, 1, {8}, numbers, 32},      {shift, RF_F32, 1, {8}, numbers, 32},
                              {kernel, RF_F32, 2, {2, 8}, numbers, 64}, {steps, RF_I64, 1, {1}, &count, 8}};
    for (int i = 0; i < 16; i++) numbers[i] = (float)(i + 1);
    for (int version = 1; version <= 3; version++) {
        rf_text text = {0};
        char name[16];
        snprintf(name, sizeof name, "v%d", version);
        mxnet_file(tensors, version == 2 ? 8 : 6, version, &text);
        put("mxnet", name, 'f', text.text, text.used);
        if (version == 2) put("mxnet", "list", 'l', text.text + 16, text.used - 16);
        rf_text_clear(&text);
    }
    snprintf(path, sizeof path, "%s/sample", root);
    must(rf_torch_write(path, tensors + 5, 3, "[model]\nchannels=8\n"));
    put_file("torch", "written", 'f', path);
    remove(path);
}

static matvar_t *cells(size_t n, matvar_t **items) {
    return Mat_VarCreate(NULL, MAT_C_CELL, MAT_T_CELL, 2, (size_t[]){n, 1}, items, 0);
}

static matvar_t *numbers(size_t rows, size_t cols, double *values) {
    return Mat_VarCreate(NULL, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, (size_t[]){rows, cols}, values, 0);
}

static matvar_t *word(char *value) {
    return Mat_VarCreate(NULL, MAT_C_CHAR, MAT_T_UTF8, 2, (size_t[]){1, strlen(value)}, value, 0);
}

static void write_variable(mat_t *mat, const char *name, matvar_t *first, matvar_t *second, bool packed) {
    matvar_t *top = cells(2, (matvar_t *[]){first, second});
    top->name = strdup(name);
    if (!top->name || Mat_VarWrite(mat, top, packed ? MAT_COMPRESSION_ZLIB : MAT_COMPRESSION_NONE) != 0) exit(1);
    Mat_VarFree(top);
}

static mat_t *mat_open(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/mat_good/%s", root, name);
    mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    if (mat) return mat;
    fprintf(stderr, "seeds: cannot write %s: %s\n", path, strerror(errno));
    exit(1);
}

/* The four files; with names as seeds, and compressed or not. */
static void ground_truth(bool packed) {
    char a[] = "0--A", b[] = "1--B", x[] = "x", y[] = "y", z[] = "z", folder[512], path[600];
    double boxes[] = {1, 5, 2, 6, 3, 7, 4, 8}, box[] = {10, 20, 30, 40}, rows[] = {2, 1};
    static const char *const files[] = {"wider_face_val.mat", "wider_easy_val.mat", "wider_medium_val.mat",
                                        "wider_hard_val.mat"};
    snprintf(folder, sizeof folder, "%s/mat_good", root);
    must(rf_dir_make(folder));
    mat_t *mat = mat_open(files[0]);
    write_variable(mat, "event_list", word(a), word(b), packed);
    write_variable(mat, "file_list", cells(2, (matvar_t *[]){word(x), word(y)}), cells(1, (matvar_t *[]){word(z)}),
                   packed);
    write_variable(mat, "face_bbx_list", cells(2, (matvar_t *[]){numbers(2, 4, boxes), numbers(0, 0, NULL)}),
                   cells(1, (matvar_t *[]){numbers(1, 4, box)}), packed);
    Mat_Close(mat);
    for (int i = 1; i < 4; i++) {
        mat = mat_open(files[i]);
        write_variable(mat, "gt_list", cells(2, (matvar_t *[]){numbers(2, 1, rows), numbers(0, 1, NULL)}),
                       cells(1, (matvar_t *[]){numbers(i == 3, 1, rows + 1)}), packed);
        Mat_Close(mat);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        put_file("mat", packed ? (i ? "packed-gt" : "packed-faces") : (i ? "gt" : "faces"), i, path);
    }
}

static void onnx(void) {
    char path[512];
    rf_onnx_model m = {.opset = 13, .ir_version = 7, .graph_name = "net", .config = "[model]"};
    rf_onnx_dim n = {0, "batch"}, three = {3, NULL};
    float *weights = rf_onnx_alloc(&m, 6, sizeof *weights);
    rf_onnx_tensor_add(&m, "w", RF_ONNX_FLOAT, (const int64_t[]){2, 3, 1, 1}, 4, weights, 6 * sizeof *weights);
    rf_onnx_input_add(&m, (rf_onnx_value){"x", RF_ONNX_FLOAT, 4, {n, three, three, three}});
    rf_onnx_node_add(&m, "Conv", "c", RF_ONNX_IN("x", "w"), "group=1 kernel_shape=[1,1] pads=[0,0,0,0]");
    rf_onnx_node_add(&m, "LeakyRelu", "y", RF_ONNX_IN("c"), "alpha=0.1");
    rf_onnx_node_add(&m, "Resize", "z", RF_ONNX_IN("y", "", RF_ONNX_INTS(&m, 1, 2)), "mode=nearest");
    rf_onnx_output_add(&m, (rf_onnx_value){"z", RF_ONNX_FLOAT, 4, {n, {2, NULL}, three, three}});
    must(rf_onnx_status(&m));
    snprintf(path, sizeof path, "%s/onnx", root);
    must(rf_dir_make(path));
    snprintf(path, sizeof path, "%s/onnx/small", root);
    must(rf_onnx_write(&m, path));
    rf_onnx_free(&m);
}

/* Each kind of layer once, with weights in both precisions, and tensorrtx's weights. */
static void exports(void) {
    static const char net[] =
        "7767517\n15 18\nInput data 0 1 data 0=8 1=8 2=3\nScale n 1 1 data n 0=3 1=1\n"
        "Convolution c 1 1 n c 0=2 1=1 3=2 5=1 6=6 9=2 -23310=1,0.1\nSplit s 1 2 c c0 c1\n"
        "ConvolutionDepthWise d 1 1 c0 d 0=2 1=3 11=1 4=1 14=0 5=1 6=6 7=2 9=1\nPooling p 1 1 d p 0=0 1=3 2=2 3=1 5=1\n"
        "Split t 1 2 c1 t0 t1\nInterp i 2 1 p t0 i 0=1 1=2.0 2=2.0 5=1\nBinaryOp b 2 1 i t1 b 0=0\n"
        "ReLU r 1 1 b r 0=0.05\nSplit u 1 2 r u0 u1\nConcat k 2 1 u0 u1 k 0=0\nReshape h 1 1 k h 0=0 1=-1 2=2\n"
        "Softmax m 1 1 h m 0=0 1=1\nReshape g 1 1 m g 0=0 1=-1 2=4\n";
    uint8_t file[sizeof net + 24 + 4 + 24 + 8 + 4 + 12 + 8] = {0}; /* the text's 0, then the weights */
    memcpy(file, net, sizeof net);
    static const uint8_t half[] = {0x47, 0x6b, 0x30, 0x01};
    memcpy(file + sizeof net + 24 + 4 + 24 + 8, half, sizeof half);
    put("ncnn", "layers", -1, file, sizeof file);
    put_text("mesh", "square", -1,
             "# square\nv -1 0 0.5\nv 1 0 0\nv 1 2 0\nv -1 2 0\nvt 0 0\nf 1/1 2 3//1 4\nf -4 -3 -2\n");
    put_text("wts", "two", -1, "2\na.weight 2 3f800000 00000000\nb 1  c0000000\n");
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: seeds FOLDER\n");
        return 2;
    }
    root = argv[1];
    must(rf_dir_make(root));
    images();
    films();
    exif();
    texts();
    conversions();
    tools();
    weights();
    onnx();
    exports();
    other_programs();
    ground_truth(true);
    ground_truth(false);
    return 0;
}
