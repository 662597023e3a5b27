/* SPDX-License-Identifier: Apache-2.0 */
/* core/parallel.h: every item once on any number of threads; nested, serial and several callers at once; workers that
 * come late or not at all; forks. Sanitizers see all of it, since the threads are our own. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/parallel.h"

#if defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1, FORKS = 0 }; /* it ends children that start threads */
#elif defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1, FORKS = 1 };
#else
enum { SANITIZED = 0, FORKS = 1 };
#endif

/* There when the program is linked with an OpenMP runtime: its barriers wait for everybody, in children, too. */
extern int omp_get_max_threads(void) __attribute__((weak));

static void nap(long microseconds) {
    nanosleep(&(struct timespec){0, microseconds * 1000}, NULL);
}

typedef struct visits {
    _Atomic unsigned char count[1000], at_work[RF_MAX_THREADS];
    _Atomic bool wrong;
    size_t n, grain;
} visits;

static void visit(void *ctx, size_t begin, size_t end) {
    visits *v = ctx;
    int index = rf_thread_index();
    bool good = begin % v->grain == 0 && end <= v->n && (end == v->n || end == begin + v->grain) && index >= 0 &&
                index < rf_get_threads() && atomic_fetch_add(&v->at_work[index], 1) == 0;
    if (!good) v->wrong = true;
    for (size_t i = begin; i < end; i++) v->count[i]++;
    if (good) atomic_fetch_sub(&v->at_work[index], 1);
}

static void every_item_is_visited_once(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 63, 64, 65, 1000}, grains[] = {1, 7, 64, 5000};
    static const int threads[] = {1, 2, 3, 4, 7, 16, 64, 100};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        rf_set_threads(threads[t]);
        assert_int_equal(rf_get_threads(), threads[t]);
        for (size_t s = 0; s < 7; s++) {
            for (size_t g = 0; g < 4; g++) {
                static visits v;
                memset(&v, 0, sizeof v);
                v.n = sizes[s];
                v.grain = grains[g];
                rf_parallel_for(v.n, v.grain, visit, &v);
                assert_false(v.wrong);
                for (size_t i = 0; i < 1000; i++) assert_int_equal(v.count[i], i < v.n);
                assert_int_equal(rf_thread_index(), 0);
            }
        }
    }
    rf_set_threads(0);
}

/* ---- regions one after the other ---- */

typedef struct tiny {
    unsigned sums[64];
    unsigned add;
} tiny;

static void add_tiny(void *ctx, size_t begin, size_t end) {
    tiny *t = ctx;
    for (size_t i = begin; i < end; i++) t->sums[i] += t->add + (unsigned)i;
}

/* The loop's memory is the caller's stack, which it writes itself as soon as the loop is over: whoever touched it late
 * would be seen, by the sums and by the thread sanitizer. */
static bool run_tiny(unsigned regions, unsigned seed) {
    bool good = true;
    for (unsigned r = 0; r < regions; r++) {
        tiny t;
        unsigned n = 2 + (r * 2654435761u + seed) % 63;
        for (unsigned i = 0; i < 64; i++) t.sums[i] = r;
        t.add = seed;
        rf_parallel_for(n, 1 + r % 3, add_tiny, &t);
        for (unsigned i = 0; i < 64; i++) good = good && t.sums[i] == r + (i < n ? seed + i : 0);
        memset(&t, 0xa5, sizeof t);
        if (r % 97 == 96) nap(300); /* longer than workers spin: they sleep */
    }
    return good;
}

static void many_tiny_loops(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 3, 5, 8, 17, 64};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        rf_set_threads(threads[t]);
        assert_true(run_tiny(threads[t] > 8 ? 300 : 3000, (unsigned)threads[t]));
    }
    rf_set_threads(0);
}

/* ---- nested and serial ---- */

typedef struct nest {
    _Atomic unsigned items;
    _Atomic bool wrong;
} nest;

static void inner(void *ctx, size_t begin, size_t end) {
    nest *n = ctx;
    n->items += (unsigned)(end - begin);
}

