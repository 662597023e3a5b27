#include "train/mining.h"

#include <string.h>

/* An order-preserving map from float to unsigned (IEEE 754), NaN aside: a NaN loss is caught after the step. */
static uint32_t ordered_bits(float value) {
    uint32_t bits;
    value += 0.0f; /* -0 becomes 0, its equal */
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* The k-th largest key (k >= 1): Hoare's selection with the median of three; keys are all different. */
static uint64_t kth_largest(uint64_t *keys, size_t n, size_t k) {
    size_t lo = 0, hi = n - 1, at = k - 1;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        uint64_t a = keys[lo], b = keys[mid], c = keys[hi];
        uint64_t pivot = a > b ? (b > c ? b : a > c ? c : a) : (a > c ? a : b > c ? c : b);
        size_t i = lo, j = hi;
        for (;;) {
            while (keys[i] > pivot) i++;
            while (keys[j] < pivot) j--;
            if (i >= j) break;
            uint64_t t = keys[i];
            keys[i++] = keys[j];
            keys[j--] = t;
        }
        /* keys[lo..j] >= pivot >= keys[j+1..hi] */
        if (at <= j)
            hi = j;
        else
            lo = j + 1;
    }
    return keys[at];
}

size_t rf_mine_negatives(const rf_mining_spec *spec, const rf_real *logits, size_t n_anchors, size_t n_positive,
                         int8_t *label, uint64_t *keys) {
    size_t n = 0;
    for (size_t a = 0; a < n_anchors; a++) {
        if (label[a] != 0) continue;
        float hardness = (float)(logits[2 * a + 1] - logits[2 * a]);
        keys[n++] = (uint64_t)ordered_bits(hardness) << 32 | (0xffffffffu - (uint32_t)a);
    }
    double wanted = spec->negative_ratio * (double)n_positive;
    size_t keep = wanted >= (double)n ? n : (size_t)wanted;
    if (keep < spec->min_negatives) keep = spec->min_negatives;
    if (keep >= n) return n;
    if (keep == 0) {
        for (size_t a = 0; a < n_anchors; a++)
            if (label[a] == 0) label[a] = -1;
        return 0;
    }
    uint64_t threshold = kth_largest(keys, n, keep);
    for (size_t a = 0; a < n_anchors; a++) {
        if (label[a] != 0) continue;
        float hardness = (float)(logits[2 * a + 1] - logits[2 * a]);
        uint64_t key = (uint64_t)ordered_bits(hardness) << 32 | (0xffffffffu - (uint32_t)a);
        if (key < threshold) label[a] = -1;
    }
    return keep;
}
