/* SPDX-License-Identifier: Apache-2.0 */
/* The one EXIF field that geometry depends on. */
#ifndef RF_DATA_EXIF_H
#define RF_DATA_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* Orientation 1..8 from the contents of a JPEG APP1 segment ("Exif", two zero bytes, a TIFF header, image file
 * directory 0; EXIF 2.3 sections 4.5 and 4.6, tag 0x0112). 1 when it is absent or anything is malformed. */
int rf_exif_orientation(const uint8_t *app1, size_t bytes);
/* The same of what follows "Exif" and two zeros there, and is all of PNG's eXIf chunk. */
int rf_exif_orientation_of_tiff(const uint8_t *tiff, size_t bytes);

#endif