static void outer(void *ctx, size_t begin, size_t end) {
    nest *n = ctx;
    for (size_t i = begin; i < end; i++) {
        int index = rf_thread_index();
        unsigned char here[50] = {0};
        visits *v = calloc(1, sizeof *v);
        if (!v) abort();
        v->n = sizeof here;
        v->grain = 1;
        rf_parallel_for(v->n, 1, visit, v); /* all of it in this thread: no other index is at work */
        for (int k = 0; k < RF_MAX_THREADS; k++) n->wrong = n->wrong || v->at_work[k] != 0;
        n->wrong = n->wrong || v->wrong || rf_thread_index() != index;
        free(v);
        rf_parallel_for(10, 3, inner, n);
    }
}

static void nested_loops_run_in_their_thread(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 5, 16};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        rf_set_threads(threads[t]);
        nest n = {0};
        for (int r = 0; r < 20; r++) rf_parallel_for(30, 1, outer, &n);
        assert_false(n.wrong);
        assert_int_equal(n.items, 20 * 30 * 10);
    }
    rf_set_threads(0);
}

static void same_thread(void *ctx, size_t begin, size_t end) {
    (void)begin, (void)end;
    if (!pthread_equal(*(pthread_t *)ctx, pthread_self())) abort();
    nap(10);
}

static void *serial_main(void *arg) {
    (void)arg;
    pthread_t me = pthread_self();
    rf_parallel_serial();
    rf_parallel_for(100, 1, same_thread, &me);
    return NULL;
}

static void serial_threads_use_no_pool(void **state) {
    (void)state;
    rf_set_threads(4);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serial_main, NULL), 0);
    pthread_join(thread, NULL);
    rf_set_threads(0);
}

/* ---- several callers ---- */

typedef struct caller {
    int threads; /* 0: the process's pool */
    unsigned seed;
    bool good;
} caller;

static void *caller_main(void *arg) {
    caller *c = arg;
    rf_pool *pool = NULL;
    if (c->threads && rf_pool_create(c->threads, &pool) != RF_OK) return NULL;
    if (pool && rf_pool_use(pool) != NULL) return NULL;
    c->good = (!pool || rf_get_threads() == c->threads) && run_tiny(600, c->seed);
    visits *v = calloc(1, sizeof *v);
    for (int i = 0; v && i < 20; i++) {
        v->n = 500;
        v->grain = 1;
        rf_parallel_for(v->n, v->grain, visit, v);
    }
    c->good = c->good && v && !v->wrong && v->count[0] == 20 && v->count[499] == 20;
    free(v);
    rf_pool_use(NULL);
    rf_pool_destroy(pool);
    return NULL;
}

static void run_callers(const int *threads, size_t n) {
    pthread_t thread[8];
    caller callers[8];
    for (size_t i = 0; i < n; i++) {
        callers[i] = (caller){.threads = threads[i], .seed = (unsigned)i + 1};
        assert_int_equal(pthread_create(&thread[i], NULL, caller_main, &callers[i]), 0);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(thread[i], NULL);
        assert_true(callers[i].good);
    }
}

static void callers_with_pools_of_their_own(void **state) {
    (void)state;
    run_callers((const int[]){2, 3, 1, 4}, 4);
    run_callers((const int[]){2, 2, 0, 0, 5}, 5);
    rf_set_threads(3);
    run_callers((const int[]){0, 0, 0, 0}, 4); /* all want the process's pool: one has it, the others go on alone */
    rf_set_threads(0);
}

/* ---- workers that do not come ---- */

static sem_t go_on;
static _Atomic int held;

static void hold(int signal) {
    (void)signal;
    held++;
    while (sem_wait(&go_on) != 0) {
    }
    held--;
}

/* Sends a signal to every thread but this one, or none (0); gives their number. */
static int signal_others(int signal) {
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) abort();
    for (struct dirent *e; (e = readdir(tasks));) {
        long id = atol(e->d_name);
        if (id > 0 && id != syscall(SYS_gettid)) n += syscall(SYS_tgkill, getpid(), id, signal) == 0;
    }
    closedir(tasks);
    return n;
}

