/* SPDX-License-Identifier: Apache-2.0 */
/* Meshes: OBJ files, symmetry, the table of vertices beside annotations, synthetic faces made of a mesh, and the
 * programs that train and show them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/mesh.h"
#include "data/mesh_table.h"
#include "data/sample.h"
#include "data/synth.h"
#include "data/synth_mesh.h"
#include "tests/programs.h"

static void reads_obj(void **state) {
    (void)state;
    static const char text[] = "# a square and a triangle\n\n  v 0 0 0\r\nv 1 0 0 1.0\nv 1 1 0\nv 0 1 -0.5e0 # up\n"
                               "vt 0 0\nvn 0 0 1\ng face\nf 1/1/1 2//1 3 4/2\nf -3 -2 -1\n";
    rf_mesh mesh;
    if (rf_mesh_parse("a.obj", text, sizeof text - 1, &mesh) != RF_OK) fail_msg("%s", rf_error_message());
    const int32_t expected[9] = {0, 1, 2, 0, 2, 3, 1, 2, 3};
    assert_int_equal(mesh.n_vertices, 4);
    assert_int_equal(mesh.n_triangles, 3);
    assert_memory_equal(mesh.triangles, expected, sizeof expected);
    assert_float_equal(mesh.vertices[11], -0.5, 0);
    rf_mesh_free(&mesh);
    static const struct {
        const char *text, *words;
    } bad[] = {{"v 0 0\n", "a.obj:1: a vertex"},
               {"v 0 0 nan\n", "a.obj:1: a vertex"},
               {"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2\n", "a.obj:4: a face is"},
               {"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 4\n", "a.obj:4: a face names"},
               {"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 0 1 2\n", "a.obj:4: a face names"},
               {"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 x\n", "a.obj:4: a face is"},
               {"v 0 0 0\nv 1 0 0\nv 1 1 0\n", "a.obj: no mesh"},
               {"", "a.obj: no mesh"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rf_mesh_parse("a.obj", bad[i].text, strlen(bad[i].text), &mesh), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), bad[i].words)) fail_msg("%zu: %s", i, rf_error_message());
        assert_null(mesh.vertices);
    }
}

/* Colours are read when all vertices have them, and written again. */
static void colours_of_vertices(void **state) {
    (void)state;
    static const char whole[] = "v 0 0 0 1 0.5 0\nv 1 0 0 0 0 1\nv 1 1 0 .25 1 1\nf 1 2 3\n";
    static const char *const none[] = {"v 0 0 0 1 0.5 0\nv 1 0 0\nv 1 1 0 0 1 1\nf 1 2 3\n",
                                       "v 0 0 0\nv 1 0 0 0 0 1\nv 1 1 0 0 1 1\nf 1 2 3\n",
                                       "v 0 0 0 1 0.5 0\nv 1 0 0 0 2 1\nv 1 1 0 0 1 1\nf 1 2 3\n"};
    const float expected[9] = {1, 0.5f, 0, 0, 0, 1, 0.25f, 1, 1};
    rf_mesh mesh, again;
    assert_int_equal(rf_mesh_parse("a.obj", whole, sizeof whole - 1, &mesh), RF_OK);
    assert_memory_equal(mesh.colours, expected, sizeof expected);
    assert_int_equal(rf_mesh_write(at("@/colours.obj"), &mesh), RF_OK);
    assert_int_equal(rf_mesh_read(at("@/colours.obj"), &again), RF_OK);
    assert_memory_equal(again.colours, expected, sizeof expected);
    rf_mesh_free(&mesh);
    rf_mesh_free(&again);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rf_mesh_parse("a.obj", none[i], strlen(none[i]), &mesh), RF_OK);
        assert_null(mesh.colours);
        rf_mesh_free(&mesh);
    }
    /* our own mesh is darker at the eyes than between them, the same left and right */
    assert_int_equal(rf_synth_mesh_grid(17, 21, &mesh), RF_OK);
    float darkest = 1, between = mesh.colours[3 * (5 * 17 + 8)];
    for (int k = 0; k < 17 * 21; k++) {
        int across = k % 17, other = k - across + 16 - across;
        assert_float_equal(mesh.colours[3 * k], mesh.colours[3 * other], 1e-6);
        if (k / 17 > 3 && k / 17 < 12) darkest = fminf(darkest, mesh.colours[3 * k]);
    }
    assert_true(darkest < 0.75f * between);
    rf_mesh_free(&mesh);
}

