/* SPDX-License-Identifier: Apache-2.0 */

/* ---- the network ---- */

/* A sample for compiling the other files: a stem, its maxima added to it, the sum doubled, and three heads behind it.
 */
static const struct layer depthwise_layers[] = {
    {NULL, fill_map, NULL, 1, -1, -1, 0, 3, 1, 1, 3, 1, 8, 8, 0.1f, FLT_MAX, 224},
};

/* run, fill, before, in, add, out, channel, kernel, stride, pad, kernel_w, pad_w, cin, cout, slope, most, weights */
static const struct layer layers[LAYERS] = {
    {conv, fill_picture, NULL, 0, -1, 1, 0, 3, 2, 1, 3, 1, 3, 8, 0.1f, FLT_MAX, 0},
    {max_pool, NULL, NULL, 1, -1, 2, 0, 3, 2, 1, 3, 1, 8, 8, 1.0f, FLT_MAX, 0},
    {upsample_add, NULL, NULL, 1, 2, 1, 0, 1, 1, 0, 1, 0, 8, 8, 1.0f, FLT_MAX, 0},
    {add_maps, NULL, NULL, 1, 1, 6, 0, 1, 1, 0, 1, 0, 8, 8, 1.0f, FLT_MAX, 0},
    {winograd, fill_map, NULL, 6, -1, 2, 0, 3, 1, 1, 3, 1, 8, 8, 0.1f, FLT_MAX, 592},
    {conv, NULL, NULL, 2, -1, 3, 0, 1, 1, 0, 1, 0, 8, 2, 1.0f, FLT_MAX, 304},
    {conv, fill_depthwise, &depthwise_layers[0], 1, -1, 4, 0, 1, 1, 0, 1, 0, 8, 4, 1.0f, FLT_MAX, 376},
    {conv, NULL, NULL, 1, -1, 5, 0, 1, 1, 0, 1, 0, 8, 10, 1.0f, FLT_MAX, 448},
};

static void decode0(const float anchor[4], const struct said *said, float *box, float *points) {
    const float *v0 = anchor;
    const float *v1 = said[0].box;
    const float *v2 = said[0].points;
    for (int i = 0; i < 4; i++) box[i] = v0[i] + v1[i];
    memcpy(points, v2, POINTS_WIDTH * sizeof(float));
}

/* Boxes are relative to anchors: in every cell of a level, of these widths and heights in pixels. */
static const struct level levels[LEVELS] = {{2, 0, {{3, 4, 5}}, 1.0f, decode0}};
static const float anchor_size[LEVELS][ANCHORS][2] = {{{16.0f, 16.0f}}};
static const float anchor_centre[LEVELS] = {1.0f}; /* of the first cell */
static const float plus_one = 0.0f;                /* 1: a box of width 1 has x2 = x1 */
static const int clips = 0;                        /* 1: corners are moved into the picture */
static const float drop_below = -FLT_MAX; /* logit under which a stage of heads drops an anchor for later ones */
