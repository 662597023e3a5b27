/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/args.h"
#include "cli/data_commands.h"
#include "cli/output.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "data/synth.h"
#include "data/synth_mesh.h"

static const char name[] = "rf-data synth";

static bool show_progress(void *ctx, size_t done, size_t total) {
    (void)ctx;
    rf_note_progress(done, total, "pictures");
    return rf_signal_pending() == 0;
}

static rf_status open_mesh(const char *path, rf_synth_mesh **out) {
    rf_mesh mesh;
    RF_TRY(rf_mesh_read(path, &mesh));
    return rf_synth_mesh_make(path, &mesh, out);
}

static int write_set(const char *out, size_t train, size_t val, uint64_t seed, const rf_synth_options *options) {
    double start = rf_clock_seconds();
    rf_status status = rf_output_claim_folder("--out", out, name);
    if (status == RF_OK) status = rf_signals_install();
    if (status == RF_OK) status = rf_synth_write(out, train, val, seed, options, show_progress, NULL);
    if (status != RF_OK) return rf_cli_fail(name, status);
    char threads[RF_THREADS_TEXT];
    rf_say("%s: %zu training and %zu validation pictures in %.1f s, %s\n", out, train, val, rf_clock_seconds() - start,
           rf_threads_text(threads, sizeof threads));
    return 0;
}

int rf_data_synth(int argc, char **argv) {
    const char *out = NULL, *mesh_path = NULL;
    long train = 200, val = 50, threads = 0;
    uint64_t seed = 1;
    rf_synth_options o;
    rf_synth_defaults(&o);
    int size[2] = {o.width, o.height};
    long points = o.points;
    long min_face = o.min_face, max_face = 0, max_faces = o.max_faces, max_yaw = o.max_yaw;
    const rf_option options[] = {
        {"out", 'o', RF_OPT_TEXT, &out, "DIR", "folder to write, made when it is missing; needed", 0, 0},
        {"train", 0, RF_OPT_INT, &train, "N", "pictures of the training part (200)", 0, 1e6},
        {"val", 0, RF_OPT_INT, &val, "N", "pictures of the validation part (50)", 0, 1e6},
        {"seed", 0, RF_OPT_SEED, &seed, "N", "the same seed and options give the same bytes (1)", 0, 0},
        {"size", 0, RF_OPT_SIZE, size, "WxH", "size of the pictures (640x480)", 64, 4096},
        {"min-face", 0, RF_OPT_INT, &min_face, "PX", "height of the smallest face (8)", 8, 4096},
        {"max-face", 0, RF_OPT_INT, &max_face, "PX", "height of the largest face (400, or less in small pictures)", 0,
         4096},
        {"max-faces", 0, RF_OPT_INT, &max_faces, "N", "most faces in a picture (60)", 1, 500},
        {"max-yaw", 0, RF_OPT_INT, &max_yaw, "DEG", "degrees a face may turn to a side (75)", 0, 75},
        {"points", 0, RF_OPT_INT, &points, "N", "points of a face: 5, or the 68 of iBUG (5)", 5, 68},
        {"plates", 0, RF_OPT_FLAG, &o.plates, NULL, "number plates with their four corners, and no people", 0, 0},
        {"masks", 0, RF_OPT_FLAG, &o.masks, NULL,
         "about half of the faces wear a mask: two kinds of objects, mask and no_mask", 0, 0},
        {"mesh", 0, RF_OPT_TEXT, &mesh_path, "FILE.obj",
         "faces are made of this mesh, and the exact places of its vertices are written (rf-data mesh makes one)", 0,
         0},
        {"crowds", 0, RF_OPT_FLAG, &o.crowds, NULL, "rows of many small faces (on; --no-crowds)", 0, 0},
        {"occlusion", 0, RF_OPT_FLAG, &o.occlusion, NULL, "hidden and cut-off faces (on; --no-occlusion)", 0, 0},
        {"accessories", 0, RF_OPT_FLAG, &o.accessories, NULL, "glasses, masks, hats, beards (on; --no-accessories)", 0,
         0},
        {"degradation", 0, RF_OPT_FLAG, &o.degradation, NULL, "blur, noise, compression (on; --no-degradation)", 0, 0},
        {"distractors", 0, RF_OPT_FLAG, &o.distractors, NULL, "things that resemble faces (on; --no-distractors)", 0,
         0},
        {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC "; the result does not depend on it", 0, 1024},
        {0}};
    const rf_program program = {
        name,
        "draw a synthetic face data set",
        "--out DIR [--train N] [--val N] [options]",
        "  Draws pictures of people with exact boxes and five landmarks and writes DIR/train/label.txt,\n"
        "  DIR/train/images, DIR/val/label.txt, DIR/val/images (RetinaFace's layout) and DIR/README.txt.\n"
        "  Pictures hold faces of all poses, scales and places, clutter, and things that resemble faces.",
        options,
        "  rf-data synth --out synth --train 800 --val 200\n"
        "  rf-data synth --out plates --plates --train 400 --size 320x320\n"
        "  rf-data synth --out masks --masks --train 400 --size 320x320\n"
        "  rf-data synth --out easy --train 400 --size 320x320 --min-face 24 --max-face 160 --no-crowds",
        NULL,
        0,
        0};
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, NULL, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (!out) return rf_cli_usage(name, "--out DIR is missing");
    if (train + val == 0) return rf_cli_usage(name, "--train 0 --val 0: nothing to draw; ask for one picture or more");
    o.width = size[0];
    o.height = size[1];
    o.min_face = (int)min_face;
    int largest = (size[0] < size[1] ? size[0] : size[1]) - 8;
    if (max_face > 0)
        o.max_face = (int)max_face;
    else if (o.max_face > largest)
        o.max_face = largest;
    o.max_faces = (int)max_faces;
    o.points = (int)points;
    o.max_yaw = (int)max_yaw;
    rf_set_threads((int)threads);
    rf_synth_mesh *mesh = NULL;
    rf_status status = mesh_path ? open_mesh(mesh_path, &mesh) : RF_OK;
    if (status != RF_OK) return rf_cli_fail(name, status);
    o.mesh = mesh;
    int code = write_set(out, (size_t)train, (size_t)val, seed, &o);
    rf_synth_mesh_free(mesh);
    return code;
}