static void mirrors(void **state) {
    (void)state;
    rf_mesh mesh;
    int32_t partner[15];
    assert_int_equal(rf_synth_mesh_grid(3, 5, &mesh), RF_OK);
    assert_int_equal(rf_mesh_mirror(&mesh, "a.obj", partner), RF_OK);
    for (int i = 0; i < 15; i++) assert_int_equal(partner[i], i / 3 * 3 + 2 - i % 3);
    mesh.vertices[0] += 0.2f; /* another width as well */
    assert_int_equal(rf_mesh_mirror(&mesh, "a.obj", partner), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "augment.flip = 0"));
    rf_mesh_free(&mesh);
}

/* The mesh of Apache-2.0 MediaPipe, when the shared data is there. */
static void a_real_mesh(void **state) {
    (void)state;
    const char *path = "../shared/data/mesh/canonical_face_model.obj";
    if (!rf_file_exists(path)) {
        print_message("skip: no %s\n", path);
        return;
    }
    rf_mesh mesh;
    static int32_t partner[468];
    assert_int_equal(rf_mesh_read(path, &mesh), RF_OK);
    assert_int_equal(mesh.n_vertices, 468);
    assert_int_equal(mesh.n_triangles, 898);
    if (rf_mesh_mirror(&mesh, path, partner) != RF_OK) fail_msg("%s", rf_error_message());
    rf_mesh_free(&mesh);
}

/* ---- the synthetic set ---- */

static void write_set(void) {
    succeeds("rf-data mesh @/face.obj --across 5 --down 7");
    succeeds("rf-data synth --out @/set --train 12 --val 3 --seed 3 --size 96x96 --min-face 30 --max-face 70 "
             "--max-faces 2 --no-crowds --mesh @/face.obj");
}

static rf_dataset *open_set(void) {
    rf_dataset *set;
    if (rf_dataset_open("label", at("@/set/train/label.txt"), at("@/set/train/images"), NULL, &set) != RF_OK ||
        rf_dataset_read_mesh(set, 35) != RF_OK)
        fail_msg("%s", rf_error_message());
    return set;
}

