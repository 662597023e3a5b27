
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

/* The difference of logits that a score needs whose level has this factor: ln(s / (1 - s)), less a little for rounding.
 */
static float least_margin(float factor) {
    double s = (double)RF_SCORE / (double)factor;
    return s <= 0 ? -HUGE_VALF : s >= 0.999 ? 6.0f : (float)(log(s / (1 - s)) - 1e-3);
}

/* Anchors with at least the score RF_SCORE. The exponential is left to those that may have it. Negative:
 * RF_ERR_NUMBERS. */
static long find_candidates(struct candidate *out) {
    uint32_t anchor = 0;
    long n = 0;
    for (int i = 0; i < LEVELS; i++) {
        const float *logits = state.maps[levels[i].cls];
        struct size size = state.size[levels[i].cls];
        float factor = levels[i].factor, least = least_margin(factor);
        uint32_t end = anchor + (uint32_t)size.h * (uint32_t)size.w * ANCHORS;
        for (; anchor < end; anchor++, logits += 2) {
            float margin = logits[1] - logits[0];
            if (margin < least) continue;
            if (!isfinite(margin)) return RF_ERR_NUMBERS;
            float score = (float)(1 / (1 + exp(-(double)margin))) * factor;
            if (score < RF_SCORE) continue;
            out[n].score = score;
            out[n++].anchor = anchor;
        }
    }
    return n;
}

static float limit(float log_size) {
    const float most = 6.9077553f; /* ln 1000 */
    return log_size > most ? most : log_size < -most ? -most : log_size;
}

/* Into the picture, 0 .. side, or where corners count as pixels 0 .. side - 1. */
static void clip(struct rf_face *face) {
    float right = (float)state.size[0].w - plus_one, bottom = (float)state.size[0].h - plus_one;
    face->x1 = face->x1 < 0 ? 0 : face->x1 > right ? right : face->x1;
    face->x2 = face->x2 < 0 ? 0 : face->x2 > right ? right : face->x2;
    face->y1 = face->y1 < 0 ? 0 : face->y1 > bottom ? bottom : face->y1;
    face->y2 = face->y2 < 0 ? 0 : face->y2 > bottom ? bottom : face->y2;
}

/* 0 when a number is not finite. */
static int decode(struct candidate c, struct rf_face *face) {
    int level = 0;
    size_t a = c.anchor, cells;
    for (;; level++, a -= cells * ANCHORS) {
        cells = (size_t)state.size[levels[level].cls].h * (size_t)state.size[levels[level].cls].w;
        if (a < cells * ANCHORS) break;
    }
    size_t cell = a / ANCHORS, columns = (size_t)state.size[levels[level].cls].w;
    float stride = (float)levels[level].stride;
    float x = anchor_centre[level] + (float)(cell % columns) * stride;
    float y = anchor_centre[level] + (float)(cell / columns) * stride;
    float w = anchor_size[level][a % ANCHORS][0], h = anchor_size[level][a % ANCHORS][1], sum;
    const float *box = state.maps[levels[level].box] + 4 * a;
    float cx = x + box[0] * variance_centre * w, half_w = 0.5f * (w * expf(limit(box[2] * variance_size)) - plus_one);
    float cy = y + box[1] * variance_centre * h, half_h = 0.5f * (h * expf(limit(box[3] * variance_size)) - plus_one);
    memset(face, 0, sizeof *face);
    face->x1 = cx - half_w;
    face->y1 = cy - half_h;
    face->x2 = cx + half_w;
    face->y2 = cy + half_h;
    face->score = c.score;
    sum = face->x1 + face->y1 + face->x2 + face->y2;
    if (levels[level].points >= 0) {
        const float *points = state.maps[levels[level].points] + 10 * a;
        for (int i = 0; i < 5; i++, points += 2) {
            face->points[i][0] = x + points[0] * variance_centre * w;
            face->points[i][1] = y + points[1] * variance_centre * h;
            sum += face->points[i][0] + face->points[i][1];
        }
    }
    if (clips) clip(face);
    return isfinite(sum);
}

/* Intersection over union of two boxes whose corners count as pixels. */
static float overlap(const struct rf_face *a, const struct rf_face *b) {
    float w = (a->x2 < b->x2 ? a->x2 : b->x2) - (a->x1 > b->x1 ? a->x1 : b->x1) + 1;
    float h = (a->y2 < b->y2 ? a->y2 : b->y2) - (a->y1 > b->y1 ? a->y1 : b->y1) + 1;
    if (!(w > 0 && h > 0)) return 0;
    float area_a = (a->x2 - a->x1 + 1) * (a->y2 - a->y1 + 1), area_b = (b->x2 - b->x1 + 1) * (b->y2 - b->y1 + 1);
    return w * h / (area_a + area_b - w * h);
}

/* Non-maximum suppression: by falling score, a face is kept unless it covers a kept one too much. */
static int find_faces(struct rf_face *out, int max) {
    long n = find_candidates(state.candidates);
    int kept = 0;
    if (n < 0) return (int)n;
    sort_candidates(state.candidates, (size_t)n);
    if (n > RF_TOP_K) n = RF_TOP_K;
    if (max > RF_KEEP) max = RF_KEEP;
    for (long i = 0; i < n && kept < max; i++) {
        int k = 0;
        if (!decode(state.candidates[i], &out[kept])) return RF_ERR_NUMBERS;
        while (k < kept && !(overlap(&out[k], &out[kept]) > RF_IOU)) k++;
        if (k == kept) kept++;
    }
    return kept;
}
