/* SPDX-License-Identifier: Apache-2.0 */
/* rf-eval: average precision of a model, or of anybody's predictions. */
#include <string.h>

#include "cli/args.h"
#include "cli/eval_job.h"
#include "cli/find.h"
#include "cli/programs.h"
#include "cli/say.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/parallel.h"
#include "core/signals.h"

static const char name[] = "rf-eval";

static rf_eval_job j = {.score = -1, .iou = -1, .flip = -1, .tile = -1};
static long threads;
static const char *named; /* by --model */

static const rf_option options[] = {
    {"model", 'm', RF_OPT_TEXT, &named, "MODEL", RF_MODEL_DOC, 0, 0},
    {"data", 'd', RF_OPT_TEXT, &j.data, "ROOT", "data set: folder or annotation file, as rf-data check takes it", 0, 0},
    {"images", 0, RF_OPT_TEXT, &j.images, "DIR", "image folder of an annotation file (guessed)", 0, 0},
    {"list", 0, RF_OPT_TEXT, &j.list, "FILE", "only the images this file names, one a line", 0, 0},
    {"gt", 0, RF_OPT_TEXT, &j.gt, "DIR", "the official .mat files: print easy, medium and hard", 0, 0},
    {"protocol", 0, RF_OPT_TEXT, &j.protocol_name, "fddb|pascal_faces|mafa|landmarks|coco|wider_test",
     "score as a data set's publications do; pascal_faces also fits AFW", 0, 0},
    {"pred", 0, RF_OPT_TEXT, &j.pred_in, "DIR",
     "score predictions, no model: a folder with DIR/<event>/<image>.txt (with --gt or --protocol and --data), "
     "files\n"
     "as FDDB has them or COCO's results JSON (with --protocol and --data)",
     0, 0},
    {"rule", 0, RF_OPT_TEXT, &j.rule_name, "python|matlab",
     "with --gt: which program's AP leads in what is printed and drawn, the Python port's or that of the data\n"
     "set's own MATLAB tool; the other stands beside it (python)",
     0, 0},
    {"ids", 0, RF_OPT_TEXT, &j.ids, "FILE",
     "with --pred RESULTS.json (COCO's results): the COCO annotation that tells which picture an image_id is", 0, 0},
    {"sizes", 0, RF_OPT_TEXT, &j.sizes, "FILE",
     "with --protocol fddb: name, width and height of each picture, one a line, where the pictures are not at hand", 0,
     0},
    {"pred-out", 0, RF_OPT_TEXT, &j.pred_out, "DIR", "write predictions in that layout", 0, 0},
    {"scales", 0, RF_OPT_TEXT, &j.scales, "original|srn|S[,S...]",
     "short edges to test at (the model's eval.scales), or SRN's schedule", 0, 0},
    {"flip", 0, RF_OPT_TOGGLE, &j.flip, NULL, "also test the mirror image (eval.flip; --no-flip)", 0, 0},
    {"tile", 0, RF_OPT_INT, &j.tile, "SIDE",
     "look at pictures of more than SIDE x SIDE pixels in tiles, 2048 say, instead of shrinking them (eval.tile)", 0,
     16384},
    {"merge", 0, RF_OPT_TEXT, &j.merge, "nms|soft_linear|soft_gaussian|vote|weighted",
     "how overlapping detections are merged (eval.merge)", 0, 0},
    {"iou", 0, RF_OPT_REAL, &j.iou, "X", "threshold of the merge (eval.iou)", 0, 1},
    {"score", 0, RF_OPT_REAL, &j.score, "X", "lowest score (eval.score)", 0, 1},
    {"paper", 0, RF_OPT_FLAG, &j.paper, NULL,
     "the paper's test: 500,800,1100,1400,1700, flip, voting; --set and the options above\nchange parts of it", 0, 0},
    {"config", 'c', RF_OPT_TEXT, &j.config, "INI", "configuration, when the weights carry none or another", 0, 0},
    {"set", 0, RF_OPT_LIST, &j.sets, "SECTION.KEY=VALUE", "override a setting; may be repeated", 0, 0},
    {"json", 0, RF_OPT_TEXT, &j.json, "FILE", "write the results as one JSON object; -: to stdout", 0, 0},
    {"report", 0, RF_OPT_TEXT, &j.report, "DIR", "write the curves as SVG and CSV (with --gt or --protocol)", 0, 0},
    {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC, 0, 1024},
    {0}};

