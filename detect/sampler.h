/* SPDX-License-Identifier: Apache-2.0 */
/* Samplers: which of the matched anchors of an image train classification. Online hard-example mining (Shrivastava et
 * al. 2016; SSD's and RetinaFace's form, and insightface's) keeps only those with the largest loss; others keep all. */
#ifndef RF_DETECT_SAMPLER_H
#define RF_DETECT_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/real.h"
#include "core/registry.h"
#include "settings/settings.h"
#include "detect/anchors.h"

typedef struct rf_sample_spec {
    double negative_ratio;   /* kept negatives for each positive */
    size_t min_negatives;    /* at least so many, also without a positive */
    size_t total, positives; /* kinds by level: anchors kept, and positives among them at most */
    float drop_below;        /* logit of face under which a step is sure of a negative (cascade.drop) */
    uint64_t seed;           /* of lots */
} rf_sample_spec;

rf_sample_spec rf_sample_spec_of(const rf_config *config);

/* What a kind works on: the anchors of one image. label [A]: 1, 0, -1 as matching gives it; what is not kept becomes
 * -1. logits [A,classes] background, face: since CE = log(1 + exp(face - background)) of a negative rises with the
 * difference, the difference ranks; equal ones: lower anchor first. Of several kinds of objects the largest logit is
 * the face's. Order of work and result depend on the input only. */
typedef struct rf_sample_image {
    int n_levels;
    size_t first[RF_MAX_LEVELS + 1]; /* anchor where a level begins; the last is A */
    const rf_real *logits;
    int8_t *label;
    size_t n_positive;
    uint64_t *keys;                       /* scratch of A */
    int classes;                          /* logits of an anchor; 0: two */
    const rf_real *before[RF_MAX_LEVELS]; /* logits [anchors of the level,classes] of the step before, for samplers that
                                             read them; NULL: it does not classify there, or there is none */
} rf_sample_image;

/* RetinaFace's: all positives, and of the negatives of all levels together max(min_negatives, negative_ratio x
 * positives). */
void rf_mine_ratio(const rf_sample_spec *spec, const rf_sample_image *image);
/* insightface's rpn_fpn_ohem3 at each level: of more than `positives` positives those of the lowest difference; then
 * total - positives of the hardest negatives (OHEM_MODE 1) .. */
void rf_mine_level_hard(const rf_sample_spec *spec, const rf_sample_image *image);
/* .. or max(min_negatives, negative_ratio x positives) of them (OHEM_MODE 2) .. */
void rf_mine_level_ratio(const rf_sample_spec *spec, const rf_sample_image *image);
/* .. or as many of both as in mode 1, drawn by lot (OHEM_MODE 0). The lots follow from the seed and the logits, so that
 * a run that is resumed draws the same. */
void rf_mine_level_random(const rf_sample_spec *spec, const rf_sample_image *image);

/* All of them (focal loss). */
void rf_sample_all(const rf_sample_spec *spec, const rf_sample_image *image);
/* Selective two-step classification (SRN, arXiv 1809.02693, section 3.2): all but the negatives that the step before is
 * sure of. */
void rf_sample_unsure(const rf_sample_spec *spec, const rf_sample_image *image);

/* One entry of detect/samplers.def. */
typedef struct rf_sampler {
    const char *name, *doc;
    void (*run)(const rf_sample_spec *spec, const rf_sample_image *image); /* thread safe for different images */
    bool reads_before;                                                     /* rf_sample_image.before */
} rf_sampler;
/* The samplers by name, as loss.mining says; the find gives NULL with a message when none is called so. */
RF_REGISTRY_DECLARE(sampler, rf_sampler)

/* What the kinds are made of: of the anchors begin..end-1 with this label the `keep` first by rank stay, the others
 * become -1. Returns how many stay. */
typedef enum rf_sample_rank { RF_RANK_HIGH, RF_RANK_LOW, RF_RANK_LOT } rf_sample_rank;
size_t rf_mine_keep(const rf_sample_image *image, size_t begin, size_t end, int8_t label, rf_sample_rank rank,
                    uint64_t seed, size_t keep);
/* ratio alone, without levels; returns the number of negatives kept. */
size_t rf_mine_negatives(const rf_sample_spec *spec, const rf_real *logits, size_t n_anchors, size_t n_positive,
                         int8_t *label, uint64_t *keys);

#endif
