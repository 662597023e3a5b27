/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sample.h"

#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/augment.h"

static const size_t max_file_bytes = (size_t)1 << 30;

rf_decode_options rf_sample_options(const rf_dataset *dataset) {
    return (rf_decode_options){.apply_exif = dataset->turned};
}

rf_status rf_sample_load(const rf_dataset *dataset, size_t index, rf_image *image, const rf_face **faces,
                         size_t *n_faces) {
    const rf_sample *sample = &dataset->samples[index];
    rf_decode_options options = rf_sample_options(dataset);
    RF_TRY(rf_image_load(sample->path, &options, image));
    *faces = dataset->faces + sample->first_face;
    *n_faces = sample->n_faces;
    return RF_OK;
}

/* Plans from the header's size, then decodes no finer than the plan needs; `decoded` is memory for it. */
static rf_status prepare(const uint8_t *data, size_t bytes, const char *path, rf_decode_options options,
                         const rf_config *config, rf_rng *rng, rf_image *decoded, rf_picture *picture) {
    rf_image_info info = {0};
    RF_TRY(rf_image_probe_bytes(data, bytes, path, &options, &info));
    picture->width = info.width;
    picture->height = info.height;
    rf_augment_plan(config, rng, picture);
    picture->denom = info.jpeg ? rf_augment_denom(config, picture) : 1;
    options.scale_denom = picture->denom;
    options.recycle = decoded;
    RF_TRY(rf_image_decode(data, bytes, path, &options, &picture->image));
    return rf_augment_apply(config, picture);
}

rf_status rf_sample_augmented(const rf_dataset *dataset, size_t index, const rf_config *config, const uint8_t fill[3],
                              uint64_t seed, uint32_t epoch, rf_image *image, rf_image *spare, rf_tint *tint,
                              rf_face **faces, size_t *n_faces, rf_placement *placement) {
    const rf_sample *sample = &dataset->samples[index];
    rf_rng rng = rf_rng_make(seed, epoch, index, RF_STREAM_AUGMENT);
    rf_picture picture = {.n_faces = sample->n_faces, .spare = *image};
    rf_image decoded = {0}, no_spare = {0};
    uint8_t *data = NULL;
    size_t bytes = 0;
    rf_status status = RF_OK;
    if (!spare) spare = &no_spare;
    decoded = *spare;
    *image = *spare = (rf_image){0};
    memcpy(picture.fill, fill, sizeof picture.fill);
    picture.faces =
        rf_faces_copy(sample->n_faces ? dataset->faces + sample->first_face : NULL, sample->n_faces, NULL, 0);
    RF_TRY_GOTO(picture.faces ? RF_OK : RF_ERR_NOMEM);
    RF_TRY_GOTO(rf_file_read(sample->path, max_file_bytes, &data, &bytes));
    RF_TRY_GOTO(prepare(data, bytes, sample->path, rf_sample_options(dataset), config, &rng, &decoded, &picture));
    rf_free(data);
    *image = picture.image;
    *spare = picture.spare;
    if (tint) *tint = picture.tint;
    rf_image_free(&no_spare);
    *faces = picture.faces;
    *n_faces = picture.n_faces;
    if (placement) *placement = picture.placement;
    return RF_OK;
fail:
    rf_free(data);
    rf_image_free(&decoded);
    rf_image_free(&picture.image);
    rf_image_free(&picture.spare);
    rf_free(picture.faces);
    return status;
}
