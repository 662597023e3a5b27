/* SPDX-License-Identifier: Apache-2.0 */
/* Sections as their owners and as a plugin declare them: every key of every section, and one that is registered here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/rng.h"
#include "settings/settings.h"
#include "train/schedule.h"

#include "core/keys_words.h"
#include "tests/weather.def"
#include "core/keys_end.h"

#include "core/keys_members.h"
#include "tests/weather.def"
#include "core/keys_end.h"

#include "core/keys_rows.h"
#include "tests/weather.def"
#include "core/keys_end.h"

static const rf_settings_weather *weather_of(const rf_config *config);

static void settle(rf_config *config) {
    if (weather_of(config)->umbrella) config->augment.flip = 0;
}

static rf_status check(const char *place, const rf_config *config) {
    const rf_settings_weather *w = weather_of(config);
    if (w->sky != WEATHER_RAIN || w->umbrella) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: weather.sky = rain needs weather.umbrella = yes", place);
}

static bool is_used(const rf_config *config) {
    return config->data.points == 5;
}

static rf_section section = RF_SECTION_OF(weather, .settle = settle, .check = check);

static const rf_settings_weather *weather_of(const rf_config *config) {
    return rf_config_section(config, &section);
}

static rf_status set(rf_config *config, const char *text) {
    return rf_config_parse("file", "", &text, 1, config);
}

#define expect_refused(call, part)                                                                                     \
    do {                                                                                                               \
        assert_int_equal(call, RF_ERR_USER);                                                                           \
        if (!strstr(rf_error_message(), part)) fail_msg("'%s' lacks '%s'", rf_error_message(), part);                  \
    } while (0)

static bool holds(const rf_config *config, const char *part) {
    char *text;
    assert_int_equal(rf_config_text(config, &text), RF_OK);
    bool found = strstr(text, part) != NULL;
    rf_free(text);
    return found;
}

static void a_section_is_registered(void **state) {
    (void)state;
    rf_config config;
    size_t keys = rf_config_key_count();
    int n = rf_section_count();
    expect_refused(set(&config, "weather.sky=rain"), "unknown section [weather]");
    assert_null(rf_config_section(&config, &section));
    if (rf_register_section(&section) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_section_count(), n + 1);
    assert_int_equal(rf_config_key_count(), keys + section.n_keys);
    assert_string_equal(rf_section_doc("weather"), "What it is like outside");
    expect_refused(rf_register_section(&section), "a second section registers as \"weather\"");
    assert_int_equal(set(&config, "weather.gusts=1,2.5"), RF_OK);
    const rf_settings_weather *w = weather_of(&config);
    assert_true(w->sky == WEATHER_SUN && !w->umbrella && w->wind == 3.5 && w->days == 7);
    assert_true(w->gusts.n == 2 && w->gusts.v[1] == 2.5);
    assert_string_equal(w->place, "here");
    assert_int_equal(w->kind, rf_schedule_id("cosine"));
    assert_true((const char *)w >= (const char *)config.room);
    assert_true((const char *)(w + 1) <= (const char *)config.room + sizeof config.room);
    rf_config copy = config; /* a plain value */
    assert_true(weather_of(&copy)->gusts.v[1] == 2.5);
}

static void it_is_checked_and_settled(void **state) {
    (void)state;
    rf_config config;
    expect_refused(set(&config, "weather.sky=rian"), "expected one of sun|rain; did you mean 'rain'?");
    expect_refused(set(&config, "weather.wnd=1"), "unknown key 'wnd' in [weather]; did you mean 'wind'?");
    expect_refused(set(&config, "weather.wind=200"), "weather.wind is '200', expected a number from 0 to 100");
    expect_refused(set(&config, "wether.wind=2"), "did you mean [weather]?");
    expect_refused(set(&config, "umbrella=yes"), "for example --set weather.umbrella=yes");
    expect_refused(set(&config, "weather.sky=rain"), "file: weather.sky = rain needs weather.umbrella = yes");
    assert_int_equal(set(&config, "weather.umbrella=yes"), RF_OK);
    assert_true(config.augment.flip == 0);
}

