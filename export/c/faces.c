/* SPDX-License-Identifier: Apache-2.0 */

/* ---- from maps to faces ---- */

/* Equal scores: the anchor that comes first. */
static int better(struct candidate a, struct candidate b) {
    return a.score > b.score || (a.score == b.score && a.anchor < b.anchor);
}

/* Moves the candidate at `root` down a heap with the worst on top. */
static void sift(struct candidate *heap, size_t root, size_t n) {
    struct candidate moved = heap[root];
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && better(heap[child], heap[child + 1])) child++;
        if (!better(moved, heap[child])) break;
        heap[root] = heap[child];
    }
    heap[root] = moved;
}

/* Heap sort, best first: no memory of its own. */
static void sort_candidates(struct candidate *c, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sift(c, i, n);
    for (size_t end = n; end-- > 1;) {
        struct candidate worst = c[0];
        c[0] = c[end];
        c[end] = worst;
        sift(c, 0, end);
    }
}

/* Of a face, less that of background. */
static float logit(struct rf_detector *state, int map, uint32_t anchor) {
    const float *logits = state->maps[map] + CLASSES * (size_t)anchor;
    return logits[1] - logits[0];
}

/* The place of the kind that the logits of an anchor speak for; background comes first. */
static int best_kind(const float *logits) {
    int best = 1;
    for (int k = 2; k < CLASSES; k++) best = logits[k] > logits[best] ? k : best;
    return best;
}

/* Soft-max. */
static double probability(const float *logits, int kind) {
    double others = 0;
    for (int k = 0; k < CLASSES; k++)
        if (k != kind) others += exp((double)(logits[k] - logits[kind]));
    return 1 / (1 + others);
}

/* Whether an earlier stage of heads is so sure of background that the later ones do not count. */
static int dropped(struct rf_detector *state, const struct level *l, uint32_t anchor) {
    for (int k = 0; k < l->judge; k++)
        if (l->stages[k].cls >= 0 && logit(state, l->stages[k].cls, anchor) < drop_below) return 1;
    return 0;
}

/* The difference of logits to background that a score needs whose level has this factor: ln(s / (1 - s)), less a little
 * for rounding.
 */
static float least_margin(float factor) {
    double s = (double)RF_SCORE / (double)factor;
    return s <= 0 ? -HUGE_VALF : s >= 0.999 ? 6.0f : (float)(log(s / (1 - s)) - 1e-3);
}

/* Anchors with at least the score RF_SCORE. The exponential is left to those that may have it. Negative:
 * RF_ERR_NUMBERS. */
static long find_candidates(struct rf_detector *state, struct candidate *out) {
    uint32_t first = 0;
    long n = 0;
    for (int i = 0; i < LEVELS; i++) {
        int map = levels[i].stages[levels[i].judge].cls;
        struct size size = level_size(state, &levels[i]);
        float factor = levels[i].factor, least = least_margin(factor);
        uint32_t anchors = (uint32_t)size.h * (uint32_t)size.w * ANCHORS;
        for (uint32_t a = 0; a < anchors; a++) {
            const float *logits = state->maps[map] + CLASSES * (size_t)a;
            int kind = best_kind(logits);
            float margin = logits[kind] - logits[0], score;
            if (margin < least) continue;
            score = (float)probability(logits, kind) * factor;
            if (!isfinite(margin) || !isfinite(score)) return RF_ERR_NUMBERS;
            if (score < RF_SCORE || dropped(state, &levels[i], a)) continue;
            out[n].score = score;
            out[n++].anchor = first + a;
        }
        first += anchors;
    }
    return n;
}

/* Into the picture, 0 .. side, or where corners count as pixels 0 .. side - 1. */
static void clip(struct rf_detector *state, struct rf_face *face) {
    float right = (float)state->size[0].w - plus_one, bottom = (float)state->size[0].h - plus_one;
    face->x1 = face->x1 < 0 ? 0 : face->x1 > right ? right : face->x1;
    face->x2 = face->x2 < 0 ? 0 : face->x2 > right ? right : face->x2;
    face->y1 = face->y1 < 0 ? 0 : face->y1 > bottom ? bottom : face->y1;
    face->y2 = face->y2 < 0 ? 0 : face->y2 > bottom ? bottom : face->y2;
}