static const rf_program program = {
    name,
    "average precision of a detector",
    "MODEL --data ROOT [options]  |  --pred DIR --gt DIR [options]  |  --pred DIR --protocol NAME --data ROOT",
    "  Finds the faces of every image of a data set and scores them: by the official WIDER FACE protocol when "
    "--gt\n"
    "  names the folder with its .mat files, by the protocol of another data set with --protocol, else by average\n"
    "  precision at IoU 0.5 and 0.5:0.95 and landmark error.",
    options,
    "  rf-eval runs/mnet/best.safetensors --data /data/widerface --gt /data/widerface/ground_truth\n"
    "  rf-eval --pred predictions --gt /data/widerface/ground_truth --report report\n"
    "  rf-eval best.safetensors --data FDDB/ellipses.txt --images FDDB/originalPics --protocol fddb --report "
    "report\n"
    "  rf-eval best.safetensors --data wider_face_test_filelist.txt --images WIDER_test/images --protocol "
    "wider_test\n"
    "      --pred-out submission",
    "  Exit status 1 tells that pictures were skipped; --json has their names and reasons under \"errors\".",
    0,
    1};

/* What does not go together, and what is missing; 0: nothing. n: models that are named. */
static int check_words(size_t n) {
    if (j.protocol_name && !(j.protocol = rf_protocol_find(j.protocol_name))) return rf_cli_fail(name, RF_ERR_USER);
    int rule = j.rule_name ? rf_name_find("rule", j.rule_name, rf_wider_rule_names, RF_WIDER_RULES) : RF_WIDER_PYTHON;
    if (rule < 0) return rf_cli_fail(name, RF_ERR_USER);
    j.rule = (rf_wider_rule)rule;
    if (j.rule_name && !j.gt) return rf_cli_usage(name, "--rule is about the official ground truth: add --gt DIR");
    if (j.sizes && !(j.protocol && j.protocol->needs_ellipses))
        return rf_cli_usage(name, "--sizes is for --protocol fddb");
    if (j.ids && !(j.protocol && j.pred_in))
        return rf_cli_usage(name, "--ids is for --protocol NAME --pred RESULTS.json");
    if (j.protocol && j.gt) return rf_cli_usage(name, "--gt and --protocol: one at a time");
    if (j.pred_in && (n || (j.protocol ? !j.data : !j.gt)))
        return rf_cli_usage(name, "--pred DIR takes --gt DIR, or --protocol and --data, and no model");
    if (!j.pred_in && (!n || !j.data))
        return rf_cli_usage(name, "a model and --data ROOT are needed, or --pred and --gt");
    if (j.pred_in && j.data && rf_output_is_input(j.pred_in, j.data))
        return rf_cli_usage(name, "--pred and --data are one: the annotation would be scored by itself");
    if (j.report && !j.gt && !(j.protocol && j.protocol->x_label))
        return rf_cli_usage(name,
                            "--report draws curves: add --gt DIR for WIDER FACE, or for data of your own --protocol "
                            "pascal_faces (precision and recall at IoU 0.5)");
    if (j.protocol && !j.protocol->x_label && !j.pred_out)
        return rf_cli_usage(name, "--protocol %s writes a folder: add --pred-out DIR", j.protocol_name);
    return 0;
}

/* What is to be written can be, before the work begins, and is nothing that is read. */
static rf_status check_outputs(void) {
    const char *const inputs[][2] = {{"the model", j.model},     {"the annotation", j.data},
                                     {"the list", j.list},       {"the configuration", j.config},
                                     {"the ground truth", j.gt}, {"the predictions", j.pred_in}};
    RF_TRY(rf_output_open("--json", j.json, &j.file));
    RF_TRY(rf_output_claim_folder("--pred-out", j.pred_out, "rf-eval"));
    RF_TRY(rf_output_claim_folder("--report", j.report, "rf-eval"));
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        RF_TRY(rf_output_not_input("--json", j.json, inputs[i][0], inputs[i][1]));
    return rf_output_not_input("--pred-out", j.pred_out, "the predictions", j.pred_in);
}

static rf_status write_json(void) {
    char *text = NULL;
    rf_json_end_object(&j.out);
    RF_TRY(rf_json_finish(&j.out, &text));
    rf_status status = rf_output_write(&j.file, text);
    rf_free(text);
    return status;
}

int rf_eval_main(int argc, char **argv) {
    size_t n = 0;
    rf_args_action action = rf_args_parse(&program, argc, argv, &j.model, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (named && n) return rf_cli_usage(name, "two models: %s and --model %s", j.model, named);
    if (named) j.model = named;
    int wrong = check_words(n + (named != NULL));
    if (wrong) return wrong;
    rf_set_threads((int)threads);
    rf_json_begin_object(&j.out, NULL);
    const char *found = j.model ? rf_find_model(j.model) : NULL; /* one that is nowhere is told in its turn */
    if (found) j.model = found;
    rf_status_clear();
    rf_status status = rf_signals_install();
    if (status == RF_OK) status = check_outputs();
    if (status == RF_OK)
        status = j.pred_in && j.protocol ? rf_eval_files(&j) : j.pred_in ? rf_eval_predictions(&j) : rf_eval_model(&j);
    if (status == RF_OK) status = write_json();
    rf_output_close(&j.file);
    return status != RF_OK ? rf_cli_fail(name, status) : j.partial;
}
