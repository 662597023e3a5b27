/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss_head.h"

#include "core/mem.h"
#include "detect/box.h"

rf_status rf_head_loss_make(const rf_config *config, rf_loss_common *common, rf_head_loss *out) {
    *out = (rf_head_loss){.on = config->model.head_box,
                          .weight = config->loss.head_box_weight,
                          .cls_weight = config->loss.cls_weight,
                          .box_weight = config->loss.box_weight};
    if (!out->on) return RF_OK;
    RF_TRY(rf_loss_stage_make(common, NULL, &out->stage));
    out->stage.batch = &out->batch;
    out->lists = rf_alloc((size_t)common->n, sizeof *out->lists);
    return out->lists ? RF_OK : RF_ERR_NOMEM;
}

void rf_head_loss_free(rf_head_loss *loss) {
    rf_loss_stage_free(&loss->stage);
    rf_free(loss->faces);
    rf_free(loss->lists);
}

static rf_status reserve(rf_head_loss *loss, size_t faces) {
    if (faces <= loss->capacity) return RF_OK;
    rf_face *grown = rf_realloc(loss->faces, loss->capacity, 2 * faces, sizeof *grown);
    if (!grown) return RF_ERR_NOMEM;
    loss->faces = grown;
    loss->capacity = 2 * faces;
    return RF_OK;
}

rf_status rf_head_loss_set_batch(rf_head_loss *loss, const rf_loss_batch *batch) {
    if (!loss->on) return RF_OK;
    const rf_loss_common *common = loss->stage.common;
    size_t total = 0, n = (size_t)common->n;
    for (size_t i = 0; i < n; i++) total += batch->n_faces[i];
    RF_TRY(reserve(loss, total));
    rf_face *head = loss->faces;
    for (size_t i = 0; i < n; i++) {
        loss->lists[i] = head;
        for (size_t k = 0; k < batch->n_faces[i]; k++, head++) {
            *head = batch->faces[i][k];
            rf_box_head(batch->faces[i][k].box, common->anchors.width, common->anchors.height, head->box);
        }
    }
    loss->batch = (rf_loss_batch){.faces = loss->lists, .n_faces = batch->n_faces};
    return RF_OK;
}

static rf_status build(rf_head_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    double cls = loss->weight * loss->cls_weight, box = loss->weight * loss->box_weight;
    rf_loss_parts parts;
    RF_TRY(rf_loss_stage_build(&loss->stage, g, &detector->outputs, "head_", &parts));
    rf_value sum = rf_apply2(g, "add", rf_apply1(g, "scale", parts.cls, "factor=%.17g", cls),
                             rf_apply1(g, "scale", parts.box, "factor=%.17g", box), "%s", "");
    RF_TRY(rf_terms_add(terms, g, "head", sum, 1, RF_TERM_SUM, 0));
    RF_TRY(rf_terms_add(terms, g, "head_cls", parts.cls, cls, RF_TERM_REPORT, 0));
    return rf_terms_add(terms, g, "head_box", parts.box, box, RF_TERM_REPORT, 0);
}

rf_status rf_head_loss_build(rf_head_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    if (!loss->on) return RF_OK;
    int scope = rf_graph_scope(g, "head");
    rf_status status = build(loss, g, detector, terms);
    rf_graph_scope_end(g, scope);
    return status;
}