/* Boxes are those of the vertices, cut to the picture; mirrored vertices are those of the mirrored picture. */
static void vertices_fit_the_boxes(void **state) {
    (void)state;
    write_set();
    rf_dataset *set = open_set();
    rf_mesh mesh;
    assert_int_equal(rf_mesh_read(at("@/set/mesh.obj"), &mesh), RF_OK);
    assert_int_equal(rf_mesh_table_mirror(set->mesh, &mesh, "mesh"), RF_OK);
    size_t flips = 0;
    for (size_t s = 0; s < set->n_samples; s++) {
        const rf_sample *sample = &set->samples[s];
        for (size_t f = sample->first_face; f < sample->first_face + sample->n_faces; f++) {
            const rf_face *face = &set->faces[f];
            assert_true(face->mesh > 0);
            const float *xy = set->mesh->xy + 70 * (face->mesh - 1);
            float box[4] = {1e9f, 1e9f, -1e9f, -1e9f};
            for (int i = 0; i < 70; i++) {
                box[i % 2] = fminf(box[i % 2], xy[i]);
                box[2 + i % 2] = fmaxf(box[2 + i % 2], xy[i]);
            }
            for (int k = 0; k < 4; k++) assert_float_equal(face->box[k], fminf(fmaxf(box[k], 0), 96), 1e-3);
        }
        rf_config config;
        rf_config_defaults(&config);
        config.input.size = 64;
        rf_image image = {0};
        rf_face *faces;
        size_t n;
        rf_placement place;
        const uint8_t fill[3] = {0};
        assert_int_equal(
            rf_sample_augmented(set, s, &config, fill, 1, (uint32_t)s, &image, NULL, NULL, &faces, &n, &place), RF_OK);
        flips += place.mirrored;
        for (size_t f = 0; f < n; f++) {
            float out[2], cut[4] = {1e9f, 1e9f, -1e9f, -1e9f};
            double lean = 0; /* the mesh's first column is the left cheek of the picture in both cases */
            for (size_t i = 0; i < 35; i++) {
                rf_mesh_table_vertex(set->mesh, faces[f].mesh - 1, &place, i, out);
                for (int d = 0; d < 2; d++) {
                    cut[d] = fminf(cut[d], out[d]);
                    cut[2 + d] = fmaxf(cut[2 + d], out[d]);
                }
                lean += (double)out[0] * ((int)(i % 5) - 2);
            }
            assert_true(lean > 0);
            for (int k = 0; k < 4 && !faces[f].ignore; k++)
                if (faces[f].box[k] > 1 && faces[f].box[k] < 63 && faces[f].box[k ^ 2] > 1 && faces[f].box[k ^ 2] < 63)
                    assert_float_equal(faces[f].box[k], cut[k], 0.6);
        }
        rf_free(faces);
        rf_image_free(&image);
    }
    assert_in_range(flips, 1, set->n_samples - 1);
    rf_mesh_free(&mesh);
    rf_dataset_free(set);
}

static void tables_are_checked(void **state) {
    (void)state;
    rf_dataset *set = open_set();
    assert_int_equal(rf_dataset_read_mesh(set, 34), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "35 vertices, expected 34"));
    static float xy[3 * 4] = {1, 2, 3};
    const int32_t line = set->face_lines[0];
    const struct {
        int32_t lines[2];
        float last;
        const char *words;
    } bad[] = {{{line, line}, 0, "two rows are for line"},
               {{0, line}, 0, "lines are counted from 1"},
               {{5000, 5001}, 0, "none of its lines holds a face"},
               {{line, 5000}, NAN, "not finite"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        xy[5] = bad[i].last;
        assert_int_equal(rf_mesh_table_write(at("@/set/train/label.mesh.safetensors"), bad[i].lines, xy, 2, 3), RF_OK);
        assert_int_equal(rf_dataset_read_mesh(set, 0), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), bad[i].words)) fail_msg("%zu: %s", i, rf_error_message());
        assert_int_equal(set->mesh->n_vertices, 35); /* as it was */
    }
    assert_int_equal(remove(at("@/set/train/label.mesh.safetensors")), 0);
    assert_int_equal(rf_dataset_read_mesh(set, 0), RF_ERR_IO);
    rf_dataset_free(set);
}

/* ---- the programs ---- */

static const char *const train = "rf-train @/c.ini --set train.max_steps=%d --out @/%s";

static void trains(const char *out, int steps, const char *more) {
    char command[256];
    snprintf(command, sizeof command, train, steps, out);
    snprintf(command + strlen(command), sizeof command - strlen(command), "%s", more);
    succeeds(command);
}

