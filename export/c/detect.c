/* SPDX-License-Identifier: Apache-2.0 */

/* ---- what the header declares ---- */

/* The detector lies at the start of its block; what follows begins with a cache line. */
#define DETECTOR_BYTES ((sizeof(struct rf_detector) + 63) / 64 * 64)

#ifdef RF_NO_MALLOC
static void *new_block(size_t bytes) {
    (void)bytes;
    return NULL;
}

static void free_block(void *block) {
    (void)block;
}
#else
static void *new_block(size_t bytes) {
    return malloc(bytes);
}

static void free_block(void *block) {
    free(block);
}
#endif

static int size_allowed(int width, int height) {
    return width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE;
}

size_t rf_memory(int max_width, int max_height) {
    struct rf_detector counted;
    if (!size_allowed(max_width, max_height)) return 0;
    memset(&counted, 0, sizeof counted);
    struct plan plan = make_plan(&counted, max_width, max_height);
    return plan.bytes <= SIZE_MAX / 2 ? (size_t)plan.bytes + DETECTOR_BYTES : 0;
}

int rf_open(const char *weights, int max_width, int max_height, void *memory, struct rf_detector **out) {
    *out = NULL;
    if (!size_allowed(max_width, max_height)) return RF_ERR_SIZE;
    size_t bytes = rf_memory(max_width, max_height);
    char *block = memory ? memory : bytes ? new_block(bytes) : NULL;
    if (!bytes || !block) return RF_ERR_MEMORY;
    char *aligned = block + (64 - (uintptr_t)block % 64) % 64;
    struct rf_detector *state = (struct rf_detector *)(void *)aligned;
    memset(state, 0, sizeof *state);
    struct plan plan = make_plan(state, max_width, max_height);
    int status = load_weights(state, weights, place_all(state, &plan, aligned + DETECTOR_BYTES));
    if (status != 0) {
        if (!memory) free_block(block);
        return status;
    }
    state->block = memory ? NULL : block;
    state->wide = has_wide_vectors();
    state->max_width = max_width;
    state->max_height = max_height;
    *out = state;
    return 0;
}

int rf_detect(struct rf_detector *state, const uint8_t *rgb, int width, int height, struct rf_face *out, int max) {
    if (!state) return RF_ERR_STATE;
    if (width < 1 || height < 1 || width > state->max_width || height > state->max_height) return RF_ERR_SIZE;
    state->picture = rgb;
    set_sizes(state, width, height);
    for (int i = 0; i < LAYERS; i++) layers[i].run(state, &layers[i]);
    return find_faces(state, out, max);
}

void rf_close(struct rf_detector *state) {
    if (state) free_block(state->block);
}
