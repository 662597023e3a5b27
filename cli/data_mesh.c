/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/args.h"
#include "cli/data_commands.h"
#include "cli/output.h"
#include "cli/say.h"
#include "core/mem.h"
#include "data/synth_mesh.h"

static const char name[] = "rf-data mesh";

int rf_data_mesh(int argc, char **argv) {
    const char *out = NULL;
    long across = 17, down = 21;
    const rf_option options[] = {
        {"across", 0, RF_OPT_INT, &across, "N", "vertices from cheek to cheek, odd (17)", 3, 127},
        {"down", 0, RF_OPT_INT, &down, "N", "vertices from the hairline to the chin (21)", 3, 127},
        {0}};
    const rf_program program = {
        name,
        "write a face mesh",
        "FILE.obj [--across N] [--down N]",
        "  Writes the front of the average head of the synthetic pictures as a Wavefront OBJ file: a small symmetric\n"
        "  mesh for rf-data synth --mesh and data.mesh, for those who have no mesh of their own.",
        options,
        "  rf-data mesh face.obj\n"
        "  rf-data synth --out set --mesh face.obj",
        NULL,
        1,
        1};
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, &out, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (across % 2 == 0) return rf_cli_usage(name, "--across %ld is even: the mesh needs a middle column", across);
    rf_mesh mesh = {0};
    rf_output_file file;
    char *text = NULL;
    rf_status status = rf_output_open("FILE.obj", out, &file);
    if (status == RF_OK) status = rf_synth_mesh_grid((int)across, (int)down, &mesh);
    if (status == RF_OK) status = rf_mesh_text(&mesh, &text);
    if (status == RF_OK) status = rf_output_write(&file, text);
    rf_free(text);
    rf_output_close(&file);
    int at[RF_POINTS];
    rf_synth_mesh_landmarks((int)across, (int)down, at);
    if (status == RF_OK)
        rf_say("%s: %zu vertices, %zu triangles; landmarks: model.mesh_points=%d,%d,%d,%d,%d\n", out, mesh.n_vertices,
               mesh.n_triangles, at[0] + 1, at[1] + 1, at[2] + 1, at[3] + 1, at[4] + 1);
    rf_mesh_free(&mesh);
    return status == RF_OK ? 0 : rf_cli_fail(name, status);
}
