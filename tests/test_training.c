/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a training: updates against the formula in double precision, checkpoints, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "layers/detector.h"
#include "layers/weights.h"
#include "tests/slow.h"
#include "train/checkpoint.h"

#define expect_ok(call)                                                                                                \
    if ((call) != RF_OK) fail_msg("%s: %s", #call, rf_error_message())
static char dir[] = "/tmp/rf_test_training_XXXXXX", path[64]; /* path: the checkpoint that a test works on */

/* `more`: settings separated by spaces. */
static rf_config settings(const char *more) {
    const char *overrides[16] = {"model.channels=16"};
    size_t n = 1;
    char text[512];
    rf_config config;
    snprintf(text, sizeof text, "%s", more);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) overrides[n++] = word;
    expect_ok(rf_config_load(NULL, overrides, n, &config));
    return config;
}

static void near(double got, double want, double tolerance, const char *what, size_t at) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s [%zu]: %.12g, expected %.12g", what, at, got, want);
}

typedef struct run {
    rf_config config;
    rf_params *params;
    rf_optimizer optimizer;
    rf_progress progress;
} run;

static void fill_kind(rf_rng *rng, const rf_params *params, rf_real *array, bool state) {
    for (size_t e = 0; array && e < params->count; e++) {
        const rf_param *p = &params->entries[e];
        for (size_t i = 0; i < p->count && rf_param_is_state(p) == state; i++)
            array[p->offset + i] = rf_rng_range(rng, -1, 1) + (state ? 1.5f : 0);
    }
}

static void fill(rf_rng *rng, const rf_params *params, rf_real *array) {
    fill_kind(rng, params, array, array == params->state);
}

static void run_make(run *r, const char *more) {
    rf_rng rng = rf_rng_make(11, 0, 0, RF_STREAM_TEST);
    memset(r, 0, sizeof *r);
    r->config = settings(more);
    expect_ok(rf_detector_params(&r->config, &r->params));
    fill(&rng, r->params, r->params->data);
    expect_ok(rf_optimizer_init(&r->optimizer, &r->config, r->params));
}

static void run_free(run *r) {
    rf_optimizer_free(&r->optimizer);
    rf_params_free(r->params);
}

/* Of all numbers; the gaps between parameters stay 0. */
static uint32_t digest(const run *r) {
    size_t bytes = r->params->data_count * sizeof(rf_real);
    uint32_t crc = rf_crc32(rf_crc32(0, r->params->data, bytes), r->optimizer.slots[0], bytes);
    crc = rf_crc32(crc, r->params->state, r->params->state_count * sizeof(rf_real));
    if (!r->optimizer.ema) return crc;
    crc = rf_crc32(crc, r->optimizer.ema, bytes);
    return rf_crc32(crc, r->optimizer.ema_state, r->params->state_count * sizeof(rf_real));
}

/* One update in double precision, what an entry's name means included; returns the norm of the gradients.
 * v <- m v + d with d = s g + decay w;  w <- w - lr (d + m v, or v);  average <- e average + (1 - e) w */
static double naive_update(const run *r, double lr, double scale, double *w, double *v, double *average) {
    const rf_config *c = &r->config;
    double squares = 0, m = c->optim.momentum;
    for (size_t e = 0; e < r->params->count; e++) {
        const rf_param *p = &r->params->entries[e];
        bool body = strncmp(p->name, "body.", 5) == 0, early = strncmp(p->name, "body.stage1.", 12) == 0;
        bool frozen = (early && c->model.freeze_stages == 2) || (body && c->model.freeze_bn && p->n_dims == 1);
        double rate = lr * (body ? c->optim.backbone_lr : strstr(p->name, "Head.") ? c->optim.head_lr : 1);
        double decay = p->n_dims == 4 || c->optim.decay_bn_bias ? c->optim.weight_decay : 0;
        for (size_t i = p->offset; !frozen && !rf_param_is_state(p) && i < p->offset + p->count; i++) {
            double d = scale * (double)r->params->grad[i] + decay * w[i];
            squares += (double)r->params->grad[i] * (double)r->params->grad[i];
            v[i] = m * v[i] + d;
            w[i] -= rate * (c->optim.nesterov ? d + m * v[i] : v[i]);
            average[i] = c->optim.ema * average[i] + (1 - c->optim.ema) * w[i];
        }
    }
    return sqrt(squares);
}

