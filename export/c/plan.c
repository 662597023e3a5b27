/* SPDX-License-Identifier: Apache-2.0 */

/* ---- memory ---- */

/* Where everything lies in the block, in floats. */
struct plan {
    uint64_t at[MAPS], maps, rows, before, scratch, candidates, bytes;
};

static void set_sizes(struct rf_detector *state, int width, int height) {
    struct size picture = {height, width};
    state->size[0] = picture;
    for (int i = 0; i < LAYERS; i++)
        state->size[layers[i].out] = output_size(&layers[i], input_size(state, &layers[i]));
}

/* Rows and columns of cells. */
static struct size level_size(struct rf_detector *state, const struct level *l) {
    return state->size[l->stages[l->judge].cls];
}

static void live(int map, int step, int first[MAPS], int last[MAPS]) {
    if (map < 0) return;
    if (step < first[map]) first[map] = step;
    if (step > last[map]) last[map] = step;
}

/* The steps at which a map is written first and read last. */
static void find_lives(int first[MAPS], int last[MAPS]) {
    for (int m = 0; m < MAPS; m++) {
        first[m] = LAYERS;
        last[m] = -1;
    }
    for (int i = 0; i < LAYERS; i++) {
        live(layers[i].before ? layers[i].before->in : layers[i].in, i, first, last);
        live(layers[i].add, i, first, last);
        live(layers[i].out, i, first, last);
    }
    for (int i = 0; i < LEVELS; i++) {
        for (int k = 0; k < STAGES; k++) {
            live(levels[i].stages[k].cls, LAYERS, first, last);
            live(levels[i].stages[k].box, LAYERS, first, last);
            live(levels[i].stages[k].points, LAYERS, first, last);
        }
    }
}

static uint64_t map_floats(struct rf_detector *state, int map) {
    uint64_t n = (uint64_t)state->size[map].h * (uint64_t)state->size[map].w * (uint64_t)map_channels[map];
    return (n + 15) / 16 * 16;
}

/* Largest maps first, each at the lowest place where no map lies that is needed at the same time. */
static void place_maps(struct rf_detector *state, struct plan *p) {
    int first[MAPS], last[MAPS], placed[MAPS], n = 0;
    find_lives(first, last);
    for (int i = 0; i < MAPS; i++) placed[i] = i == 0; /* the picture has no place */
    for (; n < MAPS - 1; n++) {
        int map = 0;
        for (int m = 1; m < MAPS; m++)
            if (!placed[m] && (map == 0 || map_floats(state, m) > map_floats(state, map))) map = m;
        uint64_t at = 0, end = map_floats(state, map);
        for (int m = 1; m < MAPS; m++) {
            if (placed[m] != 1 || first[m] > last[map] || last[m] < first[map]) continue;
            if (p->at[m] >= end || p->at[m] + map_floats(state, m) <= at) continue;
            at = p->at[m] + map_floats(state, m);
            end = at + map_floats(state, map);
            m = 0; /* from the start again */
        }
        p->at[map] = at;
        placed[map] = 1;
        if (end > p->maps) p->maps = end;
    }
}

static void widen(uint64_t *floats, const struct layer *l, struct size in) {
    uint64_t need = ((uint64_t)(l->kernel + 1) * ring_length(l, in, 1) + 15) / 16 * 16;
    if (need > *floats) *floats = need;
}

static struct plan make_plan(struct rf_detector *state, int width, int height) {
    struct plan p;
    memset(&p, 0, sizeof p);
    set_sizes(state, width, height);
    place_maps(state, &p);
    for (int i = 0; i < LAYERS; i++) {
        if (layers[i].fill) widen(&p.rows, &layers[i], input_size(state, &layers[i]));
        if (layers[i].before) widen(&p.before, layers[i].before, state->size[layers[i].before->in]);
    }
    for (int i = 0; i < LEVELS; i++) {
        struct size size = level_size(state, &levels[i]);
        p.candidates += (uint64_t)size.h * (uint64_t)size.w * ANCHORS;
    }
    p.scratch = 16 * WINOGRAD_TILES * WINOGRAD_CHANNELS;
    p.bytes = (STORED_WEIGHTS + 15 + p.maps + p.rows + p.before + p.scratch) * sizeof(float) +
              p.candidates * sizeof(struct candidate) + 63;
    return p;
}

/* Returns the place of the weights. */
static float *place_all(struct rf_detector *state, const struct plan *p, void *block) {
    char *aligned = (char *)block + (64 - (uintptr_t)block % 64) % 64;
    float *next = (float *)(void *)aligned + (STORED_WEIGHTS + 15) / 16 * 16;
    for (int m = 1; m < MAPS; m++) state->maps[m] = next + p->at[m];
    next += p->maps;
    state->rows.memory = next;
    state->before.memory = next + p->rows;
    state->scratch = next + p->rows + p->before;
    state->candidates = (struct candidate *)(void *)(state->scratch + p->scratch);
    return (float *)(void *)aligned;
}
