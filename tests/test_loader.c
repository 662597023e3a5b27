/* SPDX-License-Identifier: Apache-2.0 */
/* The prefetching loader: the same batches for any number of workers, seeking, broken files, faults, shutdown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/loader.h"
#include "data/sample.h"

enum { IMAGES = 11, BATCH = 3, SIZE = 64 };

static char dir[] = "/tmp/rf_test_loader_XXXXXX";
static rf_dataset *dataset;

static void path_of(int i, char *path, size_t bytes) {
    snprintf(path, bytes, "%s/event/%02d.%s", dir, i, i % 3 ? "jpg" : "png");
}

static void write_image(int i) {
    char path[128];
    rf_image image;
    rf_rng rng = rf_rng_make(1, 0, (uint64_t)i, RF_STREAM_TEST);
    assert_int_equal(rf_image_alloc(&image, 90 + 10 * i, 140 - 5 * i), RF_OK);
    for (int k = 0; k < image.width * image.height * 3; k++)
        image.pixels[k] = (uint8_t)(20 * i + k % 31 + (int)rf_rng_below(&rng, 20));
    path_of(i, path, sizeof path);
    if (rf_image_save(path, &image, 0) != RF_OK) fail_msg("%s", rf_error_message());
    rf_image_free(&image);
}

static void break_image(int i) {
    char path[128];
    path_of(i, path, sizeof path);
    assert_int_equal(rf_file_write_atomic(path, "\xFF\xD8\xFF\xE0 no more", 12), RF_OK);
}

static int set_up(void **state) {
    (void)state;
    char text[4096], path[128];
    int used = 0;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/event", dir);
    assert_int_equal(rf_dir_make(path), RF_OK);
    for (int i = 0; i < IMAGES; i++) {
        write_image(i);
        used += snprintf(text + used, sizeof text - (size_t)used, "# event/%02d.%s\n", i, i % 3 ? "jpg" : "png");
        for (int k = 0; k < i % 4; k++) /* some images have no face */
            used += snprintf(text + used, sizeof text - (size_t)used,
                             "%d %d 20 24 %d %d 0 %d %d 0 %d %d 0 %d %d 0 %d %d 0 0.5\n", 10 + 20 * k, 15 + k,
                             14 + 20 * k, 22, 24 + 20 * k, 22, 20 + 20 * k, 28, 16 + 20 * k, 33, 24 + 20 * k, 33);
    }
    snprintf(path, sizeof path, "%s/label.txt", dir);
    assert_int_equal(rf_file_write_atomic(path, text, (size_t)used), RF_OK);
    if (rf_dataset_open("label", path, dir, NULL, &dataset) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(dataset->n_samples, IMAGES);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char path[128];
    rf_dataset_free(dataset);
    for (int i = 0; i < IMAGES; i++) {
        path_of(i, path, sizeof path);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/label.txt", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/event", dir);
    rmdir(path);
    return rmdir(dir);
}

static rf_config settings(long workers, long prefetch) {
    rf_config config;
    rf_config_defaults(&config);
    config.input.size = SIZE;
    config.train.batch = BATCH;
    config.data.workers = workers;
    config.data.prefetch = prefetch;
    return config;
}

static rf_loader *open_loader(const rf_config *config, uint64_t seed) {
    rf_loader *loader;
    if (rf_loader_open(dataset, config, seed, &loader) != RF_OK) fail_msg("%s", rf_error_message());
    return loader;
}

static const rf_batch *next_batch(rf_loader *loader) {
    const rf_batch *batch;
    if (rf_loader_next(loader, &batch) != RF_OK) fail_msg("%s", rf_error_message());
    return batch;
}

