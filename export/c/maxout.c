/* SPDX-License-Identifier: Apache-2.0 */

/* ---- the largest of the candidates for a logit: all but one of an anchor's are for the same class ---- */

static float largest(const float *x, int count) {
    float most = x[0];
    for (int i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
    return most;
}

static void maxout(struct rf_detector *state, const struct layer *l, int background, int face) {
    struct size size = state->size[l->out];
    for (int y = 0; y < size.h; y++) {
        const float *x = map_row(state, l->in, y, l->cin);
        float *out = map_row(state, l->out, y, l->cout);
        for (int a = 0; a < size.w * l->cout / 2; a++, x += background + face, out += 2) {
            out[0] = largest(x, background);
            out[1] = largest(x + background, face);
        }
    }
}

SPECIALISED void maxout_background(struct rf_detector *state, const struct layer *l) {
    maxout(state, l, 2 * l->cin / l->cout - 1, 1);
}

SPECIALISED void maxout_faces(struct rf_detector *state, const struct layer *l) {
    maxout(state, l, 1, 2 * l->cin / l->cout - 1);
}
