/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the library share: a small model face.safetensors with random weights in the scratch folder, a picture,
 * and calls that fail the cmocka test. */
#ifndef RF_TESTS_LIBRARY_KIT_H
#define RF_TESTS_LIBRARY_KIT_H

#include "rf/detector.h"

#include <stdint.h>

enum { W = 160, H = 120 };
extern unsigned char lib_rgb[H * W * 3];

/* Set-up of a group: scratch folder, model and picture. */
int lib_make(void **state);
/* An error's sentence fails the test. */
void lib_done(int code);
/* An error of this kind, whose sentence holds these words. */
void lib_wrong(int code, int expected, const char *words);
rf_detector_options lib_options(int threads);
rf_detector *lib_open(const char *name, int threads);
/* W x H pixels without padding. */
rf_picture lib_picture(unsigned char *pixels, int format);
/* A number that stands for all bits of a result. */
uint64_t lib_digest(const rf_detection *faces, size_t n);
uint64_t lib_detect(rf_detector *d, const rf_picture *p, size_t *count);
/* A whole file; free it. */
unsigned char *lib_read(const char *path, size_t *size);

#endif
