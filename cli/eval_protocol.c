#include "cli/eval_protocol.h"
#include "cli/say.h"

#include <math.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/sample.h"
#include "eval/fddb_file.h"
#include "eval/predictions.h"

static rf_status write_report(const rf_protocol_job *job, const rf_protocol_result *result) {
    if (!job->report) return RF_OK;
    char file[80];
    snprintf(file, sizeof file, "%s.svg", job->protocol->name);
    char *svg = rf_path_join(job->report, file); /* own name */
    snprintf(file, sizeof file, "%s.csv", job->protocol->name);
    char *csv = rf_path_join(job->report, file); /* own name */
    rf_status status = svg && csv ? rf_dir_make(job->report) : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_protocol_svg(job->protocol, result, svg);
    if (status == RF_OK) status = rf_protocol_csv(job->protocol, result, csv);
    rf_free(svg);
    rf_free(csv);
    return status;
}

static rf_status write_detections(const rf_protocol_job *job, const rf_protocol_input *input) {
    if (!job->pred_out) return RF_OK;
    if (job->protocol->write) return job->protocol->write(input, job->pred_out);
    return rf_predictions_write(job->pred_out, job->dataset, job->lists);
}

/* Sizes of the pictures whose header can be read: shapes end at their edges. */
static rf_status measure(const rf_dataset *dataset, int (**sizes)[2]) {
    size_t unknown = 0;
    rf_decode_options options = rf_sample_options(dataset);
    *sizes = rf_alloc(dataset->n_samples, sizeof **sizes);
    if (!*sizes) return RF_ERR_NOMEM;
    for (size_t i = 0; i < dataset->n_samples; i++) {
        rf_image_info info;
        rf_status status = rf_image_probe(dataset->samples[i].path, &options, &info);
        if (status == RF_ERR_NOMEM) return status;
        if (status == RF_OK) {
            (*sizes)[i][0] = info.width;
            (*sizes)[i][1] = info.height;
        }
        unknown += status != RF_OK;
    }
    if (unknown) rf_say("%zu images are not there: shapes do not end at their edges\n", unknown);
    return RF_OK;
}

static void tell(const rf_protocol_job *job, const rf_protocol_result *result) {
    for (size_t i = 0; i < result->n_values; i++) {
        const rf_protocol_value *v = &result->values[i];
        bool count = isfinite(v->value) && v->value > 1 && v->value == floor(v->value);
        rf_say("%-26s %.*f\n", v->name, count ? 0 : 6, v->value);
        if (isfinite(v->value)) rf_json_put_number(job->out, v->name, v->value);
    }
}

rf_status rf_eval_protocol(const rf_protocol_job *job) {
    int(*sizes)[2] = NULL;
    rf_protocol_result result = {0};
    rf_protocol_input input = {.truth = job->dataset, .detections = job->lists, .ellipses = job->ellipses};
    rf_status status = RF_OK;
    if (job->protocol->needs_ellipses) RF_TRY_GOTO(measure(job->dataset, &sizes));
    input.sizes = (const int(*)[2])sizes;
    double begin = rf_clock_seconds();
    RF_TRY_GOTO(rf_protocol_run(job->protocol, &input, &result));
    rf_say("%s (scored in %.2f s)\n", job->protocol->doc, rf_clock_seconds() - begin);
    tell(job, &result);
    RF_TRY_GOTO(write_report(job, &result));
    status = write_detections(job, &input);
fail:
    rf_protocol_result_free(&result);
    rf_free(sizes);
    return status;
}

rf_status rf_eval_protocol_files(const rf_protocol_job *job, const char *pred) {
    size_t n = job->dataset->n_samples, missing = 0;
    rf_protocol_job with = *job;
    rf_face_list *lists = rf_alloc(n, sizeof *lists);
    rf_ellipse **ellipses = rf_alloc(n, sizeof(rf_ellipse *));
    rf_status status = lists && ellipses ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK)
        status = rf_dir_exists(pred) ? rf_predictions_read(pred, job->dataset, lists, &missing)
                                     : rf_fddb_read(pred, job->dataset, lists, ellipses, &missing);
    if (status == RF_OK) {
        if (missing) rf_say("%zu images have no predictions: counted as no detection\n", missing);
        with.lists = lists;
        with.ellipses = (const rf_ellipse *const *)ellipses;
        status = rf_eval_protocol(&with);
    }
    for (size_t i = 0; lists && i < n; i++) rf_face_list_free(&lists[i]);
    for (size_t i = 0; ellipses && i < n; i++) rf_free(ellipses[i]);
    rf_free(lists);
    rf_free(ellipses);
    return status;
}