/* One number for all that a batch holds. */
static uint64_t digest(const rf_batch *b) {
    uint32_t crc = rf_crc32(0, b->input, b->count * SIZE * SIZE * 3 * sizeof *b->input);
    crc = rf_crc32(crc, b->samples, b->count * sizeof *b->samples);
    for (size_t i = 0; i < b->count; i++) {
        for (size_t k = 0; k < b->n_faces[i]; k++) {
            const rf_face *f = &b->faces[i][k];
            uint8_t flags[2] = {(uint8_t)f->n_points, f->ignore};
            crc = rf_crc32(crc, f->box, sizeof f->box);
            if (f->n_points) crc = rf_crc32(crc, f->points, 2 * (size_t)f->n_points * sizeof *f->points);
            crc = rf_crc32(crc, flags, sizeof flags);
        }
        assert_string_equal(b->names[i], dataset->samples[b->samples[i]].name);
    }
    return (uint64_t)b->epoch << 48 | (uint64_t)b->index << 32 | crc;
}

static void run(const rf_config *config, uint64_t seed, uint64_t *digests, int batches) {
    rf_loader *loader = open_loader(config, seed);
    for (int i = 0; i < batches; i++) digests[i] = digest(next_batch(loader));
    rf_loader_close(loader);
}

enum { RUN = 10 }; /* three epochs of three batches and one more */

static void workers_do_not_change_batches(void **state) {
    (void)state;
    uint64_t expected[RUN], other[RUN];
    rf_config config = settings(0, 1);
    run(&config, 7, expected, RUN);
    static const int variants[][2] = {{1, 1}, {3, 1}, {3, 4}, {2, 16}, {8, 2}};
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        config = settings(variants[v][0], variants[v][1]);
        run(&config, 7, other, RUN);
        assert_memory_equal(expected, other, sizeof expected);
    }
    run(&config, 8, other, RUN);
    for (int i = 0; i < RUN; i++) assert_true(expected[i] != other[i]); /* another seed, other batches */
    for (int i = 0; i < RUN; i++)
        for (int k = 0; k < i; k++) assert_true((uint32_t)expected[i] != (uint32_t)expected[k]); /* epochs differ too */
}

static void epochs_are_permutations(void **state) {
    (void)state;
    rf_config config = settings(2, 3);
    rf_loader *loader = open_loader(&config, 3);
    assert_int_equal(rf_loader_batches(loader), IMAGES / BATCH);
    for (uint32_t epoch = 0; epoch < 5; epoch++) {
        int seen[IMAGES] = {0};
        for (size_t i = 0; i < IMAGES / BATCH; i++) {
            const rf_batch *b = next_batch(loader);
            assert_true(b->epoch == epoch && b->index == i && b->count == BATCH && b->size == SIZE);
            for (size_t k = 0; k < BATCH; k++) assert_int_equal(seen[b->samples[k]]++, 0);
        }
    }
    rf_loader_close(loader);
}

/* A batch is what rf_sample_augmented and the normalisation make of its images. */
static void batches_hold_the_samples(void **state) {
    (void)state;
    rf_config config = settings(2, 2);
    rf_loader *loader = open_loader(&config, 5);
    rf_normaliser normaliser;
    assert_int_equal(rf_normaliser_make(&config, &normaliser), RF_OK);
    static float expected[SIZE * SIZE * 3];
    for (int i = 0; i < 4; i++) {
        const rf_batch *b = next_batch(loader);
        for (size_t k = 0; k < BATCH; k++) {
            rf_image image = {0};
            rf_face *faces;
            size_t n;
            assert_int_equal(rf_sample_augmented(dataset, b->samples[k], &config, normaliser.fill, 5, b->epoch, &image,
                                                 NULL, NULL, &faces, &n, NULL),
                             RF_OK);
            rf_normalise(&normaliser, &image, expected, SIZE);
            assert_memory_equal(expected, b->input + k * SIZE * SIZE * 3, sizeof expected);
            assert_int_equal(n, b->n_faces[k]);
            for (size_t f = 0; f < n; f++) assert_memory_equal(faces[f].box, b->faces[k][f].box, sizeof faces[f].box);
            rf_image_free(&image);
            rf_free(faces);
        }
    }
    rf_loader_close(loader);
}

