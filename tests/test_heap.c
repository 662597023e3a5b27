/* SPDX-License-Identifier: Apache-2.0 */
/* Heaps that keep what is freed: blocks come back, hold what they held, and go when nobody needs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/heap.h"
#include "core/mem.h"
#include "core/rng.h"

enum { BLOCKS = 3000, STEPS = 200000 };

/* Thousands of blocks of all sizes taken and freed in disorder; each keeps its bytes, new ones are zero. */
static void test_disorder(void **state) {
    (void)state;
    static unsigned char *block[BLOCKS];
    static size_t size[BLOCKS];
    rf_heap *heap;
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    assert_int_equal(rf_heap_create(&heap), RF_OK);
    rf_heap *before = rf_heap_use(heap);
    assert_null(before);
    for (int step = 0; step < STEPS; step++) {
        size_t i = rf_rng_below(&rng, BLOCKS);
        if (block[i]) {
            for (size_t k = 0; k < size[i]; k += 1 + size[i] / 7) assert_int_equal(block[i][k], (unsigned char)i);
            rf_free(block[i]);
            block[i] = NULL;
        } else {
            size[i] = 1 + rf_rng_below(&rng, 1u << rf_rng_below(&rng, 12));
            block[i] = rf_alloc(size[i], 1);
            assert_non_null(block[i]);
            assert_int_equal((uintptr_t)block[i] % 64, 0);
            for (size_t k = 0; k < size[i]; k += 1 + size[i] / 7) assert_int_equal(block[i][k], 0);
            memset(block[i], (int)i, size[i]);
        }
        if (step % 1000 == 0) rf_heap_round(heap);
    }
    for (int i = 0; i < BLOCKS; i++) rf_free(block[i]);
    assert_ptr_equal(rf_heap_use(NULL), heap);
    rf_heap_destroy(heap);
}

/* The block that was freed serves the next of about its size; those of others are not the heap's. */
static void test_again(void **state) {
    (void)state;
    rf_heap *heap;
    void *outside = rf_alloc(1000, 1);
    assert_int_equal(rf_heap_create(&heap), RF_OK);
    rf_heap_use(heap);
    void *a = rf_alloc(1000, 1), *b = rf_alloc(1000, 1);
    assert_ptr_not_equal(a, b);
    rf_free(a);
    assert_ptr_equal(rf_alloc(1010, 1), a);
    rf_free(outside);
    rf_free(b);
    for (int round = 0; round < RF_HEAP_ROUNDS; round++) rf_heap_round(heap);
    assert_ptr_equal(rf_alloc(1000, 1), b); /* it was kept so long */
    rf_free(a);
    rf_free(b);
    rf_heap_use(NULL);
    rf_heap_destroy(heap);
    rf_heap_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_disorder), cmocka_unit_test(test_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
