/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, the INI parser, its messages, presets and printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"
#include "core/config_impl.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/rng.h"

/* The value of a key as it is printed. */
static void assert_word(const rf_config *config, const char *section, const char *key, const char *expected) {
    char *text;
    assert_int_equal(rf_config_value_text(config, rf_config_find_key(section, key), &text), RF_OK);
    assert_string_equal(text, expected);
    rf_free(text);
}

/* Each word of each enumeration is read as its place, printed as it was, and guessed when a letter too much ends it. */
static void every_word_is_a_place(void **state) {
    (void)state;
    const char *word;
    char text[256], *printed, expected[128];
    size_t words = 0;
    for (size_t i = 0; i < rf_config_key_count(); i++) {
        const rf_key *key = rf_config_key(i);
        for (int k = 0; (word = rf_config_word(key, k)); k++, words++) {
            rf_config config;
            const char *set = text;
            snprintf(text, sizeof text, "%s.%s=%s", key->section, key->name, word);
            if (rf_config_parse("word", "", &set, 1, &config) != RF_OK) fail_msg("%s", rf_error_message());
            assert_int_equal(*(const int *)rf_config_member(&config, key), k);
            assert_int_equal(rf_config_value_text(&config, key, &printed), RF_OK);
            assert_string_equal(printed, word);
            rf_free(printed);
            snprintf(text, sizeof text, "%s.%s=%sx", key->section, key->name, word);
            assert_int_equal(rf_config_parse("word", "", &set, 1, &config), RF_ERR_USER);
            snprintf(expected, sizeof expected, "%s.%s is '%sx', expected one of ", key->section, key->name, word);
            assert_non_null(strstr(rf_error_message(), expected));
            snprintf(expected, sizeof expected, "did you mean '%s'?", word);
            if (strlen(word) > 2) assert_non_null(strstr(rf_error_message(), expected));
        }
    }
    assert_true(words > 80);
}