/* Three updates on the given number of threads against the formula; returns a checksum of all numbers. */
static uint32_t check_updates(const char *more, int threads) {
    run r;
    rf_set_threads(threads);
    run_make(&r, more);
    size_t n = r.params->data_count;
    const rf_real *ema = r.optimizer.ema;
    rf_rng rng = rf_rng_make(3, 0, n, RF_STREAM_TEST);
    double *w = rf_alloc(n, sizeof *w), *v = rf_alloc(n, sizeof *v), *average = rf_alloc(n, sizeof *average), norm = 0;
    rf_rng statistics = rf_rng_make(4, 0, n, RF_STREAM_TEST);
    double *moments = rf_alloc(r.params->state_count, sizeof *moments); /* the running statistics start at 0 here */
    for (size_t i = 0; i < n; i++) w[i] = average[i] = (double)r.params->data[i];
    for (int step = 0; step < 3; step++) {
        double limit = r.config.optim.clip_norm, lr = 0.1 / (1 + step);
        fill(&rng, r.params, r.params->grad);
        fill(&statistics, r.params, r.params->state);
        for (size_t i = 0; ema && i < r.params->state_count; i++)
            moments[i] = r.config.optim.ema * moments[i] + (1 - r.config.optim.ema) * (double)r.params->state[i];
        norm = rf_optimizer_grad_norm(&r.optimizer);
        double scale = limit > 0 ? limit / norm : 0.5; /* clipped; two batches accumulated */
        rf_optimizer_step(&r.optimizer, lr, scale);
        double want = naive_update(&r, lr, scale, w, v, average);
        near(norm, want, 1e-12 * want, more, 0);
    }
    assert_true((ema != NULL) == (r.config.optim.ema > 0));
    rf_param_values values = rf_optimizer_weights(&r.optimizer);
    assert_true(values.data == (ema ? ema : r.params->data));
    assert_true(values.state == (ema ? r.optimizer.ema_state : r.params->state));
    for (size_t i = 0; ema && i < r.params->state_count; i++) near((double)values.state[i], moments[i], 2e-6, more, i);
    for (size_t i = 0; i < n; i++) {
        near((double)r.params->data[i], w[i], 2e-6, more, i);
        near((double)r.optimizer.slots[0][i], v[i], 2e-6, more, i);
        if (ema) near((double)ema[i], average[i], 2e-6, more, i);
    }
    uint32_t crc = rf_crc32(digest(&r), &norm, sizeof norm);
    r.params->grad[rf_params_find(r.params, "fpn.output1.0.weight")->offset + 1] = NAN;
    assert_true(isnan(rf_optimizer_grad_norm(&r.optimizer)));
    rf_free(w), rf_free(v), rf_free(average), rf_free(moments), run_free(&r);
    return crc;
}

static void updates_follow_the_formula(void **state) {
    (void)state;
    char variants[] = "optim.weight_decay=0.05;optim.nesterov=yes optim.decay_bn_bias=no optim.weight_decay=0.05;"
                      "optim.momentum=0 optim.ema=0.9;optim.backbone_lr=0.1 optim.head_lr=3 optim.clip_norm=50;"
                      "model.freeze_stages=2 model.freeze_bn=yes optim.nesterov=yes optim.ema=0.5";
    char *rest = variants;
    for (char *more = strsep(&rest, ";"); more; more = strsep(&rest, ";")) {
        uint32_t crc = check_updates(more, 1);
        assert_true(check_updates(more, 2) == crc && check_updates(more, 3) == crc);
    }
    rf_set_threads(0);
}

static void optimizers_keep_the_contract(void **state) {
    (void)state;
    for (int k = 0; k < rf_optimizer_count(); k++) {
        const rf_optimizer_kind *kind = rf_optimizer_at(k);
        run r;
        run_make(&r, "optim.weight_decay=0 optim.ema=0.5");
        rf_optimizer_free(&r.optimizer);
        r.config.optim.kind = rf_optimizer_id(kind->name);
        for (uint64_t n = 1; rf_alloc_fail_at(n), !r.optimizer.kind; n++) {
            rf_status status = rf_optimizer_init(&r.optimizer, &r.config, r.params);
            assert_int_equal(status, r.optimizer.kind ? RF_OK : RF_ERR_NOMEM);
        }
        rf_alloc_fail_at(0);
        assert_true(r.optimizer.kind == kind && *kind->name && *kind->doc && kind->n_slots <= RF_OPTIMIZER_MAX_SLOTS);
        for (int s = 0; s < kind->n_slots; s++) assert_true(kind->slot_names[s] && *kind->slot_names[s]);
        uint32_t before = digest(&r);
        for (int step = 0; step < 3; step++) rf_optimizer_step(&r.optimizer, 0.05, 1); /* all gradients are 0 */
        assert_true(digest(&r) == before);
        memcpy(r.params->grad, r.params->data, r.params->data_count * sizeof(rf_real));
        double norm = rf_optimizer_grad_norm(&r.optimizer);
        for (int step = 0; step < 60; step++) {
            rf_optimizer_step(&r.optimizer, 0.05, 1);
            memcpy(r.params->grad, r.params->data, r.params->data_count * sizeof(rf_real));
        }
        assert_true(rf_optimizer_grad_norm(&r.optimizer) < 0.1 * norm);
        run_free(&r);
    }
}

