/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench --busy N: the same once more beside one, two ... processes that only count. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/say.h"
#include "core/mem.h"

enum { SETTLE_RUNS = 2 }; /* not counted: the system moves processes about for a moment */

/* Never returns. Ends with the parent, however that ends. */
static void count_for_ever(pid_t parent) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    for (volatile unsigned long n = 0;; n++) {
    }
}

static void stop(const pid_t *children, long n) {
    for (long i = 0; i < n; i++) kill(children[i], SIGKILL);
    for (long i = 0; i < n; i++) waitpid(children[i], NULL, 0);
}

static rf_status measure(rf_bench *b, rf_bench_fn fn, void *ctx, rf_samples *samples) {
    double seconds;
    for (int i = 0; i < SETTLE_RUNS; i++) RF_TRY(fn(ctx, 0, &seconds));
    for (long i = 1; i <= b->iterations; i++) {
        RF_TRY(fn(ctx, i, &seconds));
        RF_TRY(rf_samples_add(samples, seconds));
    }
    return RF_OK;
}

static void tell(rf_bench *b, const char *key, long n, double alone, rf_samples *s) {
    char name[64];
    double median = rf_samples_median(s);
    rf_say("%s beside %ld busy %10.3f ms   (%.3f .. %.3f)   %.2f times the time alone\n", key, n, 1e3 * median,
           1e3 * s->v[0], 1e3 * s->v[s->n - 1], alone > 0 ? median / alone : 0);
    rf_say_flush();
    snprintf(name, sizeof name, "%s_busy%ld", key, n);
    rf_json_put_number(&b->out, name, median);
    snprintf(name, sizeof name, "%s_busy%ld_ratio", key, n);
    rf_json_put_number(&b->out, name, alone > 0 ? median / alone : 0);
}

rf_status rf_bench_beside_busy(rf_bench *b, const char *key, double alone, rf_bench_fn fn, void *ctx) {
    pid_t children[RF_BENCH_BUSY], parent = getpid();
    rf_status status = RF_OK;
    for (long n = 1; n <= b->busy && status == RF_OK; n++) {
        rf_samples samples = {0};
        long started = 0;
        rf_say_flush();
        for (; started < n; started++) {
            children[started] = fork();
            if (children[started] == 0) count_for_ever(parent);
            if (children[started] < 0) break;
        }
        status = started < n ? rf_fail(RF_ERR_IO, "--busy %ld: the system gives no process number %ld", b->busy, n)
                             : measure(b, fn, ctx, &samples);
        stop(children, started);
        if (status == RF_OK) tell(b, key, n, alone, &samples);
        rf_free(samples.v);
    }
    return status;
}
