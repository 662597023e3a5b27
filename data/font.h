/* SPDX-License-Identifier: Apache-2.0 */
/* A 5x7 dot font of our own drawing. */
#ifndef RF_DATA_FONT_H
#define RF_DATA_FONT_H

#include <stdint.h>

enum { RF_FONT_WIDTH = 5, RF_FONT_HEIGHT = 7 };

/* The seven rows of a character, top first; bit 4 is the left dot. Lower-case letters give capitals, unknown characters
 * '?'. */
const uint8_t *rf_font_glyph(char c);

#endif
