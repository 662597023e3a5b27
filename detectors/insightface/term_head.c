/* SPDX-License-Identifier: Apache-2.0 */
/* The loss of whole heads (insightface's HEAD_BOX): what the first stage does for faces, for their boxes grown and with
 * outputs of their own, without landmarks. */
#include "core/mem.h"
#include "detect/box.h"
#include "detect/loss/loss_stage.h"
#include "detect/loss/term_kind.h"

typedef struct head_term {
    rf_loss_stage stage;
    rf_loss_batch batch; /* the faces below; nothing else */
    rf_face *faces;      /* of all images, one after the other */
    rf_face **lists;     /* [n] where an image begins */
    size_t capacity;     /* of faces */
} head_term;

static bool on(const rf_config *config) {
    return config->model.head_box;
}

static void release(void *state) {
    head_term *head = state;
    rf_loss_stage_free(&head->stage);
    rf_free(head->faces);
    rf_free(head->lists);
}

static rf_status reserve(head_term *loss, size_t faces) {
    if (faces <= loss->capacity) return RF_OK;
    rf_face *grown = rf_realloc(loss->faces, loss->capacity, 2 * faces, sizeof *grown);
    if (!grown) return RF_ERR_NOMEM;
    loss->faces = grown;
    loss->capacity = 2 * faces;
    return RF_OK;
}

static rf_status set_batch(void *state, const rf_loss_batch *batch) {
    head_term *loss = state;
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

static rf_status build(const rf_term_context *context, void *state) {
    head_term *loss = state;
    rf_graph *g = context->graph;
    const rf_config *config = context->config;
    rf_loss_common *common = context->matches->common;
    double cls = config->loss.head_box_weight * config->loss.cls_weight;
    double box = config->loss.head_box_weight * config->loss.box_weight;
    rf_loss_parts parts;
    RF_TRY(rf_loss_stage_make(common, NULL, &loss->stage));
    loss->stage.batch = &loss->batch;
    loss->lists = rf_alloc((size_t)common->n, sizeof *loss->lists);
    if (!loss->lists) return RF_ERR_NOMEM;
    RF_TRY(rf_loss_stage_build(&loss->stage, g, &context->detector->outputs, "head_", &parts));
    rf_value sum = rf_apply2(g, "add", rf_apply1(g, "scale", parts.cls, "factor=%.17g", cls),
                             rf_apply1(g, "scale", parts.box, "factor=%.17g", box), "%s", "");
    RF_TRY(rf_terms_add(context->terms, g, "head", sum, 1, RF_TERM_SUM, 0));
    RF_TRY(rf_terms_add(context->terms, g, "head_cls", parts.cls, cls, RF_TERM_REPORT, 0));
    return rf_terms_add(context->terms, g, "head_box", parts.box, box, RF_TERM_REPORT, 0);
}

const rf_term_kind rf_term_head = {
    .name = "head",
    .doc = "classification and boxes of whole heads, by outputs of their own (insightface's HEAD_BOX)",
    .state_bytes = sizeof(head_term),
    .build = build,
    .free = release,
    .key = "model.head_box",
    .on = on,
    .set_batch = set_batch,
};
