/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/cpu.h"
#include "cli/find.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/say.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "layers/detector.h"
#include "layers/init.h"

static bool is_configuration(const char *path) {
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".ini") == 0;
}

static rf_status open_model(rf_bench *b) {
    bool weights = !is_configuration(b->model);
    if (weights && !strchr(b->model, '/') && !rf_file_exists(b->model) && !rf_dir_exists(b->model) &&
        !rf_find_is_model(b->model))
        weights = false; /* a bare name is that of a model, else of a configuration */
    const char *found = weights ? rf_find_model(b->model) : rf_find_config(b->model);
    if (!found) return RF_ERR_USER;
    b->model = found;
    if (weights) {
        rf_model model;
        rf_status status = rf_model_open(b->model, NULL, b->sets.v, b->sets.n, &model);
        b->config = model.config;
        b->params = model.params;
        model.params = NULL;
        rf_model_close(&model);
        return status;
    }
    RF_TRY(rf_config_load(b->model, b->sets.v, b->sets.n, &b->config));
    RF_TRY(rf_detector_params(&b->config, &b->params));
    rf_params_init(b->params, (uint64_t)b->config.train.seed);
    return RF_OK;
}

bool rf_bench_begin(const rf_bench_command *command, int argc, char **argv, rf_bench *b, int *code) {
    memset(b, 0, sizeof *b);
    b->name = command->name;
    b->iterations = command->iterations;
    const char *named = NULL;
    rf_option options[10] = {
        {"iters", 0, RF_OPT_INT, &b->iterations, "N", "measured repetitions, after one to warm up", 1, 100000},
        {"threads", 't', RF_OPT_INT, &b->threads, "N", RF_THREADS_DOC, 0, 1024},
        {"model", 'm', RF_OPT_TEXT, &named, "MODEL", RF_MODEL_DOC ", or a configuration", 0, 0},
        {"json", 0, RF_OPT_TEXT, &b->json, "FILE",
         "write the medians as one JSON object, times in seconds; -: to stdout", 0, 0},
        {"set", 0, RF_OPT_LIST, &b->sets, "SECTION.KEY=VALUE", "override a setting; may be repeated", 0, 0}};
    int n = 5;
    if (command->size_doc)
        options[n++] = (rf_option){"size", 's', RF_OPT_SIZE, b->size, "WxH", command->size_doc, 32, 8192};
    if (command->batch)
        options[n++] = (rf_option){"batch",   'b', RF_OPT_INT,
                                   &b->batch, "N", "images at once (train.batch; infer: 1 unless --set gives it)",
                                   1,         4096};
    if (command->busy)
        options[n++] =
            (rf_option){"busy",     0,
                        RF_OPT_INT, &b->busy,
                        "N",        "measure again beside one, two ... N processes that keep a processor busy (0)",
                        0,          RF_BENCH_BUSY};
    if (command->profile)
        options[n++] = (rf_option){"profile",
                                   'p',
                                   RF_OPT_TEXT,
                                   &b->profile,
                                   "DIR",
                                   command->profile_doc
                                       ? command->profile_doc
                                       : "also print the costliest ops, and write DIR/ops.csv and DIR/roofline.svg",
                                   0,
                                   0};
    const rf_program program = {command->name,
                                command->summary,
                                "MODEL|CONFIG.ini [options]",
                                command->description,
                                options,
                                command->examples,
                                NULL,
                                0,
                                1};
    size_t words;
    rf_args_action action = rf_args_parse(&program, argc, argv, &b->model, &words);
    *code = rf_args_exit_code(action);
    if (action != RF_ARGS_RUN) return false;
    if (!words == !named) {
        *code = rf_cli_usage(b->name, words ? "two models: %s and --model %s" : "a model or a configuration is needed",
                             b->model, named);
        return false;
    }
    if (named) b->model = named;
    rf_set_threads((int)b->threads);
    rf_json_begin_object(&b->out, NULL);
    rf_status status = rf_output_open("--json", b->json, &b->file);
    if (status == RF_OK) status = rf_output_not_input("--json", b->json, "the model", b->model);
    if (status == RF_OK) status = rf_output_check_folder("--profile", b->profile);
    if (status == RF_OK) status = open_model(b);
    if (status != RF_OK) {
        *code = rf_bench_end(b, status);
        return false;
    }
    rf_json_put_string(&b->out, "model", b->model);
    rf_json_put_int(&b->out, "threads", rf_get_threads());
    rf_json_put_string(&b->out, "isa", rf_isa_text(rf_isa_current()));
    char threads[RF_THREADS_TEXT];
    rf_say("%s, %s, %s\n", b->model, rf_threads_text(threads, sizeof threads), rf_isa_text(rf_isa_current()));
    return true;
}

int rf_bench_end(rf_bench *b, rf_status status) {
    char *text = NULL;
    rf_json_end_object(&b->out);
    rf_status written = rf_json_finish(&b->out, &text);
    if (status == RF_OK) status = written;
    if (status == RF_OK) status = rf_output_write(&b->file, text);
    rf_output_close(&b->file);
    rf_free(text);
    rf_params_free(b->params);
    b->params = NULL;
    return status == RF_OK ? 0 : rf_cli_fail(b->name, status);
}

rf_status rf_samples_add(rf_samples *s, double seconds) {
    double *grown = rf_realloc(s->v, s->n, s->n + 1, sizeof *grown);
    if (!grown) return RF_ERR_NOMEM;
    s->v = grown;
    s->v[s->n++] = seconds;
    return RF_OK;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rf_samples_median(rf_samples *s) {
    if (s->n == 0) return 0;
    qsort(s->v, s->n, sizeof *s->v, by_value);
    return (s->v[(s->n - 1) / 2] + s->v[s->n / 2]) / 2;
}

void rf_bench_tell(rf_bench *b, const char *key, rf_samples *s) {
    double median = rf_samples_median(s);
    rf_json_put_number(&b->out, key, median);
    if (s->n) rf_say("%-10s %10.3f ms   (%.3f .. %.3f)\n", key, 1e3 * median, 1e3 * s->v[0], 1e3 * s->v[s->n - 1]);
}

void rf_bench_tell_rate(rf_bench *b, double images_per_second) {
    double rss = (double)rf_peak_rss() / 1e6;
    rf_say("%-10s %10.3f\n%-10s %10.0f MB\n", "img_s", images_per_second, "rss_mb", rss);
    rf_json_put_number(&b->out, "img_s", images_per_second);
    rf_json_put_number(&b->out, "rss_mb", rss);
}
