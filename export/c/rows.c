/* SPDX-License-Identifier: Apache-2.0 */
/* ---- rows of input ---- */

static struct size output_size(const struct layer *l, struct size in) {
    struct size out = {(in.h + 2 * l->pad - l->kernel) / l->stride + 1,
                       (in.w + 2 * l->pad_w - l->kernel_w) / l->stride + 1};
    return out;
}

/* What the layer's own kernel sees. */
static struct size input_size(struct rf_detector *state, const struct layer *l) {
    return l->before ? output_size(l->before, state->size[l->before->in]) : state->size[l->in];
}

static float *map_row(struct rf_detector *state, int map, int y, int channels) {
    return state->maps[map] + (size_t)y * (size_t)state->size[map].w * (size_t)channels;
}

/* Floats of a row with its border and `spare` more pixels. */
static size_t ring_length(const struct layer *l, struct size in, int spare) {
    return (size_t)(in.w + 2 * l->pad_w + spare) * (size_t)l->cin;
}

/* For kernel + spare rows. */
static void start_ring(struct ring *ring, const struct layer *l, struct size in, int spare) {
    ring->length = ring_length(l, in, spare);
    ring->slots = l->kernel + spare;
    ring->next = -l->pad;
    memset(ring->memory, 0, (size_t)ring->slots * ring->length * sizeof *ring->memory);
}

static float *ring_row(const struct ring *ring, const struct layer *l, int y) {
    return ring->memory + (size_t)((y + l->pad) % ring->slots) * ring->length;
}

/* Makes the rows up to `last`; those outside the map are zero. */
static void ring_reach(struct rf_detector *state, struct ring *ring, const struct layer *l, struct size in, int last) {
    for (; ring->next <= last; ring->next++) {
        float *line = ring_row(ring, l, ring->next) + l->pad_w * l->cin;
        if (ring->next < 0 || ring->next >= in.h)
            memset(line, 0, (size_t)in.w * (size_t)l->cin * sizeof *line);
        else
            l->fill(state, l, ring->next, line);
    }
}

static void fill_map(struct rf_detector *state, const struct layer *l, int y, float *line) {
    memcpy(line, map_row(state, l->in, y, l->cin), (size_t)state->size[l->in].w * (size_t)l->cin * sizeof *line);
}
