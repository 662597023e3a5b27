/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/file.h"
#include "data/dataset.h"

uint32_t rf_dataset_crc(const rf_dataset *dataset) {
    uint32_t crc = 0;
    for (size_t i = 0; i < dataset->n_samples; i++) {
        const rf_sample *sample = &dataset->samples[i];
        crc = rf_crc32(crc, sample->name, strlen(sample->name) + 1);
        for (size_t k = 0; k < sample->n_faces; k++) {
            const rf_face *face = &dataset->faces[sample->first_face + k];
            uint8_t flags[] = {face->n_points > 0, face->ignore, 0};
            for (int p = 0; p < face->n_points; p++) flags[2] ^= (uint8_t)(rf_face_hides(face, p) << p % 8);
            crc = rf_crc32(crc, face->box, sizeof face->box);
            if (face->n_points) crc = rf_crc32(crc, face->points, 2 * (size_t)face->n_points * sizeof *face->points);
            crc = rf_crc32(crc, flags, sizeof flags);
            if (face->label) crc = rf_crc32(crc, &face->label, sizeof face->label); /* of one kind: as ever */
        }
    }
    return crc;
}