static void trains_and_resumes(void **state) {
    (void)state;
    write_set();
    char text[1024];
    int n =
        snprintf(text, sizeof text,
                 "[model]\npreset = biubug6\nchannels = 16\nmesh_vertices = 35\nmesh_code = 16\n[input]\nsize = 64\n"
                 "[data]\nroot = %s\nmesh = mesh.obj\n[train]\nbatch = 2\nlog_every = 1\nsave_steps = 1\n[optim]\n"
                 "lr = 0.003\n[schedule]\nwarmup_epochs = 0\nepochs = 2\n[eval]\nmesh = yes\nscore = 0.01\n[loss]\n"
                 "mesh_weight = 0.5\n",
                 at("@/set"));
    assert_int_equal(rf_file_write_atomic(at("@/c.ini"), text, (size_t)n), RF_OK);
    trains("whole", 8, "");
    assert_non_null(strstr(programs_out, " mesh "));
    assert_non_null(strstr(programs_out, "mesh_nme"));
    read_text("@/whole/train.jsonl", programs_out);
    assert_non_null(strstr(programs_out, "\"mesh\":"));
    trains("parts", 5, " --set data.val=");
    trains("parts", 8, " --resume");
    /* the settings differ in max_steps only while the run is under way; the weights must not */
    assert_true(same_bytes("@/whole/last.safetensors", "@/parts/last.safetensors"));
}

static void shows(void **state) {
    (void)state;
    succeeds("rf-detect @/whole/last.safetensors @/set/val/images --mesh --score 0.02 --out @/drawn --json @/m.jsonl");
    read_text("@/m.jsonl", programs_out);
    assert_non_null(strstr(programs_out, "\"mesh\":["));
    succeeds("rf-eval @/whole/last.safetensors --data @/set --score 0 --iou 1");
    assert_non_null(strstr(programs_out, "mesh_nme"));
    /* mirrored passes know left from right by the mesh's symmetry, which is found again through data.mesh */
    succeeds("rf-eval @/whole/last.safetensors --data @/set --flip --score 0 --iou 1");
    assert_non_null(strstr(programs_out, "mesh_nme"));
    refused("rf-eval @/whole/last.safetensors --data @/set --flip --set data.mesh=", "set data.mesh");
    succeeds("rf-export @/whole/last.safetensors --out @/m.onnx");
}

/* Vertices are drawn where there are some. */
static void draws_annotations(void **state) {
    (void)state;
    int differ = 0;
    succeeds("rf-data show @/set/val/label.txt --out @/look");
    assert_int_equal(rename(at("@/set/val/label.mesh.safetensors"), at("@/set/val/away")), 0);
    succeeds("rf-data show @/set/val/label.txt --out @/bare");
    assert_int_equal(rename(at("@/set/val/away"), at("@/set/val/label.mesh.safetensors")), 0);
    for (int i = 0; i < 3; i++) {
        char look[64], bare[64];
        snprintf(look, sizeof look, "@/look/0--Synth_synth_val_%06d.jpg", i);
        snprintf(bare, sizeof bare, "@/bare/0--Synth_synth_val_%06d.jpg", i);
        differ += !same_bytes(look, bare);
    }
    assert_true(differ > 0);
}

static void refusals(void **state) {
    (void)state;
    refused("rf-data mesh @/x.obj --across 4", "even");
    refused("rf-data synth --out @/y --mesh @/c.ini", "no mesh");
    refused("rf-train @/c.ini --out @/z --set data.mesh=", "needs data.mesh");
    refused("rf-train @/c.ini --out @/z --set model.mesh_vertices=36",
            "faces of 35 vertices, expected 36 (model.mesh_vertices)");
    assert_int_equal(remove(at("@/set/train/label.mesh.safetensors")), 0);
    assert_int_equal(run("rf-train @/c.ini --out @/z"), 2);
    assert_non_null(strstr(programs_err, "label.mesh.safetensors"));
}

static int programs_begin(void **state) {
    (void)state;
    programs_set_up();
    return 0;
}

static int programs_end(void **state) {
    (void)state;
    return programs_tear_down();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_obj),
        cmocka_unit_test(colours_of_vertices),
        cmocka_unit_test(mirrors),
        cmocka_unit_test(a_real_mesh),
        cmocka_unit_test(vertices_fit_the_boxes),
        cmocka_unit_test(tables_are_checked),
        cmocka_unit_test(trains_and_resumes),
        cmocka_unit_test(shows),
        cmocka_unit_test(draws_annotations),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, programs_begin, programs_end);
}
