/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference networks cost, counted and not timed: planned bytes and floating-point operations of a training
 * step. A change that costs more than a tenth more fails here; one that saves a tenth must lower the number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/parallel.h"
#include "train/trainer.h"

typedef struct budget {
    const char *config, *batch, *recompute;
    double arena_mb, parameter_mb, gflops_per_image; /* measured with two threads */
} budget;

static const budget budgets[] = {
    {"configs/mnet025.ini", "train.batch=8", "train.recompute=no", 504, 5.4, 2.05},
    {"configs/mnet025.ini", "train.batch=8", "train.recompute=yes", 473, 5.4, 2.05},
    {"configs/r50.ini", "train.batch=2", "train.recompute=no", 1653, 406, 153.0},
    {"configs/r50.ini", "train.batch=2", "train.recompute=yes", 1139, 406, 153.0},
};

static void expect_near(const budget *b, const char *what, double value, double budgeted) {
    if (value > 1.1 * budgeted || value < 0.9 * budgeted)
        fail_msg("%s %s %s: %s is %.1f, budgeted are %.1f (update the table when that is meant)", b->config, b->batch,
                 b->recompute, what, value, budgeted);
}

static void plans_keep_their_budget(void **state) {
    (void)state;
    rf_set_threads(2);
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        const budget *b = &budgets[i];
        const char *const sets[] = {b->batch, b->recompute};
        static rf_config config;
        rf_train_plan plan;
        if (rf_config_load(b->config, sets, 2, &config) != RF_OK) fail_msg("%s", rf_error_message());
        if (rf_train_make_plan(&config, &plan) != RF_OK) fail_msg("%s", rf_error_message());
        expect_near(b, "the arena in MB", (double)plan.arena.arena_bytes / 1e6, b->arena_mb);
        expect_near(b, "parameters and optimiser in MB", (double)plan.parameter_bytes / 1e6, b->parameter_mb);
        expect_near(b, "GFLOP forward an image", plan.gflops_per_image, b->gflops_per_image);
        assert_true(plan.arena.arena_bytes <= plan.arena.peak_live_bytes + plan.arena.peak_live_bytes / 20);
    }
    rf_set_threads(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans_keep_their_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