static void seek_equals_uninterrupted(void **state) {
    (void)state;
    uint64_t expected[RUN];
    for (int workers = 0; workers <= 3; workers += 3) {
        rf_config config = settings(workers, 3);
        run(&config, 7, expected, RUN);
        rf_loader *loader = open_loader(&config, 7);
        static const int jumps[] = {4, 0, 9, 3, 1, 8, 8};
        for (size_t j = 0; j < sizeof jumps / sizeof *jumps; j++) {
            uint32_t epoch;
            size_t batch;
            assert_int_equal(rf_loader_seek(loader, (uint32_t)jumps[j] / 3, (size_t)jumps[j] % 3), RF_OK);
            for (int i = jumps[j]; i < RUN && i < jumps[j] + 4; i++) {
                rf_loader_position(loader, &epoch, &batch);
                assert_true(epoch == (uint32_t)i / 3 && batch == (size_t)i % 3);
                assert_true(digest(next_batch(loader)) == expected[i]);
            }
        }
        assert_int_equal(rf_loader_seek(loader, 0, 3), RF_ERR_USER);
        assert_true(rf_loader_wait_seconds(loader) > 0);
        rf_loader_close(loader);
    }
}

static void broken_files_are_replaced_and_named(void **state) {
    (void)state;
    uint64_t expected[RUN], other[RUN];
    char missing[128];
    path_of(5, missing, sizeof missing);
    break_image(4);
    unlink(missing);
    for (int workers = 0; workers <= 3; workers++) {
        rf_config config = settings(workers, 2);
        rf_loader *loader = open_loader(&config, 7);
        const rf_skipped *list;
        assert_int_equal(rf_loader_skipped(loader, &list), 0);
        int used[IMAGES] = {0};
        for (int i = 0; i < RUN; i++) {
            const rf_batch *b = next_batch(loader);
            other[i] = digest(b);
            for (size_t k = 0; k < BATCH; k++) used[b->samples[k]]++;
            if (workers == 0) expected[i] = other[i];
        }
        assert_memory_equal(expected, other, sizeof expected);
        assert_true(used[4] == 0 && used[5] == 0);
        assert_true(used[6] > 3);                              /* its own turns and those of the two before it */
        assert_int_equal(rf_loader_skipped(loader, &list), 2); /* each once, in many epochs */
        for (int k = 0; k < 2; k++) {
            assert_true(list[k].sample == 4 || list[k].sample == 5);
            assert_string_equal(list[k].name, list[k].sample == 4 ? "event/04.jpg" : "event/05.jpg");
            assert_non_null(strstr(list[k].reason, list[k].name));
        }
        assert_true(list[0].sample != list[1].sample);
        rf_loader_close(loader);
    }
    write_image(4);
    write_image(5);
}

static void all_broken_is_an_error(void **state) {
    (void)state;
    for (int i = 0; i < IMAGES; i++) break_image(i);
    for (int workers = 0; workers <= 2; workers += 2) {
        rf_config config = settings(workers, 2);
        rf_loader *loader = open_loader(&config, 7);
        const rf_batch *batch;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(rf_loader_next(loader, &batch), RF_ERR_FORMAT);
            assert_null(batch);
            assert_non_null(strstr(rf_error_message(), "none of its 11 images"));
            assert_non_null(strstr(rf_error_message(), "event/"));
        }
        assert_int_equal(rf_loader_skipped(loader, NULL), IMAGES);
        rf_loader_close(loader);
    }
    for (int i = 0; i < IMAGES; i++) write_image(i);
}

static void close_at_any_time(void **state) {
    (void)state;
    for (int round = 0; round < 40; round++) {
        rf_config config = settings(1 + round % 4, 1 + round % 5);
        rf_loader *loader = open_loader(&config, 1);
        for (int i = 0; i < round % 6; i++) next_batch(loader);
        if (round % 7 == 3) assert_int_equal(rf_loader_seek(loader, 2, 1), RF_OK);
        rf_loader_close(loader);
    }
    rf_loader_close(NULL);
}

