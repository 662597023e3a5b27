/* SPDX-License-Identifier: Apache-2.0 */
/* Two exported models in one program, two detectors of each in four threads: every one finds what it finds alone, bit
 * for bit. The one with a weight file allocates, the one with embedded weights lies in memory of ours.
 *   two door.bin WIDTH HEIGHT PICTURE.ppm... */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "door.h"
#include "gate.h"

enum { MOST = 500, PICTURES = 8, ROUNDS = 6, THREADS = 4 };

struct picture {
    int width, height;
    uint8_t *rgb;
};

static struct picture pictures[PICTURES];
static int n_pictures, doors_found[PICTURES], gates_found[PICTURES];
static struct door_face doors[PICTURES][MOST];
static struct gate_face gates[PICTURES][MOST];

static int read_picture(const char *path, struct picture *p) {
    FILE *file = fopen(path, "rb");
    if (!file || fscanf(file, "P6 %d %d 255%*c", &p->width, &p->height) != 2) return 0;
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    p->rgb = malloc(bytes);
    int whole = p->rgb && fread(p->rgb, 1, bytes, file) == bytes;
    fclose(file);
    return whole;
}

static int find_doors(struct door_detector *d, int i, struct door_face *out) {
    return door_detect(d, pictures[i].rgb, pictures[i].width, pictures[i].height, out, MOST);
}

static int find_gates(struct gate_detector *d, int i, struct gate_face *out) {
    return gate_detect(d, pictures[i].rgb, pictures[i].width, pictures[i].height, out, MOST);
}

static void *watch_doors(void *d) {
    struct door_face *out = malloc(sizeof doors[0]);
    long wrong = 0;
    for (int i = 0; i < ROUNDS * n_pictures; i++) {
        int k = i % n_pictures, n = find_doors(d, k, out);
        wrong += n != doors_found[k] || memcmp(out, doors[k], (size_t)n * sizeof *out) != 0;
    }
    free(out);
    return (void *)(intptr_t)wrong;
}

static void *watch_gates(void *d) {
    struct gate_face *out = malloc(sizeof gates[0]);
    long wrong = 0;
    for (int i = 0; i < ROUNDS * n_pictures; i++) {
        int k = (i + 1) % n_pictures, n = find_gates(d, k, out);
        wrong += n != gates_found[k] || memcmp(out, gates[k], (size_t)n * sizeof *out) != 0;
    }
    free(out);
    return (void *)(intptr_t)wrong;
}

int main(int argc, char **argv) {
    if (argc < 5 || argc - 4 > PICTURES) return 2;
    int width = atoi(argv[2]), height = atoi(argv[3]);
    struct door_detector *d[2] = {NULL, NULL};
    struct gate_detector *g[2] = {NULL, NULL};
    void *memory[2] = {NULL, NULL};
    for (int i = 4; i < argc; i++)
        if (!read_picture(argv[i], &pictures[n_pictures++])) return 2;
    for (int k = 0; k < 2; k++) {
        memory[k] = malloc(gate_memory(width, height));
        if (door_open(argv[1], width, height, NULL, &d[k]) || gate_open(NULL, width, height, memory[k], &g[k]))
            return 3;
    }
    if (door_detect(NULL, pictures[0].rgb, 1, 1, doors[0], MOST) != DOOR_ERR_STATE) return 4;
    int all = 0;
    for (int i = 0; i < n_pictures; i++) {
        doors_found[i] = find_doors(d[0], i, doors[i]);
        gates_found[i] = find_gates(g[0], i, gates[i]);
        if (doors_found[i] < 0 || gates_found[i] < 0) return 5;
        all += doors_found[i] + gates_found[i];
    }
    pthread_t threads[THREADS];
    long wrong = 0;
    for (int k = 0; k < THREADS; k++)
        if (pthread_create(&threads[k], NULL, k < 2 ? watch_doors : watch_gates,
                           k < 2 ? (void *)d[k] : (void *)g[k - 2]))
            return 6;
    for (int k = 0; k < THREADS; k++) {
        void *result;
        pthread_join(threads[k], &result);
        wrong += (long)(intptr_t)result;
    }
    for (int k = 0; k < 2; k++) {
        door_close(d[k]);
        gate_close(g[k]);
        free(memory[k]);
    }
    for (int i = 0; i < n_pictures; i++) free(pictures[i].rgb);
    door_close(NULL);
    printf("%d faces, %ld differences\n", all, wrong);
    return wrong || !all;
}