/* ---- checkpoints ---- */

/* Other numbers everywhere. */
static void scramble(run *r, uint64_t seed) {
    rf_rng rng = rf_rng_make(10, 0, seed, RF_STREAM_TEST);
    rf_real *const arrays[] = {r->params->data, r->params->state, r->optimizer.slots[0], r->optimizer.ema};
    for (int k = 0; k < 4; k++) fill(&rng, r->params, arrays[k]);
    fill_kind(&rng, r->params, r->optimizer.ema_state, true);
    r->progress =
        (rf_progress){.step = UINT64_MAX - seed,
                      .epoch = UINT32_MAX,
                      .batch = seed + (1ull << 60),
                      .seed = ~seed,
                      .best = (double)seed / 3,
                      .best_step = 5,
                      .evaluated = seed,
                      .best_asked = seed + 7,
                      .best_read = seed + 6,
                      .origin = {.images = seed + 1, .faces = ~seed, .data_crc = 0xDEADBEEF, .overfit = true}};
}

static rf_status save(const run *r) {
    return rf_checkpoint_write(path, &r->config, &r->optimizer, &r->progress);
}

static rf_status load(run *r) {
    return rf_checkpoint_read(path, &r->optimizer, &r->progress);
}

static void expect_same(const run *a, const run *b) {
    const rf_progress *p = &a->progress, *q = &b->progress;
    assert_true(p->step == q->step && p->epoch == q->epoch && p->batch == q->batch && p->seed == q->seed);
    assert_true(p->best == q->best && p->best_step == q->best_step && p->evaluated == q->evaluated);
    assert_true(p->best_asked == q->best_asked && p->best_read == q->best_read && p->origin.images == q->origin.images);
    assert_true(p->origin.faces == q->origin.faces && p->origin.data_crc == q->origin.data_crc);
    assert_true(p->origin.overfit == q->origin.overfit);
    assert_true(digest(a) == digest(b));
}

/* Reading `path` fails with a message that names the file and says `text`; the position stays. */
static void expect_refusal(run *r, rf_status status, const char *text) {
    rf_progress before = r->progress;
    assert_int_equal(load(r), status);
    if (!strstr(rf_error_message(), path) || !strstr(rf_error_message(), text))
        fail_msg("'%s' lacks '%s' or the path", rf_error_message(), text);
    assert_memory_equal(&before, &r->progress, sizeof before);
}

/* Two runs of a kind with different numbers. */
static void pair_make(run *a, run *b, const char *more) {
    run_make(a, more);
    run_make(b, more);
    scramble(a, 1);
    scramble(b, 2);
}

static void checkpoints_come_back(void **state) {
    (void)state;
    static const char *const variants[] = {"optim.ema=0", "optim.ema=0.9", "model.landmarks=no model.freeze_stages=2"};
    for (int k = 0; k < 3; k++) {
        run a, b;
        char *text, *found;
        pair_make(&a, &b, variants[k]);
        expect_ok(save(&a));
        expect_ok(load(&b));
        expect_same(&a, &b);
        expect_ok(rf_config_text(&a.config, &text));
        expect_ok(rf_checkpoint_config(path, &found));
        assert_string_equal(text, found);
        scramble(&b, 3); /* for every other tool the file is a model with the weights to use */
        expect_ok(rf_weights_load(path, b.params, NULL));
        rf_param_values values = rf_optimizer_weights(&a.optimizer);
        assert_memory_equal(b.params->data, values.data, a.params->data_count * sizeof(rf_real));
        assert_memory_equal(b.params->state, values.state, a.params->state_count * sizeof(rf_real));
        rf_free(text), rf_free(found), run_free(&a), run_free(&b);
    }
}

