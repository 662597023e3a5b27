/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a generated detector: driver WEIGHTS|- WIDTH HEIGHT PICTURE.ppm... prints one line a face ("picture x1 y1 x2 y2
 * score and the coordinates of the points"); with WIDTHxHEIGHT smaller than a picture or a damaged file it prints the
 * error code. `-t N` in front: also the median time of N runs, to stderr. Built with -Wl,--wrap=malloc (calloc,
 * realloc) and -DCOUNT_ALLOCATIONS it fails when rf_detect allocates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "retinaface.h"

enum { MOST = 5000, MOST_RUNS = 100 };
static struct rf_face faces[MOST];
static int allocations;

#ifdef COUNT_ALLOCATIONS
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_malloc(size_t n) {
    allocations++;
    return __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t size) {
    allocations++;
    return __real_calloc(n, size);
}
void *__wrap_realloc(void *old, size_t n) {
    allocations++;
    return __real_realloc(old, n);
}
#endif

/* Reads a binary PPM of 8 bits; NULL when it is none. */
static uint8_t *read_picture(const char *path, int *width, int *height) {
    FILE *file = fopen(path, "rb");
    uint8_t *rgb = NULL;
    if (file && fscanf(file, "P6 %d %d 255", width, height) == 2 && fgetc(file) == '\n') {
        size_t n = (size_t)*width * (size_t)*height * 3;
        rgb = malloc(n);
        if (rgb && fread(rgb, 1, n, file) != n) {
            free(rgb);
            rgb = NULL;
        }
    }
    if (file) fclose(file);
    return rgb;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct rf_detector *detector;

static int detect(const uint8_t *rgb, int width, int height, int repeat) {
    double seconds[MOST_RUNS];
    int n = 0;
    for (int i = 0; i < repeat; i++) {
        clock_t begin = clock();
        n = rf_detect(detector, rgb, width, height, faces, MOST);
        seconds[i] = (double)(clock() - begin) / CLOCKS_PER_SEC;
    }
    qsort(seconds, (size_t)repeat, sizeof *seconds, by_size);
    if (repeat > 1) fprintf(stderr, "%dx%d %.2f ms\n", width, height, 1e3 * seconds[repeat / 2]);
    return n;
}

static int run(const char *path, int number, int repeat) {
    int width, height;
    uint8_t *rgb = read_picture(path, &width, &height);
    if (!rgb) {
        fprintf(stderr, "%s is not a PPM picture\n", path);
        return 1;
    }
    int before = allocations, n = detect(rgb, width, height, repeat);
    free(rgb);
    if (allocations != before) {
        printf("%d allocations\n", allocations - before);
        return 1;
    }
    if (n < 0) printf("rf_detect %d\n", n);
    for (int i = 0; i < n; i++) {
        const struct rf_face *f = &faces[i];
        printf("%d %.4f %.4f %.4f %.4f %.7f", number, (double)f->x1, (double)f->y1, (double)f->x2, (double)f->y2,
               (double)f->score);
        for (int k = 0; k < 2 * RF_POINTS; k++) printf(" %.4f", (double)f->points[k / 2][k % 2]);
        if (RF_KINDS > 1) printf(" %d", f->label);
        printf("\n");
    }
    return n < 0;
}

int main(int argc, char **argv) {
    int repeat = 1, bad = 0;
    if (argc > 2 && strcmp(argv[1], "-t") == 0) {
        repeat = atoi(argv[2]);
        repeat = repeat < 1 ? 1 : repeat > MOST_RUNS ? MOST_RUNS : repeat;
        argv += 2;
        argc -= 2;
    }
    if (argc < 5) {
        fprintf(stderr, "usage: driver [-t N] WEIGHTS|- WIDTH HEIGHT PICTURE.ppm...\n");
        return 2;
    }
    int width = atoi(argv[2]), height = atoi(argv[3]);
    int status = rf_open(strcmp(argv[1], "-") == 0 ? NULL : argv[1], width, height, NULL, &detector);
    if (status != 0) {
        printf("rf_open %d\n", status);
        return 1;
    }
    if (repeat > 1) fprintf(stderr, "%.1f MB\n", 1e-6 * (double)rf_memory(width, height));
    for (int i = 4; i < argc; i++) bad |= run(argv[i], i - 4, repeat);
    rf_close(detector);
    return bad;
}
