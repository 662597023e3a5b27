/* SPDX-License-Identifier: Apache-2.0 */

/* ---- what the header declares ---- */

static int size_allowed(int width, int height) {
    return width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE;
}

size_t rf_memory(int max_width, int max_height) {
    if (!size_allowed(max_width, max_height)) return 0;
    struct plan plan = make_plan(max_width, max_height);
    return plan.bytes <= SIZE_MAX / 2 ? (size_t)plan.bytes : 0;
}

int rf_init(const char *weights, int max_width, int max_height) {
    rf_free();
    if (!size_allowed(max_width, max_height)) return RF_ERR_SIZE;
    struct plan plan = make_plan(max_width, max_height);
    void *block = plan.bytes <= SIZE_MAX / 2 ? malloc((size_t)plan.bytes) : NULL;
    if (!block) return RF_ERR_MEMORY;
    int status = load_weights(weights, place_all(&plan, block));
    if (status != 0) {
        rf_free();
        return status;
    }
    state.wide = has_wide_vectors();
    state.max_width = max_width;
    state.max_height = max_height;
    return 0;
}

int rf_detect(const uint8_t *rgb, int width, int height, struct rf_face *out, int max) {
    if (!state.block) return RF_ERR_STATE;
    if (width < 1 || height < 1 || width > state.max_width || height > state.max_height) return RF_ERR_SIZE;
    state.picture = rgb;
    set_sizes(width, height);
    for (int i = 0; i < LAYERS; i++) layers[i].run(&layers[i]);
    return find_faces(out, max);
}

void rf_free(void) {
    free(state.block);
    memset(&state, 0, sizeof state);
}