static void averages_of_earlier_checkpoints_are_read(void **state) {
    (void)state; /* 0.1.0 wrote no raw running statistics: those of the model are both */
    run a, b;
    rf_st_file *file;
    pair_make(&a, &b, "optim.ema=0.9");
    expect_ok(save(&a));
    expect_ok(rf_st_read(path, &file));
    size_t n = 0;
    for (size_t i = 0; i < file->count; i++) {
        bool raw = strncmp(file->tensors[i].name, "raw.", 4) == 0 && strstr(file->tensors[i].name, ".running_");
        rf_st_tensor tensor = file->tensors[i];
        file->tensors[i] = file->tensors[n]; /* keeps every name for rf_st_free */
        file->tensors[n] = tensor;
        n += !raw;
    }
    expect_ok(rf_st_write(path, file->tensors, n, (const char *const *)file->meta_keys,
                          (const char *const *)file->meta_values, file->meta_count));
    expect_ok(load(&b));
    size_t bytes = a.params->state_count * sizeof(rf_real);
    assert_memory_equal(b.params->state, a.optimizer.ema_state, bytes);
    assert_memory_equal(b.optimizer.ema_state, a.optimizer.ema_state, bytes);
    assert_true(n < file->count);
    rf_st_free(file), run_free(&a), run_free(&b);
}

/* Writes `path` again with one metadata value changed ("key=value") or left out ("key"). */
static void change_metadata(const char *change) {
    rf_st_file *file;
    const char *names[32], *values[32];
    size_t n = 0, length = strcspn(change, "=");
    expect_ok(rf_st_read(path, &file));
    for (size_t i = 0; i < file->meta_count; i++) {
        bool hit = strlen(file->meta_keys[i]) == length && strncmp(file->meta_keys[i], change, length) == 0;
        names[n] = file->meta_keys[i];
        values[n] = hit ? change + length + 1 : file->meta_values[i];
        n += !hit || change[length];
    }
    expect_ok(rf_st_write(path, file->tensors, file->count, names, values, n));
    rf_st_free(file);
}

static void wrong_files_are_refused(void **state) {
    (void)state;
    char changes[] = "rf.step;rf.step=;rf.step=-1;rf.step= -1;rf.epoch=1e3;rf.epoch=4294967296;rf.batch=7 ;rf.seed=0x1;"
                     "rf.evaluated=18446744073709551616;rf.best_step=+1;rf.best=nan;rf.best=-inf;rf.best=good;"
                     "rf.best=0.5x;rf.best=;rf.best=1e999;rf.format=rf-checkpoint-2";
    static const char *const models[] = {"", "model.channels=32", "model.landmarks=no", "optim.ema=0.5"};
    run r[4]; /* the first writes */
    for (int k = 0; k < 4; k++) run_make(&r[k], models[k]);
    for (char *change = strtok(changes, ";"); change; change = strtok(NULL, ";")) {
        const char *value = strchr(change, '=');
        expect_ok(save(&r[0]));
        change_metadata(change);
        expect_refusal(&r[0], RF_ERR_FORMAT, value ? value + 1 : "a model, not a checkpoint to resume from");
    }
    expect_ok(save(&r[0]));
    expect_refusal(&r[1], RF_ERR_USER, "choose the [model] settings the file was made with");
    expect_refusal(&r[3], RF_ERR_FORMAT, "raw.body.stage1.0.0.weight is missing");
    expect_ok(save(&r[2]));
    expect_refusal(&r[0], RF_ERR_FORMAT, "is of another model: 'LandmarkHead.0.conv1x1.weight' and 5 more are missing");
    expect_ok(rf_weights_save(path, r[0].params, false, NULL, NULL, 0));
    expect_refusal(&r[0], RF_ERR_FORMAT, "a model, not a checkpoint to resume from");
    assert_int_equal(rf_checkpoint_config(path, &(char *){NULL}), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "carries no configuration"));
    r[0].params->data[0] = NAN;
    expect_ok(save(&r[0]));
    expect_refusal(&r[0], RF_ERR_NONFINITE, "the file comes from a failed training");
    unlink(path);
    expect_refusal(&r[0], RF_ERR_IO, "No such file");
    for (int k = 0; k < 4; k++) run_free(&r[k]);
}

static void a_failing_write_leaves_the_old_file(void **state) {
    (void)state;
    run a, b;
    struct rlimit before;
    pair_make(&a, &b, "optim.ema=0.5");
    expect_ok(save(&a));
    getrlimit(RLIMIT_FSIZE, &before); /* a limit of the file size stands for a full disk */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){300000, before.rlim_max});
    rf_status status = save(&b);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), "File too large"));
    uint64_t n = 1;
    for (;; n += n < 20 ? 1 : 61) { /* nor do failed allocations harm it */
        expect_ok(load(&b));
        expect_same(&a, &b);
        scramble(&b, 2);
        rf_alloc_fail_at(n);
        status = save(&b);
        rf_alloc_fail_at(0);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    assert_true(n > 300);
    for (n = 1; rf_alloc_fail_at(n), (status = load(&a)) != RF_OK; n += 61) assert_int_equal(status, RF_ERR_NOMEM);
    rf_alloc_fail_at(0);
    assert_true(n > 300);
    expect_same(&a, &b);
    run_free(&a), run_free(&b);
}