static void it_is_printed_where_it_says_something(void **state) {
    (void)state;
    rf_config config;
    rf_config_defaults(&config);
    assert_false(holds(&config, "[weather]"));
    assert_int_equal(set(&config, "weather.wind=4"), RF_OK);
    assert_true(holds(&config, "\n\n[weather]\nsky = sun\nwind = 4\n"));
    assert_false(holds(&config, "rarely"));
    assert_int_equal(set(&config, "weather.rarely=often"), RF_OK);
    assert_true(holds(&config, "\nrarely = often\n"));
    section.is_used = is_used;
    rf_config_defaults(&config);
    assert_true(holds(&config, "\n\n[weather]\nsky = sun\nwind = 3.5\n"));
    config.data.points = 4;
    assert_false(holds(&config, "[weather]"));
    static const char *const unread[] = {"data.points=4", "data.flip_points=none", "weather.wind=4"};
    expect_refused(rf_config_parse("file", "", unread, 3, &config),
                   "file: weather.wind is set, but with the other settings nothing reads [weather]: leave it out");
    assert_int_equal(rf_config_parse("file", "", unread, 2, &config), RF_OK);
    char *text;
    assert_int_equal(rf_config_reference(&text), RF_OK);
    assert_non_null(strstr(text, "\n## [weather]: What it is like outside\n"));
    assert_non_null(strstr(text, "\n| `sky` | `sun`, `rain` | `sun` | above |\n"));
    rf_free(text);
}

static void no_section_is_too_large_or_wrong(void **state) {
    (void)state;
    rf_section large = section, wrong = section;
    large.name = "large";
    large.bytes = RF_SETTINGS_ROOM;
    expect_refused(rf_register_section(&large), "the section \"large\" has 8192 bytes of settings");
    rf_key keys[1] = {section.keys[0]};
    keys[0].initial = "snow";
    wrong.name = "wrong";
    wrong.keys = keys;
    wrong.n_keys = 1;
    expect_refused(rf_register_section(&wrong), "weather.sky is 'snow', expected one of sun|rain");
    wrong.keys = NULL;
    expect_refused(rf_register_section(&wrong), "lacks something");
    assert_null(rf_section_doc("wrong"));
}

/* A value of a key, drawn; false: the key has no such. */
static bool draw(const rf_key *key, rf_rng *rng, char text[96]) {
    double share = (double)rf_rng_below(rng, 1001) / 1000, x = key->lo + share * (key->hi - key->lo);
    const char *word = "";
    int words = 0;
    switch (key->type) {
    case RF_TYPE_INT:
        snprintf(text, 96, "%.0f", (double)(long)x);
        return true;
    case RF_TYPE_REAL:
        snprintf(text, 96, "%.17g", x);
        return true;
    case RF_TYPE_BOOL:
        snprintf(text, 96, "%s", rf_rng_below(rng, 2) ? "yes" : "no");
        return true;
    case RF_TYPE_LIST:
        snprintf(text, 96, "%.17g,%.17g", x, key->hi);
        return true;
    case RF_TYPE_ENUM:
        while (rf_config_word(key, words)) words++;
        word = rf_config_word(key, (int)rf_rng_below(rng, (uint32_t)words));
        snprintf(text, 96, "%s", word);
        return true;
    case RF_TYPE_TEXT:
        snprintf(text, 96, "drawn, %d", (int)rf_rng_below(rng, 1000));
        return true;
    }
    return false;
}

/* Every key of every section keeps whatever value it takes, and nothing else changes with it. */
static void values_of_every_key_survive(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(7, 0, 0, 0);
    rf_config defaults, config, again;
    size_t taken = 0;
    rf_config_defaults(&defaults);
    for (size_t i = 0; i < 4 * rf_config_key_count(); i++) {
        const rf_key *key = rf_config_key(i / 4);
        char value[96], assigned[256], *text, *printed;
        if ((key->flags & RF_KEY_IS_PRESET) || !draw(key, &rng, value)) continue;
        snprintf(assigned, sizeof assigned, "%s.%s=%s", key->section, key->name, value);
        if (set(&config, assigned) != RF_OK) { /* checks of the section */
            assert_non_null(strstr(rf_error_message(), key->section));
            continue;
        }
        taken++;
        assert_int_equal(rf_config_text(&config, &text), RF_OK);
        if (rf_config_parse("again", text, NULL, 0, &again) != RF_OK) fail_msg("%s: %s", assigned, rf_error_message());
        assert_memory_equal(&config, &again, sizeof config);
        rf_free(text);
        assert_int_equal(rf_config_value_text(&config, key, &printed), RF_OK);
        if (key->type == RF_TYPE_TEXT || key->type == RF_TYPE_ENUM) assert_string_equal(printed, value);
        rf_free(printed);
    }
    assert_true(taken > 3 * rf_config_key_count());
}

