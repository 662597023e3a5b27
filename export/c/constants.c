/* SPDX-License-Identifier: Apache-2.0 */
/* ---- settings: other values can be given to the compiler, for example -DRF_SCORE=0.3f ---- */

#ifndef RF_SCORE
#    define RF_SCORE 0.5f /* lowest score of a face */
#endif
#ifndef RF_IOU
#    define RF_IOU 0.4f /* overlap (intersection over union) with a better face above which one is dropped */
#endif
#ifndef RF_TOP_K
#    define RF_TOP_K 5000 /* so many of the best candidates are looked at */
#endif
#ifndef RF_KEEP
#    define RF_KEEP 5000 /* so many faces are returned at most */
#endif

/* ---- numbers of the network ---- */

#define NETWORK_ID 0x00000000u /* the weight file carries the same */
enum { MAPS = 7, LAYERS = 8, LEVELS = 1, STAGES = 1, ANCHORS = 1, WEIGHTS = 1744 };
enum { CLASSES = 2, BOX_WIDTH = 4, POINTS_WIDTH = 10 }; /* numbers that a head says of an anchor */
enum { ACROSS = 0 };                                    /* 1: objects of different kinds are merged, too */
enum { LIMITED = 1 };                                   /* 0: no activation has an upper limit */
enum { WINOGRAD_CHANNELS = 16 }; /* the largest sum of inputs and outputs of a Winograd convolution */

static const int map_channels[MAPS] = {3, 8, 8, 2, 4, 10, 8};

static const int colour_order[3] = {2, 1, 0}; /* the network's first channel is the picture's colour_order[0] */
static const float colour_mean[3] = {104.0f, 117.0f, 123.0f};
static const float colour_std[3] = {1.0f, 1.0f, 1.0f};
