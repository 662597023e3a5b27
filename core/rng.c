/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rng.h"

#include <math.h>

static void philox_round(uint32_t c[4], const uint32_t k[2]) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k[0], n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k[1];
    c[1] = (uint32_t)p1;
    c[3] = (uint32_t)p0;
    c[0] = n0;
    c[2] = n2;
}

static void refill(rf_rng *rng) {
    uint32_t c[4] = {rng->counter[0], rng->counter[1], rng->counter[2], rng->counter[3]};
    uint32_t k[2] = {rng->key[0], rng->key[1]};
    for (int round = 0; round < 10; round++) {
        philox_round(c, k);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++) rng->block[i] = c[i];
    rng->counter[0]++; /* 2^34 draws a stream before it repeats */
    rng->used = 0;
}

rf_rng rf_rng_make(uint64_t seed, uint32_t epoch, uint64_t sample, uint32_t stream) {
    rf_rng rng = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32) ^ (stream * 0x9E3779B9u)},
                  .counter = {0, epoch, (uint32_t)sample, (uint32_t)(sample >> 32)},
                  .used = 4};
    return rng;
}

uint32_t rf_rng_u32(rf_rng *rng) {
    if (rng->used >= 4) refill(rng);
    return rng->block[rng->used++];
}

float rf_rng_uniform(rf_rng *rng) {
    return (float)(rf_rng_u32(rng) >> 8) * 0x1p-24f;
}

float rf_rng_range(rf_rng *rng, float lo, float hi) {
    return lo + (hi - lo) * rf_rng_uniform(rng);
}

uint32_t rf_rng_below(rf_rng *rng, uint32_t n) {
    uint32_t limit = -n % n; /* 2^32 mod n: draws below it are rejected */
    for (;;) {
        uint64_t product = (uint64_t)rf_rng_u32(rng) * n;
        if ((uint32_t)product >= limit) return (uint32_t)(product >> 32);
    }
}

float rf_rng_normal(rf_rng *rng) {
    double u = ((double)rf_rng_u32(rng) + 1.0) * 0x1p-32;
    double v = (double)rf_rng_u32(rng) * 0x1p-32;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

void rf_rng_shuffle(rf_rng *rng, uint32_t *items, uint32_t n) {
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = rf_rng_below(rng, i);
        uint32_t t = items[i - 1];
        items[i - 1] = items[j];
        items[j] = t;
    }
}

uint64_t rf_hash_name(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}