static void every_section_is_whole(void **state) {
    (void)state;
    for (int i = 0; i < rf_section_count(); i++) {
        const rf_section *s = rf_section_at(i);
        assert_true(strlen(s->doc) > 3 && s->n_keys > 0 && s->bytes > 0);
        for (size_t k = 0; k < s->n_keys; k++) {
            assert_string_equal(s->keys[k].section, s->name);
            assert_true(s->keys[k].offset < s->bytes);
            assert_ptr_equal(rf_config_find_key(s->name, s->keys[k].name), &s->keys[k]);
            assert_int_equal(s->keys[k].type == RF_TYPE_ENUM, s->keys[k].words || s->keys[k].word);
        }
    }
    for (int p = 0; p < rf_preset_count(); p++)
        for (size_t v = 0; v < rf_preset_at(p)->count; v++) {
            const rf_preset_value *value = &rf_preset_at(p)->values[v];
            const rf_key *key = rf_config_find_key(value->section, value->key);
            if (!key) fail_msg("preset %s: %s.%s", rf_preset_at(p)->name, value->section, value->key);
        }
}

/* A preset that is registered is a word of model.preset and stands in the reference. */
static void a_preset_is_registered(void **state) {
    (void)state;
    static const rf_preset_value outing[] = {
        {"weather", "wind", "12"}, {"optim", "lr", "0.25"}, {"weather", "rarely", "today"}};
    static const rf_preset preset = {"outing", "Fresh air", outing, 3};
    static const rf_preset_value nowhere[] = {{"weather", "moon", "full"}};
    static const rf_preset lost = {"lost", "No such key", nowhere, 1};
    rf_config config;
    expect_refused(set(&config, "model.preset=outing"), "model.preset is 'outing', expected one of none|");
    assert_int_equal(rf_register_preset(&preset), RF_OK);
    assert_int_equal(set(&config, "model.preset=outing"), RF_OK);
    assert_true(weather_of(&config)->wind == 12 && config.optim.lr == 0.25);
    /* What is left out as a default elsewhere is printed against the preset. */
    static const char *const against[] = {"model.preset=outing", "weather.wind=3.5", "weather.rarely="};
    rf_config again;
    assert_int_equal(rf_config_parse("file", "", against, 3, &config), RF_OK);
    char *printed;
    assert_int_equal(rf_config_text(&config, &printed), RF_OK);
    if (rf_config_parse("again", printed, NULL, 0, &again) != RF_OK) fail_msg("%s", rf_error_message());
    rf_free(printed);
    assert_memory_equal(&config, &again, sizeof config);
    assert_true(weather_of(&again)->wind == 3.5 && !*weather_of(&again)->rarely);
    char *text;
    assert_int_equal(rf_config_reference(&text), RF_OK);
    assert_non_null(strstr(text, "### `preset = outing`\n\nFresh air.\n\n```ini\n[weather]\nwind = 12\n\n[optim]\n"));
    rf_free(text);
    assert_int_equal(rf_register_preset(&lost), RF_OK);
    expect_refused(set(&config, "model.preset=lost"), "preset lost: there is no key weather.moon");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_is_registered),
        cmocka_unit_test(it_is_checked_and_settled),
        cmocka_unit_test(it_is_printed_where_it_says_something),
        cmocka_unit_test(no_section_is_too_large_or_wrong),
        cmocka_unit_test(values_of_every_key_survive),
        cmocka_unit_test(every_section_is_whole),
        cmocka_unit_test(a_preset_is_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
