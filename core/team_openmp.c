/* SPDX-License-Identifier: Apache-2.0 */
/* core/team.h with an OpenMP runtime (make THREADS=openmp): for comparing, and where programs must share its threads.
 * Its barriers spin as OMP_WAIT_POLICY says, and every thread is waited for. */
#include <omp.h>

#include "core/team.h"

const char rf_team_kind[] = "openmp";

static bool forked;

void rf_team_init(rf_team *team, int threads, bool polite) {
    team->threads = threads;
    team->polite = polite;
    omp_set_dynamic(0);
    omp_set_max_active_levels(1);
}

void rf_team_run(rf_team *team, int helpers, rf_team_fn fn, void *ctx) {
    (void)helpers;
    if (forked) {
        fn(ctx, 0);
        return;
    }
#pragma omp parallel num_threads(team->threads)
    fn(ctx, omp_get_thread_num());
}

void rf_team_stop(rf_team *team) {
    (void)team;
}

/* libgomp waits for ever for the parent's threads, whichever team asks. */
void rf_team_forget(rf_team *team) {
    (void)team;
    forked = true;
}
