/* SPDX-License-Identifier: Apache-2.0 */
/* What every public function does around its work: the caller's thread keeps its locale, its pool and its memory. */
#ifndef RF_LIB_CALL_H
#define RF_LIB_CALL_H

#include <locale.h>
#include <stdbool.h>

#include "core/heap.h"
#include "core/parallel.h"
#include "core/status.h"
#include "data/image.h"
#include "rf/image.h"

typedef struct rf_lib_call {
    locale_t locale;
    rf_pool *pool;
    rf_heap *heap;
    bool alone;
} rf_lib_call;

/* Loops run in `pool`, NULL: in the calling thread alone. Numbers are read and written as in C. heap may be NULL. */
rf_lib_call rf_lib_enter(rf_pool *pool, rf_heap *heap);
/* Undoes that, and gives the public code of a status. */
int rf_lib_leave(const rf_lib_call *before, rf_status status);

/* RF_ERR_USER in a sentence when a picture's pointers, sizes, stride or format cannot be. */
rf_status rf_lib_check_picture(const rf_picture *picture);
/* The picture as RGB without padding: *out is its own pixels where they are that, else `copy`, which is renewed. */
rf_status rf_lib_view_picture(const rf_picture *picture, rf_image *copy, rf_image *out);

#endif