static void every_default_is_inside_its_bounds_and_parses(void **state) {
    (void)state;
    assert_true(rf_config_key_count() > 80);
    for (size_t i = 0; i < rf_config_key_count(); i++) {
        const rf_key *key = rf_config_key(i);
        char text[1024];
        snprintf(text, sizeof text, "[%s]\n%s = %s\n", key->section, key->name, key->initial);
        rf_config config, defaults;
        rf_config_defaults(&defaults);
        if (rf_config_parse("default", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
        assert_memory_equal(&config, &defaults, sizeof config);
        assert_non_null(rf_section_doc(key->section));
        assert_true(strlen(key->doc) > 3);
        if (key->type != RF_TYPE_TEXT && key->type != RF_TYPE_ENUM) assert_true(key->lo < key->hi);
        for (size_t k = 0; k < i; k++)
            assert_false(strcmp(rf_config_key(k)->section, key->section) == 0 &&
                         strcmp(rf_config_key(k)->name, key->name) == 0);
    }
    assert_null(rf_section_doc("nowhere"));
}

static void check_round_trip(const rf_config *config) {
    char *text;
    assert_int_equal(rf_config_text(config, &text), RF_OK);
    rf_config back;
    if (rf_config_parse("printed", text, NULL, 0, &back) != RF_OK) fail_msg("%s", rf_error_message());
    assert_memory_equal(&back, config, sizeof back);
    rf_free(text);
}

static void printing_reads_back_to_the_same_bits(void **state) {
    (void)state;
    rf_config config;
    rf_config_defaults(&config);
    check_round_trip(&config);
    config.optim.lr = 0.1 + 0.2;
    config.optim.weight_decay = 1.0 / 3;
    config.train.seed = 2147483647;
    config.augment.clip = false;
    config.schedule.steps.n = 0;
    memset(config.schedule.steps.v, 0, sizeof config.schedule.steps.v);
    config.eval.scales.n = RF_LIST_MAX;
    for (int i = 0; i < RF_LIST_MAX; i++) config.eval.scales.v[i] = 1000 * sqrt(i + 2.0);
    memset(config.data.root, 'x', RF_TEXT_BYTES - 1);
    memcpy(config.data.root, "/a b;c=d:e#f[g]", 15);
    check_round_trip(&config);
    config.data.root[3] = '\n';
    char *text;
    assert_int_equal(rf_config_text(&config, &text), RF_ERR_USER);
}

/* Parses `text` as c.ini with one override (NULL: none) and expects exactly this message. */
static void expect_message(const char *text, const char *override, const char *message) {
    rf_config config, before;
    memset(&config, 0x5a, sizeof config);
    before = config;
    rf_status status = rf_config_parse("c.ini", text, &override, override != NULL, &config);
    assert_int_equal(status, RF_ERR_USER);
    assert_string_equal(rf_error_message(), message);
    assert_memory_equal(&config, &before, sizeof config);
}

static void wrong_names_are_told_with_the_nearest(void **state) {
    (void)state;
    expect_message("# c\n[train]\nbatchs = 3\n", NULL,
                   "c.ini:3: unknown key 'batchs' in [train]; did you mean 'batch'?");
    expect_message("[trian]\nbatch = 3\n", NULL, "c.ini:2: unknown section [trian]; did you mean [train]?");
    expect_message("[elsewhere]\nx = 3\n", NULL,
                   "c.ini:2: unknown section [elsewhere]; the sections are listed in docs/configuration.md");
    expect_message("[train]\nmomentum = 3\n", NULL,
                   "c.ini:2: unknown key 'momentum' in [train]; it belongs in [optim]");
    expect_message("[train]\nsomething_else = 3\n", NULL,
                   "c.ini:2: unknown key 'something_else' in [train]; the keys are listed in docs/configuration.md");
    expect_message("batch = 3\n", NULL, "c.ini:1: expected a [section] before the first key");
    expect_message("", "train.batchs=3",
                   "--set train.batchs=3: unknown key 'batchs' in [train]; did you mean 'batch'?");
    expect_message("", "batch=3", "--set batch=3: expected section.key=value, for example --set train.batch=3");
    expect_message("", "train.batch",
                   "--set train.batch: expected section.key=value, for example --set train.batch=16");
}

static void wrong_values_are_told_with_what_was_expected(void **state) {
    (void)state;
    expect_message("", "train.batch=x",
                   "--set train.batch=x: train.batch is 'x', expected a whole number from 1 to 4096");
    expect_message("[train]\nbatch = 3x\n", NULL,
                   "c.ini:2: train.batch is '3x', expected a whole number from 1 to 4096");
    expect_message("[train]\nbatch = 0\n", NULL, "c.ini:2: train.batch is '0', expected a whole number from 1 to 4096");
    expect_message("[train]\nbatch =\n", NULL, "c.ini:2: train.batch is '', expected a whole number from 1 to 4096");
    expect_message("[train]\nbatch = 99999999999999999999\n", NULL,
                   "c.ini:2: train.batch is '99999999999999999999', expected a whole number from 1 to 4096");
    expect_message("[optim]\nlr = 0.1.2\n", NULL, "c.ini:2: optim.lr is '0.1.2', expected a number from 0 to 100");
    expect_message("[optim]\nlr = nan\n", NULL, "c.ini:2: optim.lr is 'nan', expected a number from 0 to 100");
    expect_message("[optim]\nlr = 1e999\n", NULL, "c.ini:2: optim.lr is '1e999', expected a number from 0 to 100");
    expect_message("[optim]\nlr = 0x1\n", NULL, "c.ini:2: optim.lr is '0x1', expected a number from 0 to 100");
    expect_message("[optim]\nnesterov = maybe\n", NULL, "c.ini:2: optim.nesterov is 'maybe', expected yes or no");
    expect_message("[model]\nupsample = nearst\n", NULL,
                   "c.ini:2: model.upsample is 'nearst', expected one of nearest|bilinear; did you mean 'nearest'?");
    expect_message("[input]\nmean = 1,,3\n", NULL,
                   "c.ini:2: number 2 of input.mean is '', expected a number from -1000 to 1000");
    expect_message("[input]\nmean = 1,2,3,\n", NULL,
                   "c.ini:2: number 4 of input.mean is '', expected a number from -1000 to 1000");
    expect_message("[input]\nstd = 1,0,1\n", NULL,
                   "c.ini:2: number 2 of input.std is '0', expected a number from 0.001 to 1000");
    char text[1024] = "[eval]\nscales = 1";
    for (int i = 0; i < RF_LIST_MAX; i++) strcat(text, ",1");
    expect_message(text, NULL, "c.ini:2: eval.scales has too many numbers, expected at most 32");
}

static void wrong_lines_and_combinations_are_told(void **state) {
    (void)state;
    expect_message("[train]\nbatch = 3\n  batch = 4\n", NULL,
                   "c.ini:3: 'batch' in [train] was already set in line 2; keep one of them");
    expect_message("[train]\nbatch\n", NULL,
                   "c.ini:2: expected 'key = value', '[section]' or a comment after '#' or ';'");
    expect_message("[train\nbatch = 3\n", NULL,
                   "c.ini:1: expected 'key = value', '[section]' or a comment after '#' or ';'");
    char text[6000] = "[data]\nroot = ";
    memset(text + 14, 'y', RF_TEXT_BYTES);
    expect_message(text, NULL, "c.ini:2: data.root has 256 bytes, expected at most 255");
    memset(text + 14, 'y', 5000);
    expect_message(text, NULL, "c.ini:2: the line is too long, expected at most 4094 bytes");
    expect_message("", "data.root=a ;b",
                   "--set data.root=a ;b: data.root must not have control characters or a ';' that starts a comment");
    expect_message(
        "[model]\nstrides = 8,16,32,64\n", NULL,
        "c.ini: anchors.sizes has 6 numbers for the 4 levels of model.strides, expected the same number for every "
        "level");
    expect_message("[model]\nstrides = 16,8\n", NULL, "c.ini: model.strides must ascend, but 8 follows 16");
    expect_message("[model]\nchannels = 66\n", NULL, "c.ini: model.channels is 66, expected a multiple of 4");
    expect_message("[input]\nmean = 1,2\n", NULL, "c.ini: input.mean has 2 numbers, expected 3");
    expect_message("[augment]\ncrop_set =\n", NULL, "c.ini: augment.crop_set is empty, expected at least one number");
    expect_message("[match]\nnegative_iou = 0.4\n", NULL,
                   "c.ini: match.negative_iou is 0.4, expected at most positive_iou, which is 0.35");
}

static void comments_blanks_and_overrides_are_understood(void **state) {
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf; first\n[ train]\n[train]\r\n  batch : 5 ; five\r\n\n# more\n[optim]\nlr=1e-3\n"
        "nesterov = on\n[train]\nseed=+9\n[schedule]\nsteps =\n[input]\nmean = 1 , 2,\t3";
    const char *overrides[] = {"train.batch=6", " optim.momentum = 0.5 ", "train.batch=7"};
    rf_config config;
    if (rf_config_parse("c.ini", text, overrides, 3, &config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(config.train.batch, 7);
    assert_int_equal(config.train.seed, 9);
    assert_true(config.optim.lr == 1e-3 && config.optim.momentum == 0.5 && config.optim.nesterov);
    assert_int_equal(config.schedule.steps.n, 0);
    assert_true(config.input.mean.n == 3 && config.input.mean.v[1] == 2 && config.input.mean.v[2] == 3);
}

static void the_paper_preset(void **state) {
    (void)state;
    const char *overrides[] = {"loss.box_weight=3", "model.preset=paper", "match.force_best=yes"};
    rf_config c;
    assert_int_equal(rf_config_load(NULL, overrides, 3, &c), RF_OK);
    assert_int_equal(c.model.strides.n, 5);
    assert_int_equal(c.anchors.sizes.n, 15);
    for (int k = 0; k < 15; k++) {
        double exact = 16 * pow(2, k / 3.0);
        assert_true(fabs(c.anchors.sizes.v[k] - exact) <= 1e-13 * exact);
        if (k < 5) assert_true(c.model.strides.v[k] == 4 << k);
    }
    assert_true(c.match.positive_iou == 0.5 && c.match.negative_iou == 0.3);
    assert_true(c.loss.box_weight == 3 && c.loss.landmark_weight == 0.1 && c.loss.negative_ratio == 3);
    assert_true(c.match.force_best && c.model.share_heads && c.model.channels == 256);
    assert_true(c.anchors.variance_centre == 1 && c.anchors.variance_size == 1);
    assert_int_equal(c.augment.crop, RF_CROP_UNIFORM);
    assert_word(&c, "model", "preset", "paper");
    check_round_trip(&c);
}

static void the_biubug6_preset_spells_out_the_defaults(void **state) {
    (void)state;
    rf_config preset, defaults;
    assert_int_equal(rf_config_parse("c.ini", "[model]\npreset=biubug6\n", NULL, 0, &preset), RF_OK);
    rf_config_defaults(&defaults);
    assert_memory_not_equal(&preset, &defaults, sizeof preset);
    preset.model.preset = defaults.model.preset;
    assert_memory_equal(&preset, &defaults, sizeof preset);
}

/* The tests behind the published figures look at every candidate; so do the presets named after them. */
static void no_preset_cuts_what_its_source_does_not(void **state) {
    (void)state;
    for (int i = 0; i < rf_preset_count(); i++) {
        char text[80];
        rf_config c;
        snprintf(text, sizeof text, "[model]\npreset=%s\n", rf_preset_at(i)->name);
        assert_int_equal(rf_config_parse("c.ini", text, NULL, 0, &c), RF_OK);
        assert_int_equal(c.eval.top_k, 0);
        assert_int_equal(c.eval.level_top_k, strcmp(rf_preset_at(i)->name, "refineface") == 0 ? 6000 : 0);
    }
}

static void the_insightface_preset_and_its_place(void **state) {
    (void)state;
    static const char text[] = "[anchors]\ncentre_offset = -1\n[model]\nchannels = 64\npreset = insightface\n";
    rf_config c;
    assert_int_equal(rf_config_parse("c.ini", text, NULL, 0, &c), RF_OK);
    static const double sizes[] = {32, 16, 128, 64, 512, 256};
    assert_int_equal(c.anchors.sizes.n, 6);
    assert_memory_equal(c.anchors.sizes.v, sizes, sizeof sizes);
    assert_true(c.anchors.centre_offset == -1 && c.model.channels == 64 && c.anchors.plus_one);
    assert_true(c.loss.box_beta == 1.0 / 9 && !c.augment.clip && !c.match.force_best);
    check_round_trip(&c);
    const char *other = "model.preset=paper";
    assert_int_equal(rf_config_parse("c.ini", text, &other, 1, &c), RF_OK);
    assert_int_equal(c.anchors.sizes.n, 15);
    assert_int_equal(c.model.channels, 64);
}

static void files_are_loaded_or_refused(void **state) {
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/rf_test_config_%ld.ini", (long)getpid());
    rf_config config;
    assert_int_equal(rf_config_load(path, NULL, 0, &config), RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), path));
    assert_non_null(strstr(rf_error_message(), "No such file"));
    assert_int_equal(rf_file_write_atomic(path, "[train]\nbatch=2\0", 16), RF_OK);
    assert_int_equal(rf_config_load(path, NULL, 0, &config), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "no text file"));
    assert_int_equal(rf_file_write_atomic(path, "[train]\nbatch=2", 15), RF_OK);
    assert_int_equal(rf_config_load(path, NULL, 0, &config), RF_OK);
    assert_int_equal(config.train.batch, 2);
    unlink(path);
    assert_int_equal(rf_config_load("/tmp", NULL, 0, &config), RF_ERR_IO);
}

/* Replaces up to 3 bytes at one place or two by words that an INI file is made of, right or wrong ones. */
static void damage(rf_rng *rng, char *text, size_t room) {
    static const char *const words[] = {"[train]", "[",    "]",    "=",  " ",         "\n", ";",  "#",    "-1",
                                        "1e400",   "nan",  "0x10", ",",  "=\n",       "\r", "",   "\xff", "yes",
                                        "0.5",     "1,2,", "\t",   "99", "[model]\n", ":",  " ;", "a",    "preset"};
    for (uint32_t n = 1 + rf_rng_below(rng, 2); n && *text; n--) {
        size_t length = strlen(text), at = rf_rng_below(rng, (uint32_t)length), drop = rf_rng_below(rng, 4);
        const char *word = words[rf_rng_below(rng, sizeof words / sizeof *words)];
        if (rf_rng_below(rng, 4) == 0) word = rf_config_key(rf_rng_below(rng, (uint32_t)rf_config_key_count()))->name;
        if (drop > length - at) drop = length - at;
        if (length + strlen(word) >= room) return;
        memmove(text + at + strlen(word), text + at + drop, length - at - drop + 1);
        memcpy(text + at, word, strlen(word));
    }
    if (*text && rf_rng_below(rng, 8) == 0) text[rf_rng_below(rng, (uint32_t)strlen(text))] = 0;
}

static void damaged_files_are_read_or_refused(void **state) {
    (void)state;
    static const char head[] = "# mine\n[model]\npreset = insightface ; theirs\nchannels = 32\n[train]\nbatch : 4\n"
                               "[optim]\nlr = 1e-3\nnesterov = on\n[schedule]\nkind = cosine\nsteps = 5,6\n[eval]\n"
                               "scales = 500, 800 ,0\n[data]\nroot = /a b/c\n[input]\nmean = 1,2,3\n";
    size_t read = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        rf_rng rng = rf_rng_make(12, 0, i, RF_STREAM_TEST);
        char text[2 * sizeof head], override[64] = "optim.momentum = 0.5";
        const char *overrides[] = {override};
        memcpy(text, head, sizeof head);
        damage(&rng, text, sizeof text);
        bool both = rf_rng_below(&rng, 4) == 0;
        if (both) damage(&rng, override, sizeof override);
        char *exact = rf_strdup(text); /* so that a sanitizer sees reads past the end */
        rf_config config, before;
        memset(&config, 0x5a, sizeof config);
        before = config;
        rf_fail(RF_OK, "%s", "");
        rf_status status = rf_config_parse("m.ini", exact, overrides, both, &config);
        rf_free(exact);
        if (status == RF_OK) {
            check_round_trip(&config);
            read++;
            continue;
        }
        assert_int_equal(status, RF_ERR_USER);
        const char *message = rf_error_message();
        if (strncmp(message, "m.ini:", 6) != 0 && strncmp(message, "--set ", 6) != 0) fail_msg("%s", message);
        assert_memory_equal(&config, &before, sizeof config);
    }
    assert_in_range(read, 50, 500);
}