/* Anchor a of a level. 0 when a number is not finite. */
static int decode_at(struct rf_detector *state, int level, size_t a, struct rf_face *face) {
    const struct level *l = &levels[level];
    size_t cell = a / ANCHORS, columns = (size_t)level_size(state, l).w;
    float stride = (float)l->stride, box[4], sum = 0;
    const float anchor[4] = {anchor_centre[level] + (float)(cell % columns) * stride,
                             anchor_centre[level] + (float)(cell / columns) * stride,
                             anchor_size[level][a % ANCHORS][0], anchor_size[level][a % ANCHORS][1]};
    struct said said[STAGES];
    for (int k = 0; k < STAGES; k++) {
        const struct stage *s = &l->stages[k];
        said[k].box = s->box >= 0 ? state->maps[s->box] + BOX_WIDTH * a : NULL;
        said[k].points = s->points >= 0 ? state->maps[s->points] + POINTS_WIDTH * a : NULL;
    }
    l->decode(anchor, said, box, face->points[0]);
    face->label = best_kind(state->maps[l->stages[l->judge].cls] + CLASSES * a) - 1;
    face->x1 = box[0];
    face->y1 = box[1];
    face->x2 = box[2];
    face->y2 = box[3];
    for (int i = 0; i < 4; i++) sum += box[i];
    for (int i = 0; i < RF_POINTS; i++) sum += face->points[i][0] + face->points[i][1];
    if (clips) clip(state, face);
    return isfinite(sum);
}

static int decode(struct rf_detector *state, struct candidate c, struct rf_face *face) {
    int level = 0;
    size_t a = c.anchor;
    memset(face, 0, sizeof *face);
    face->score = c.score;
    for (;; level++) {
        struct size size = level_size(state, &levels[level]);
        size_t anchors = (size_t)size.h * (size_t)size.w * ANCHORS;
        if (a < anchors) break;
        a -= anchors;
    }
    return decode_at(state, level, a, face);
}

/* Intersection over union of two boxes whose corners count as pixels. */
static float overlap(const struct rf_face *a, const struct rf_face *b) {
    float w = (a->x2 < b->x2 ? a->x2 : b->x2) - (a->x1 > b->x1 ? a->x1 : b->x1) + 1;
    float h = (a->y2 < b->y2 ? a->y2 : b->y2) - (a->y1 > b->y1 ? a->y1 : b->y1) + 1;
    if (!(w > 0 && h > 0)) return 0;
    float area_a = (a->x2 - a->x1 + 1) * (a->y2 - a->y1 + 1), area_b = (b->x2 - b->x1 + 1) * (b->y2 - b->y1 + 1);
    return w * h / (area_a + area_b - w * h);
}

/* Whether two can be one: of one kind, unless kinds are merged with each other. */
static int meet(const struct rf_face *a, const struct rf_face *b) {
    return ACROSS || a->label == b->label;
}

/* Non-maximum suppression: by falling score, a face is kept unless it covers a kept one too much. */
static int find_faces(struct rf_detector *state, struct rf_face *out, int max) {
    long n = find_candidates(state, state->candidates);
    int kept = 0;
    if (n < 0) return (int)n;
    sort_candidates(state->candidates, (size_t)n);
    if (n > RF_TOP_K) n = RF_TOP_K;
    if (max > RF_KEEP) max = RF_KEEP;
    for (long i = 0; i < n && kept < max; i++) {
        int k = 0;
        if (!decode(state, state->candidates[i], &out[kept])) return RF_ERR_NUMBERS;
        while (k < kept && !(meet(&out[k], &out[kept]) && overlap(&out[k], &out[kept]) > RF_IOU)) k++;
        if (k == kept) kept++;
    }
    return kept;
}
