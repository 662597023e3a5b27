/* SPDX-License-Identifier: Apache-2.0 */
/* Registries: what is added is found, listed and meant; what cannot be is refused. They live as long as the process, so
 * the tests run in the order of main. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "autograd/graph.h"
#include "settings/settings.h"
#include "core/mem.h"
#include "core/registry.h"
#include "eval/metric.h"
#include "detect/loss/loss.h"
#include "detect/sampler.h"
#include "train/schedule.h"

static void expect(rf_status status, const char *message) {
    assert_int_equal(status, RF_ERR_USER);
    if (!strstr(rf_error_message(), message)) fail_msg("'%s' does not say '%s'", rf_error_message(), message);
}

typedef struct thing {
    const char *name;
    int value;
} thing;
static const void *const things[] = {&(const thing){"first", 1}, &(const thing){"second", 2}};
RF_REGISTRY_DECLARE(thing, thing)
RF_REGISTRY_DEFINE(thing, thing, things, e->value, .what = "thing", .name_bytes = 16)

static void bad_names_are_told(void **state) {
    (void)state;
    static const char *const bad[] = {"", "two words", "a:b", "a,b", "a|b", "a\nb", "sixteen_letters_"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(rf_register_thing(&(const thing){bad[i], 1}), "expected 1 to 15 letters, digits, '_' and '-'");
    expect(rf_register_thing(&(const thing){NULL, 1}), "expected 1 to 15");
    expect(rf_register_thing(&(const thing){"second", 1}), "a second thing registers as \"second\"");
    expect(rf_register_thing(&(const thing){"hollow", 0}), "the thing \"hollow\" lacks something");
    assert_int_equal(rf_thing_count(), 2);
    rf_alloc_fail_at(1);
    assert_int_equal(rf_register_thing(&(const thing){"third", 1}), RF_ERR_NOMEM);
    rf_alloc_fail_at(0);
    assert_int_equal(rf_thing_count(), 2);
}

static void a_registry_grows(void **state) {
    (void)state;
    enum { MANY = 100 };
    static thing many[MANY];
    static char names[MANY][20];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "more-%d", i);
        many[i] = (thing){names[i], i + 1};
        assert_int_equal(rf_register_thing(&many[i]), RF_OK);
        expect(rf_register_thing(&many[i]), "give it a name of its own");
    }
    assert_int_equal(rf_thing_count(), MANY + 2);
    for (int i = 0; i < MANY; i++) {
        assert_ptr_equal(rf_thing_at(i + 2), &many[i]);
        assert_ptr_equal(rf_thing_find(names[i]), &many[i]);
    }
    assert_ptr_equal(rf_thing_find("first"), things[0]);
    assert_null(rf_thing_find("more-9x"));
    expect(RF_ERR_USER, "no thing is called \"more-9x\"; did you mean \"more-9\"?");
}

/* What a setting takes is what its registry holds. */
static double half(const rf_config *config, double epoch) {
    return config->schedule.epochs > 0 && epoch >= 0 ? 0.5 : 0;
}
static const rf_schedule halved = {"halved", "half of lr all the time", half};

static void settings_take_what_is_added(void **state) {
    (void)state;
    rf_config config;
    const char *set[] = {"schedule.kind=halved", "schedule.warmup_epochs=0"};
    expect(rf_config_load(NULL, set, 2, &config), "schedule.kind is 'halved', expected one of step|cosine|constant");
    assert_int_equal(rf_register_schedule(&halved), RF_OK);
    assert_int_equal(rf_config_load(NULL, set, 2, &config), RF_OK);
    assert_true(rf_schedule_rate(&config, 1) == 0.5 * config.optim.lr);
    const char *near[] = {"schedule.kind=halve"};
    expect(rf_config_load(NULL, near, 1, &config), "halved; did you mean 'halved'?");
    char *text;
    assert_int_equal(rf_config_reference(&text), RF_OK);
    assert_true(strstr(text, "`step`, `cosine`, `constant`, ") && strstr(text, "`halved` | `step`"));
    rf_free(text);
    int n = rf_schedule_count();
    const char *word = rf_config_word(rf_config_find_key("schedule", "kind"), n - 1);
    assert_string_equal(word, "halved");
    assert_null(rf_config_word(rf_config_find_key("schedule", "kind"), n));
    assert_null(rf_config_word(rf_config_find_key("optim", "lr"), 0));
}

static void what_lacks_a_function_is_refused(void **state) {
    (void)state;
    expect(rf_register_op(&(const rf_op){.name = "nothing"}), "the op \"nothing\" lacks something");
    expect(rf_register_op(&(const rf_op){.name = "conv2d"}), "a second op registers as \"conv2d\"");
    expect(rf_register_loss(&(const rf_loss_kind){.name = "nothing"}), "the loss \"nothing\" lacks something");
    expect(rf_register_metric(&(const rf_metric){.name = "nothing"}), "the metric \"nothing\" lacks something");
    expect(rf_register_sampler(&(const rf_sampler){.name = "nothing"}), "the sampler \"nothing\" lacks something");
}

static void the_first_graph_closes_them(void **state) {
    (void)state;
    int n = rf_thing_count();
    rf_graph *graph = rf_graph_new();
    rf_graph_free(graph);
    expect(rf_register_thing(&(const thing){"late", 1}),
           "the thing \"late\" registers after the first graph was made: do it in rf_plugin_init");
    expect(rf_register_schedule(&(const rf_schedule){"late", "", half}), "the schedule \"late\" registers after");
    assert_int_equal(rf_thing_count(), n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_names_are_told),          cmocka_unit_test(a_registry_grows),
        cmocka_unit_test(settings_take_what_is_added), cmocka_unit_test(what_lacks_a_function_is_refused),
        cmocka_unit_test(the_first_graph_closes_them),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