/* Damages a copy of a checkpoint whose data begins at `header`; returns its new size. */
static size_t mutate(rf_rng *rng, uint32_t kind, uint8_t *bytes, size_t size, size_t header) {
    static const char letters[] = "0123456789-.eE\"\\{}[]:, Ff", digits[] = "0123456789";
    if (kind == 0) return rf_rng_below(rng, (uint32_t)size);       /* cut */
    if (kind == 1) strstr((char *)bytes + 8, "rf.crc32")[7] = '3'; /* no checksum: any number may come */
    for (uint32_t k = rf_rng_below(rng, 4) + 1; k > 0; k--) {
        size_t any = rf_rng_below(rng, (uint32_t)size), in_header = 8 + any % (header - 8);
        if (kind == 1) memset(bytes + header + any % (size - header - 4), (int)rf_rng_u32(rng), 4);
        if (kind == 2) bytes[any] ^= (uint8_t)(1 << rf_rng_below(rng, 8));
        if (kind == 3) bytes[in_header] = (uint8_t)letters[rf_rng_below(rng, sizeof letters - 1)];
        if (kind == 4) bytes[in_header + strcspn((char *)bytes + in_header, digits)] = (uint8_t)digits[any % 10];
        if (kind == 5) memmove(bytes + in_header, bytes + 8 + rf_rng_below(rng, (uint32_t)header - 8), 40);
        if (kind == 6) bytes[any % 8] = (uint8_t)rf_rng_u32(rng); /* the header's size */
    }
    return size;
}

static void damaged_files_are_refused_or_read(void **state) {
    (void)state;
    enum { KINDS = 7 };
    run a, b;
    uint8_t *good;
    size_t size;
    unsigned read[KINDS] = {0};
    pair_make(&a, &b, "model.landmarks=no model.context=none");
    expect_ok(save(&a));
    expect_ok(rf_file_read(path, 0, &good, &size));
    size_t header = 8 + (size_t)(good[0] | good[1] << 8 | good[2] << 16);
    uint8_t *copy = rf_alloc(size + 64, 1);
    for (uint32_t round = 0; round < (in_quick_loop() ? 301u : 1001u); round++) {
        rf_rng rng = rf_rng_make(12, 0, round, RF_STREAM_TEST);
        memcpy(copy, good, size);
        size_t bytes = mutate(&rng, round % KINDS, copy, size, header);
        unlink(path); /* writing over it would wait for the disk */
        FILE *out = fopen(path, "wb");
        assert_true(out && fwrite(copy, 1, bytes, out) == bytes && fclose(out) == 0);
        rf_progress before = b.progress;
        rf_fail(RF_OK, "nothing");
        rf_status status = load(&b);
        read[round % KINDS] += status == RF_OK;
        assert_true(isfinite(b.progress.best));
        if (status == RF_OK) continue;
        assert_true(status == RF_ERR_FORMAT || status == RF_ERR_USER || status == RF_ERR_NONFINITE);
        if (!strstr(rf_error_message(), path)) fail_msg("'%s' does not name the file", rf_error_message());
        assert_memory_equal(&before, &b.progress, sizeof before);
    }
    assert_true(read[0] == 0 && read[1] > 0 && read[2] < 20); /* flips in the configuration's text pass */
    expect_ok(rf_file_write_atomic(path, good, size));
    expect_ok(load(&b)); /* nothing was broken for good */
    expect_same(&a, &b);
    expect_ok(rf_file_write_atomic(path, good, size - 1));
    expect_refusal(&b, RF_ERR_FORMAT, "the file is cut or damaged");
    good[size - 1] ^= 1;
    expect_ok(rf_file_write_atomic(path, good, size));
    expect_refusal(&b, RF_ERR_FORMAT, "the checksum of its data is");
    rf_free(good), rf_free(copy), run_free(&a), run_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_follow_the_formula),
        cmocka_unit_test(optimizers_keep_the_contract),
        cmocka_unit_test(checkpoints_come_back),
        cmocka_unit_test(averages_of_earlier_checkpoints_are_read),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(a_failing_write_leaves_the_old_file),
        cmocka_unit_test(damaged_files_are_refused_or_read),
    };
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/run.rf", dir);
    int failed = cmocka_run_group_tests_name("training", tests, NULL, NULL);
    unlink(path);
    return rmdir(dir) || failed; /* it is empty: failed writes left no temporary file */
}