static void refuse_too_few_images(void **state) {
    (void)state;
    rf_config config = settings(1, 1);
    rf_loader *loader;
    config.train.batch = IMAGES + 1;
    assert_int_equal(rf_loader_open(dataset, &config, 1, &loader), RF_ERR_USER);
    assert_null(loader);
    assert_non_null(strstr(rf_error_message(), "train.batch"));
    config = settings(1, 1);
    config.input.std.n = 2;
    assert_int_equal(rf_loader_open(dataset, &config, 1, &loader), RF_ERR_USER);
}

static void report_failed_allocations(void **state) {
    (void)state;
    int failures = 0;
    for (uint64_t n = 1;; n++) {
        rf_config config = settings(0, 1);
        const rf_batch *batch = NULL;
        rf_loader *loader;
        rf_alloc_fail_at(n);
        rf_status status = rf_loader_open(dataset, &config, 1, &loader);
        if (status == RF_OK) status = rf_loader_next(loader, &batch);
        rf_alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_ERR_NOMEM);
        if (loader && status != RF_OK) { /* after a seek it works again */
            assert_int_equal(rf_loader_next(loader, &batch), RF_ERR_NOMEM);
            assert_int_equal(rf_loader_seek(loader, 0, 0), RF_OK);
            next_batch(loader);
        }
        rf_loader_close(loader);
        if (status == RF_OK) break;
        failures++;
    }
    assert_true(failures > 20);
}

static void load_one_sample(void **state) {
    (void)state;
    rf_image image;
    const rf_face *faces;
    size_t n;
    assert_int_equal(rf_sample_load(dataset, 3, &image, &faces, &n), RF_OK);
    assert_true(image.width == 120 && image.height == 125 && n == 3 && faces[1].box[0] == 30);
    rf_image_free(&image);
    break_image(3);
    assert_int_equal(rf_sample_load(dataset, 3, &image, &faces, &n), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "03.png"));
    write_image(3);
}

/* Real pictures, when they are here: all readable, the same for 1 and 2 workers, faces inside. */
static void real_pictures(void **state) {
    (void)state;
    static const char label[] = "../shared/data/wider/label_train_subset.txt",
                      images[] = "../shared/data/wider/WIDER_train/images";
    if (!rf_file_exists(label)) {
        print_message("[  SKIPPED ] ../shared/data is not here\n");
        return;
    }
    rf_dataset *own = dataset;
    if (rf_dataset_open("label", label, images, NULL, &dataset) != RF_OK) fail_msg("%s", rf_error_message());
    rf_config config = settings(1, 2);
    rf_loader *a = open_loader(&config, 1), *b;
    config.data.workers = 2;
    b = open_loader(&config, 1);
    size_t faces = 0;
    for (int i = 0; i < 20; i++) {
        const rf_batch *x = next_batch(a);
        assert_true(digest(x) == digest(next_batch(b)));
        for (size_t k = 0; k < x->count; k++) faces += x->n_faces[k];
    }
    assert_true(faces >= 20 * BATCH * 9 / 10);
    assert_int_equal(rf_loader_skipped(a, NULL), 0);
    rf_loader_close(a);
    rf_loader_close(b);
    rf_dataset_free(dataset);
    dataset = own;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_do_not_change_batches),
        cmocka_unit_test(epochs_are_permutations),
        cmocka_unit_test(batches_hold_the_samples),
        cmocka_unit_test(seek_equals_uninterrupted),
        cmocka_unit_test(broken_files_are_replaced_and_named),
        cmocka_unit_test(all_broken_is_an_error),
        cmocka_unit_test(close_at_any_time),
        cmocka_unit_test(refuse_too_few_images),
        cmocka_unit_test(report_failed_allocations),
        cmocka_unit_test(load_one_sample),
        cmocka_unit_test(real_pictures),
    };
    return cmocka_run_group_tests_name("loader", tests, set_up, tear_down);
}
