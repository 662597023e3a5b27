/* SPDX-License-Identifier: Apache-2.0 */
/* Counter-based random numbers (Philox 4x32-10, Salmon et al., SC'11): a stream is a pure function of
 * (seed, epoch, sample, stream), so results do not depend on threads, order or history. */
#ifndef RF_CORE_RNG_H
#define RF_CORE_RNG_H

#include <stdint.h>

/* Stream numbers: one per use, so that adding a draw in one place never changes another. */
enum rf_rng_stream {
    RF_STREAM_INIT = 1,    /* parameter initialisation; sample = hash of the parameter's name */
    RF_STREAM_SHUFFLE = 2, /* order of the samples of an epoch */
    RF_STREAM_AUGMENT = 3, /* augmentation of a sample */
    RF_STREAM_SYNTH = 4,   /* synthetic images */
    RF_STREAM_MINING = 5,
    RF_STREAM_TEST = 6,
    RF_STREAM_MIXUP = 7, /* which images of a batch are mixed; sample = number of the batch */
    RF_STREAM_LEVEL = 8, /* the level that a batch trains; sample = number of the batch in the run */
};

typedef struct rf_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4]; /* the current four outputs */
    uint32_t used;     /* how many of them are spent, 4 = none left */
} rf_rng;

rf_rng rf_rng_make(uint64_t seed, uint32_t epoch, uint64_t sample, uint32_t stream);
uint32_t rf_rng_u32(rf_rng *rng);
/* [0,1) with 24 random bits. */
float rf_rng_uniform(rf_rng *rng);
/* [lo,hi). */
float rf_rng_range(rf_rng *rng, float lo, float hi);
/* 0..n-1 without modulo bias; n >= 1. */
uint32_t rf_rng_below(rf_rng *rng, uint32_t n);
/* N(0,1) by Box-Muller; uses two draws. */
float rf_rng_normal(rf_rng *rng);
/* In-place Fisher-Yates. */
void rf_rng_shuffle(rf_rng *rng, uint32_t *items, uint32_t n);
/* 64-bit FNV-1a of a string: the `sample` of named streams. */
uint64_t rf_hash_name(const char *name);

#endif
