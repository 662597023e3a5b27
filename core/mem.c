/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of files and tensors are counted in size_t, and limits are beyond 4 GB; weights, checkpoints and ONNX files
 * hold the lowest byte of a number first and are read and written in place. The exported C source runs everywhere. */
#if __SIZEOF_SIZE_T__ < 8
#    error "rf does not run on machines with 32-bit addresses; what rf-export --to c writes does"
#elif __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "rf does not run on machines that store the highest byte first; what rf-export --to c writes does"
#endif

#define _GNU_SOURCE
#include "core/mem.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/heap.h"

static atomic_ullong allocations;
static atomic_ullong fail_at;

bool rf_size_mul(size_t a, size_t b, size_t *out) {
    size_t result; /* the builtin stores the wrapped result too */
    if (__builtin_mul_overflow(a, b, &result)) return false;
    *out = result;
    return true;
}

bool rf_size_add(size_t a, size_t b, size_t *out) {
    size_t result;
    if (__builtin_add_overflow(a, b, &result)) return false;
    *out = result;
    return true;
}

static bool injected_fault(void) {
    unsigned long long now = atomic_fetch_add(&allocations, 1) + 1;
    return atomic_load(&fail_at) == now;
}

void *rf_alloc(size_t count, size_t size) {
    size_t bytes, rounded;
    if (!__builtin_mul_overflow(count, size, &bytes) && !__builtin_add_overflow(bytes, 63, &rounded) &&
        !injected_fault()) {
        rounded &= ~(size_t)63;
        void *ptr = rf_heap_take(rounded ? rounded : 64);
        if (ptr) return memset(ptr, 0, rounded ? rounded : 64);
    }
    rf_fail(RF_ERR_NOMEM, "out of memory: %zu elements of %zu bytes were asked for", count, size);
    return NULL;
}

void *rf_realloc(void *ptr, size_t old_count, size_t new_count, size_t size) {
    void *grown = rf_alloc(new_count, size);
    if (!grown) return NULL;
    size_t keep = old_count < new_count ? old_count : new_count;
    if (ptr && keep) memcpy(grown, ptr, keep * size);
    rf_free(ptr);
    return grown;
}

void rf_free(void *ptr) {
    rf_heap_give(ptr);
}

char *rf_strndup(const char *text, size_t n) {
    size_t len = strnlen(text, n);
    char *copy = rf_alloc(len + 1, 1);
    if (copy) memcpy(copy, text, len);
    return copy;
}

char *rf_strdup(const char *text) {
    return rf_strndup(text, strlen(text));
}

uint64_t rf_alloc_count(void) {
    return atomic_load(&allocations);
}

void rf_alloc_fail_at(uint64_t n) {
    atomic_store(&fail_at, n ? atomic_load(&allocations) + n : 0);
}

void *rf_block_alloc(size_t bytes) {
    if (!injected_fault()) {
        void *block = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block != MAP_FAILED) {
            /* Huge pages save TLB misses on gigabyte arenas; a refusal is harmless. */
            madvise(block, bytes, MADV_HUGEPAGE);
            return block;
        }
    }
    rf_fail(RF_ERR_NOMEM, "out of memory: a block of %.1f MB was asked for", (double)bytes / 1e6);
    return NULL;
}

void rf_block_free(void *block, size_t bytes) {
    if (block) munmap(block, bytes ? bytes : 1);
}

size_t rf_peak_rss(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (size_t)usage.ru_maxrss * 1024;
}
