/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/sampler.h"

#include <string.h>

#include "core/rng.h"
#include "detect/spec.h"

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

static size_t classes_of(const rf_sample_image *image) {
    return image->classes ? (size_t)image->classes : 2;
}

/* How much n logits speak for an object. */
static rf_real difference_of(const rf_real *z, size_t n) {
    rf_real most = z[1];
    for (size_t k = 2; k < n; k++)
        if (z[k] > most) most = z[k];
    return most - z[0];
}

/* Higher goes first; the anchor's number makes all keys different. */
static uint64_t key_of(const rf_sample_image *image, rf_sample_rank rank, uint64_t seed, size_t a) {
    uint64_t low = 0xffffffffu - (uint32_t)a;
    size_t n = classes_of(image);
    float difference = (float)difference_of(image->logits + n * a, n);
    if (rank == RF_RANK_LOT) {
        rf_rng rng = rf_rng_make(seed, 0, a, RF_STREAM_MINING);
        return (uint64_t)rf_rng_u32(&rng) << 32 | low;
    }
    return (uint64_t)ordered_bits(rank == RF_RANK_LOW ? -difference : difference) << 32 | low;
}

size_t rf_mine_keep(const rf_sample_image *image, size_t begin, size_t end, int8_t label, rf_sample_rank rank,
                    uint64_t seed, size_t keep) {
    size_t n = 0;
    for (size_t a = begin; a < end; a++)
        if (image->label[a] == label) image->keys[n++] = key_of(image, rank, seed, a);
    if (keep >= n) return n;
    uint64_t threshold = keep > 0 ? kth_largest(image->keys, n, keep) : UINT64_MAX;
    for (size_t a = begin; a < end; a++)
        if (image->label[a] == label && (keep == 0 || key_of(image, rank, seed, a) < threshold)) image->label[a] = -1;
    return keep;
}

/* max(min_negatives, negative_ratio x positives), and no more than `most`, which bounds the number that is made of it.
 */
static size_t wanted_negatives(const rf_sample_spec *spec, size_t n_positive, size_t most) {
    double wanted = spec->negative_ratio * (double)n_positive;
    size_t keep = wanted >= (double)most ? most : (size_t)wanted;
    return keep < spec->min_negatives ? spec->min_negatives : keep;
}

size_t rf_mine_negatives(const rf_sample_spec *spec, const rf_real *logits, size_t n_anchors, size_t n_positive,
                         int8_t *label, uint64_t *keys) {
    rf_sample_image image = {.logits = logits, .label = label, .n_positive = n_positive, .keys = keys};
    return rf_mine_keep(&image, 0, n_anchors, 0, RF_RANK_HIGH, 0, wanted_negatives(spec, n_positive, n_anchors));
}

void rf_mine_ratio(const rf_sample_spec *spec, const rf_sample_image *image) {
    size_t n = image->first[image->n_levels];
    rf_mine_keep(image, 0, n, 0, RF_RANK_HIGH, 0, wanted_negatives(spec, image->n_positive, n));
}

/* ---- by level ---- */

/* A number that is another one after every update of the weights. */
static uint64_t seed_of(const rf_sample_spec *spec, const rf_sample_image *image, size_t begin, size_t end) {
    uint64_t sum = spec->seed ^ 0xcbf29ce484222325u;
    for (size_t a = begin; a < end && a < begin + 64; a++) {
        float logit = (float)image->logits[classes_of(image) * a];
        sum = (sum ^ ordered_bits(logit)) * 0x100000001b3u;
    }
    return sum;
}

static void mine_levels(const rf_sample_spec *spec, const rf_sample_image *image, bool by_lot, bool by_ratio) {
    for (int l = 0; l < image->n_levels; l++) {
        size_t begin = image->first[l], end = image->first[l + 1];
        uint64_t seed = by_lot ? seed_of(spec, image, begin, end) : 0;
        size_t positives =
            rf_mine_keep(image, begin, end, 1, by_lot ? RF_RANK_LOT : RF_RANK_LOW, seed, spec->positives);
        size_t rest = spec->total > positives ? spec->total - positives : 0;
        if (by_ratio) rest = wanted_negatives(spec, positives, end - begin);
        rf_mine_keep(image, begin, end, 0, by_lot ? RF_RANK_LOT : RF_RANK_HIGH, seed, rest);
    }
}

void rf_mine_level_hard(const rf_sample_spec *spec, const rf_sample_image *image) {
    mine_levels(spec, image, false, false);
}

void rf_mine_level_ratio(const rf_sample_spec *spec, const rf_sample_image *image) {
    mine_levels(spec, image, false, true);
}

void rf_mine_level_random(const rf_sample_spec *spec, const rf_sample_image *image) {
    mine_levels(spec, image, true, false);
}

/* ---- without mining ---- */

void rf_sample_all(const rf_sample_spec *spec, const rf_sample_image *image) {
    (void)spec;
    (void)image;
}

void rf_sample_unsure(const rf_sample_spec *spec, const rf_sample_image *image) {
    size_t n = classes_of(image);
    for (int l = 0; l < image->n_levels; l++) {
        const rf_real *logits = image->before[l];
        int8_t *label = image->label + image->first[l];
        for (size_t a = 0; logits && a < image->first[l + 1] - image->first[l]; a++)
            if (label[a] == 0 && difference_of(logits + n * a, n) < (rf_real)spec->drop_below) label[a] = -1;
    }
}

/* ---- the registry ---- */

static const void *const samplers[] = {
#define RF_SAMPLER(id, function, ...) &(const rf_sampler){.name = #id, .run = function, __VA_ARGS__},
#include "detect/samplers.def"
#undef RF_SAMPLER
};

RF_REGISTRY_DEFINE(sampler, rf_sampler, samplers, e->run && e->doc, .what = "sampler")

rf_sample_spec rf_sample_spec_of(const rf_config *config) {
    return (rf_sample_spec){.negative_ratio = config->loss.negative_ratio,
                            .min_negatives = (size_t)config->loss.min_negatives,
                            .total = (size_t)config->loss.mining_total,
                            .positives = (size_t)config->loss.mining_positives,
                            .drop_below = rf_detect_drop_below(config),
                            .seed = (uint64_t)config->train.seed};
}
