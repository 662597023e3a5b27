/* SPDX-License-Identifier: Apache-2.0 */
/* Wavefront OBJ meshes. */
#include <assert.h>

#include "core/mem.h"
#include "core/mesh.h"
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *copy = harness_copy(data, size);
    rf_mesh mesh;
    harness_begin();
    rf_status status = rf_mesh_parse("fuzz.obj", (const char *)copy, size, &mesh);
    harness_end(status);
    for (size_t i = 0; i < 3 * mesh.n_triangles; i++)
        assert(mesh.triangles[i] >= 0 && (size_t)mesh.triangles[i] < mesh.n_vertices);
    harness_touch(mesh.vertices, 3 * mesh.n_vertices * sizeof *mesh.vertices);
    rf_mesh_free(&mesh);
    rf_free(copy);
    return 0;
}