static void the_reference_names_every_key(void **state) {
    (void)state;
    char *text;
    assert_int_equal(rf_config_reference(&text), RF_OK);
    const char *place = text;
    for (size_t i = 0; i < rf_config_key_count(); i++) {
        char cell[80];
        snprintf(cell, sizeof cell, "\n| `%s` | ", rf_config_key(i)->name);
        place = strstr(place, cell); /* in schema order */
        assert_non_null(place);
        place++;
    }
    assert_non_null(strstr(place, "`preset = insightface`"));
    rf_free(text);
}

static void nearest_names(void **state) {
    (void)state;
    static const char *const names[] = {"batch", "seed", "warmup_epochs"};
    assert_string_equal(rf_nearest_name("batch", names, 3), "batch");
    assert_string_equal(rf_nearest_name("bacth", names, 3), "batch");
    assert_string_equal(rf_nearest_name("sed", names, 3), "seed");
    assert_string_equal(rf_nearest_name("warm", names, 3), "warmup_epochs"); /* its beginning */
    static const char *const options[] = {"out", "images", "score", "scales"};
    assert_null(rf_nearest_name("iou", options, 4)); /* two letters of three are no slip */
    assert_null(rf_nearest_name("sc", options, 4));
    assert_null(rf_nearest_name("x", options, 4));
    assert_string_equal(rf_nearest_name("uot", options, 4), "out");
    assert_string_equal(rf_nearest_name("imgaes", options, 4), "images");
    assert_string_equal(rf_nearest_name("warm_epochs", names, 3), "warmup_epochs");
    assert_null(rf_nearest_name("learning_rate", names, 3));
    assert_null(rf_nearest_name("", names, 3));
    char longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_null(rf_nearest_name(longest, names, 3));
    assert_int_equal(rf_name_find("key", "seed", names, 3), 1);
    assert_int_equal(rf_name_find("key", "bacth", names, 3), -1);
    assert_string_equal(rf_error_message(),
                        "no key is called \"bacth\"; did you mean \"batch\"? There are: batch, seed, warmup_epochs");
    assert_int_equal(rf_name_find("key", "", names, 2), -1);
    assert_string_equal(rf_error_message(), "no key is called \"\"; there are: batch, seed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_inside_its_bounds_and_parses),
        cmocka_unit_test(every_word_is_a_place),
        cmocka_unit_test(printing_reads_back_to_the_same_bits),
        cmocka_unit_test(wrong_names_are_told_with_the_nearest),
        cmocka_unit_test(wrong_values_are_told_with_what_was_expected),
        cmocka_unit_test(wrong_lines_and_combinations_are_told),
        cmocka_unit_test(comments_blanks_and_overrides_are_understood),
        cmocka_unit_test(the_paper_preset),
        cmocka_unit_test(the_biubug6_preset_spells_out_the_defaults),
        cmocka_unit_test(no_preset_cuts_what_its_source_does_not),
        cmocka_unit_test(the_insightface_preset_and_its_place),
        cmocka_unit_test(files_are_loaded_or_refused),
        cmocka_unit_test(damaged_files_are_read_or_refused),
        cmocka_unit_test(the_reference_names_every_key),
        cmocka_unit_test(nearest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
