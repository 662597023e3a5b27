/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the generated file, which compiles as it stands: `cc -std=c99 -I. -c export/c/retinaface.c`. The exporter
 * puts the text of a file in the place of its line, leaves out the kernels that a network does not use, and writes the
 * constants and tables of the network in the place of constants.c and network.c. */
#include "export/c/retinaface.h"

#include "export/c/constants.c"
#include "export/c/base.c"
#include "export/c/rows.c"
#include "export/c/picture.c"
#include "export/c/choice.c"

#ifdef CLONES
#    define CLONE
#    undef SET
#    define SET(name) wide_##name
#    ifdef __clang__
#        pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#    else
#        pragma GCC push_options
#        pragma GCC target("avx2,fma")
#    endif

#    include "export/c/vectors.c"
#    include "export/c/depthwise.c"
#    include "export/c/conv.c"
#    include "export/c/winograd.c"

#    ifdef __clang__
#        pragma clang attribute pop
#    else
#        pragma GCC pop_options
#    endif
#    undef SET
#    define SET(name) name
#    undef FIRST_SET
#    define FIRST_SET(call)                                                                                            \
        if (state->wide) {                                                                                             \
            wide_##call;                                                                                               \
            return;                                                                                                    \
        }
#    undef CLONE
#endif

#include "export/c/vectors.c"
#include "export/c/depthwise.c"
#include "export/c/conv.c"
#include "export/c/winograd.c"
#include "export/c/max_pool.c"
#include "export/c/upsample_add.c"
#include "export/c/bilinear_add.c"
#include "export/c/add.c"
#include "export/c/maxout.c"
#include "export/c/network.c"
#include "export/c/weights_file.c"
#include "export/c/plan.c"
#include "export/c/faces.c"
#include "export/c/detect.c"