/* A handler that does not return stands for a system that does not run the workers. */
static void workers_that_are_not_run_are_not_waited_for(void **state) {
    (void)state;
    if (omp_get_max_threads || SANITIZED || getenv("RF_RUNNER")) { /* an emulator has threads of its own among them */
        print_message("skip: this build's threads cannot be stopped in a signal handler\n");
        return;
    }
    rf_set_threads(4);
    assert_true(run_tiny(50, 1));
    nap(20000); /* they sleep, no region is open */
    sem_init(&go_on, 0, 0);
    signal(SIGTRAP, hold);
    assert_int_equal(signal_others(SIGTRAP), 3);
    for (int i = 0; i < 2000 && held < 3; i++) nap(1000);
    assert_int_equal(held, 3);
    alarm(60);
    assert_true(run_tiny(500, 2)); /* would wait for ever */
    assert_int_equal(held, 3);
    for (int i = 0; i < 3; i++) sem_post(&go_on);
    assert_true(run_tiny(500, 3)); /* they wake in the middle of it */
    for (int i = 0; i < 2000 && held > 0; i++) nap(1000);
    assert_int_equal(held, 0);
    signal(SIGTRAP, SIG_DFL);
    assert_true(run_tiny(500, 4));
    alarm(0);
    rf_set_threads(0);
}

static int in_child(void (*run)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        run();
        _exit(9);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    return result;
}

static void run_and_leave(void) {
    _exit(run_tiny(300, 5) ? 0 : 1);
}

static void run_with_a_pool_and_exit(void) {
    rf_pool *pool;
    if (rf_pool_create(3, &pool) != RF_OK) _exit(2);
    rf_pool_use(pool);
    bool good = run_tiny(300, 6);
    rf_pool_use(NULL);
    rf_pool_destroy(pool);
    _exit(good && run_tiny(300, 7) ? 0 : 1);
}

static void *fork_beside(void *arg) {
    *(int *)arg = in_child(run_and_leave);
    return NULL;
}

static void children_have_threads_of_their_own(void **state) {
    (void)state;
    if (!FORKS || getenv("RF_RUNNER")) {
        print_message("skip: the thread sanitizer and emulators allow a child no threads\n");
        return;
    }
    rf_set_threads(4);
    assert_true(run_tiny(50, 1));
    assert_int_equal(in_child(run_and_leave), 0);
    assert_int_equal(in_child(run_with_a_pool_and_exit), 0);
    assert_true(run_tiny(50, 1));
    int results[5]; /* while this thread's loops go on */
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, fork_beside, &results[i]), 0);
        assert_true(run_tiny(400, 8));
        pthread_join(thread, NULL);
        assert_int_equal(results[i], 0);
    }
    rf_set_threads(0);
}

static void refuse_threads_and_run(void) {
    struct rlimit limit = {64 << 20, 64 << 20}; /* room for a stack or two of 8 MB */
    rf_set_threads(64);
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(2);
    bool good = run_tiny(300, 9);
    int workers = signal_others(0);
    _exit(good && workers > 0 && workers < 63 ? 0 : 1);
}

static void threads_that_the_system_refuses_are_done_without(void **state) {
    (void)state;
    if (getenv("RF_RUNNER")) {
        print_message("skip: the limit would be the emulator's own\n");
        return;
    }
    if (omp_get_max_threads || SANITIZED) {
        print_message("skip: this build does not live with little memory\n");
        return;
    }
    assert_int_equal(in_child(refuse_threads_and_run), 0);
}

static void the_number_is_told_in_words(void **state) {
    (void)state;
    char text[80];
    rf_set_threads(3);
    assert_string_equal(rf_threads_text(text, sizeof text), "3 threads (as asked)");
    rf_set_threads(1);
    assert_string_equal(rf_threads_text(text, sizeof text), "1 thread (as asked)");
    rf_set_threads(5000);
    assert_int_equal(rf_get_threads(), RF_MAX_THREADS);
    rf_set_threads(0);
    assert_null(strstr(rf_threads_text(text, sizeof text), "asked"));
    assert_true(strchr(text, '(') && atoi(text) == rf_get_threads());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_visited_once),
        cmocka_unit_test(many_tiny_loops),
        cmocka_unit_test(nested_loops_run_in_their_thread),
        cmocka_unit_test(serial_threads_use_no_pool),
        cmocka_unit_test(callers_with_pools_of_their_own),
        cmocka_unit_test(workers_that_are_not_run_are_not_waited_for),
        cmocka_unit_test(children_have_threads_of_their_own),
        cmocka_unit_test(threads_that_the_system_refuses_are_done_without),
        cmocka_unit_test(the_number_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
