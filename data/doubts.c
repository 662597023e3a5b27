/* SPDX-License-Identifier: Apache-2.0 */
#include "data/doubts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* A landmark further outside its box than this share of the box's size belongs to another face, or to another column.
 */
static const float point_slack = 0.5f;
/* Boxes may reach this many pixels over the border: annotators round. */
static const float border_slack = 2;
/* Shares of a box that reaches over the border a little. */
static const float share_slack = 0.25f;
/* A box is wrong in its format's reading when it ends this share of the picture's size behind the border. */
static const float far_out = 0.05f;
/* ... and fits in the other one when it ends no more than this behind it: annotators round. */
static const float round_up = 0.01f;
enum { WRONG_MIN = 3, WRONG_SHARE = 5 };

bool rf_box_fits(const float box[4], int width, int height) {
    return box[2] <= (float)width + border_slack && box[3] <= (float)height + border_slack;
}

static void check_reach(const rf_face *face, int width, int height, rf_doubt_fn tell, void *ctx) {
    const float *b = face->box;
    float w = (float)width, h = (float)height;
    char text[256];
    if (width == 0 || b[2] <= b[0] || b[3] <= b[1]) return;
    if (b[0] >= w || b[1] >= h || b[2] <= 0 || b[3] <= 0) return; /* outside: worse than doubtful */
    if (b[0] >= -border_slack && b[1] >= -border_slack && b[2] <= w + border_slack && b[3] <= h + border_slack) return;
    snprintf(text, sizeof text, "the box (%g, %g)-(%g, %g) reaches out of the image, which has %dx%d pixels", b[0],
             b[1], b[2], b[3], width, height);
    tell(ctx, RF_DOUBT_REACHES, text);
}

static void check_points(const rf_face *face, rf_doubt_fn tell, void *ctx) {
    static const char *const names[RF_POINTS] = {"left eye", "right eye", "nose", "left mouth corner",
                                                 "right mouth corner"};
    const float *box = face->box, *p = face->points;
    float slack_x = point_slack * (box[2] - box[0]), slack_y = point_slack * (box[3] - box[1]);
    for (int k = 0; k < face->n_points; k++) {
        float x = p[2 * k], y = p[2 * k + 1];
        char text[256];
        if (x >= box[0] - slack_x && x <= box[2] + slack_x && y >= box[1] - slack_y && y <= box[3] + slack_y) continue;
        char number[24];
        snprintf(number, sizeof number, "point %d", k);
        snprintf(text, sizeof text, "the %s (%g, %g) is far outside the box (%g, %g)-(%g, %g)",
                 face->n_points == RF_POINTS ? names[k] : number, x, y, box[0], box[1], box[2], box[3]);
        tell(ctx, RF_DOUBT_FAR_POINT, text);
        return;
    }
    if (face->n_points != RF_POINTS) return;
    /* Seen with the mouth below the eyes, the image-left point comes first; both pairs the other way round is a
     * mirrored label. */
    float down_x = p[6] + p[8] - p[0] - p[2], down_y = p[7] + p[9] - p[1] - p[3];
    float eyes = (p[2] - p[0]) * down_y - (p[3] - p[1]) * down_x,
          mouth = (p[8] - p[6]) * down_y - (p[9] - p[7]) * down_x;
    float area = (box[2] - box[0]) * (box[3] - box[1]);
    if (eyes < -0.05f * area && mouth < -0.05f * area)
        tell(ctx, RF_DOUBT_MIRRORED,
             "left and right landmarks are swapped; the point on the left of the picture comes first");
}

void rf_face_doubts(const rf_face *face, int width, int height, rf_doubt_fn tell, void *ctx) {
    check_reach(face, width, height, tell, ctx);
    if (face->n_points) check_points(face, tell, ctx);
}

typedef struct ranked {
    const float *box;
    size_t index;
} ranked;

static int by_box(const void *a, const void *b) {
    const ranked *p = a, *q = b;
    int order = memcmp(p->box, q->box, 4 * sizeof *p->box);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

rf_status rf_faces_first_same(const rf_face *faces, size_t n, size_t *first) {
    ranked *order = rf_alloc(n, sizeof *order);
    if (!order) return RF_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) order[i] = (ranked){faces[i].box, i};
    qsort(order, n, sizeof *order, by_box);
    for (size_t i = 0, begin = 0; i < n; i++) {
        if (memcmp(order[begin].box, order[i].box, 4 * sizeof *order[i].box) != 0) begin = i;
        first[order[i].index] = order[begin].index;
    }
    rf_free(order);
    return RF_OK;
}

bool rf_box_in_shares(const float box[4]) {
    for (int k = 0; k < 4; k++)
        if (!(box[k] >= -share_slack && box[k] <= 1 + share_slack)) return false;
    return true;
}

bool rf_points_equal(const float *points, int n) {
    for (int k = 2; k < 2 * n; k++)
        if (points[k] != points[k - 2]) return false;
    return n > 1;
}

const char *const rf_box_form_words[RF_BOX_FORMS] = {"auto", "corners", "sizes", "centres"};
const char *const rf_box_form_names[RF_BOX_FORMS] = {
    [RF_BOX_OWN] = "",
    [RF_BOX_CORNERS] = "corners (x1 y1 x2 y2)",
    [RF_BOX_SIZES] = "sizes (x y w h)",
    [RF_BOX_CENTRES] = "centres (cx cy w h)",
};

rf_box_form rf_box_form_other(rf_box_form form) {
    return form == RF_BOX_OWN ? RF_BOX_OWN : form == RF_BOX_CORNERS ? RF_BOX_SIZES : RF_BOX_CORNERS;
}

void rf_box_reread(const float box[4], rf_box_form form, rf_box_form other, float out[4]) {
    float raw[4];
    for (int k = 0; k < 4; k++) raw[k] = box[k];
    for (int k = 0; k < 2; k++) {
        if (form == RF_BOX_SIZES || form == RF_BOX_CENTRES) raw[k + 2] = box[k + 2] - box[k];
        if (form == RF_BOX_CENTRES) raw[k] = 0.5f * (box[k] + box[k + 2]);
    }
    for (int k = 0; k < 2; k++) {
        bool centre = other == RF_BOX_CENTRES, sizes = centre || other == RF_BOX_SIZES;
        out[k] = centre ? raw[k] - 0.5f * raw[k + 2] : raw[k];
        out[k + 2] = sizes ? out[k] + raw[k + 2] : raw[k + 2];
    }
}

/* Whether the box has area and lies in the picture, or a share `slack` of its size outside. */
static bool fits(const float box[4], float width, float height, float slack) {
    return box[2] > box[0] && box[3] > box[1] && box[0] < width && box[1] < height && box[0] >= -slack * width &&
           box[1] >= -slack * height && box[2] <= (1 + slack) * width && box[3] <= (1 + slack) * height;
}

void rf_box_tally_add(rf_box_tally *tally, const float box[4], rf_box_form form, float width, float height) {
    float other[4];
    if (box[2] == box[0] || box[3] == box[1]) return; /* no area in any reading */
    rf_box_reread(box, form, rf_box_form_other(form), other);
    tally->n++;
    if (rf_box_in_shares(box)) {
        bool whole = true;
        for (int k = 0; k < 4; k++) whole = whole && box[k] == floorf(box[k]);
        tally->shares++;
        tally->fractions += !whole;
    }
    if (form == RF_BOX_OWN) return;
    tally->wrong += !fits(box, width, height, far_out);
    tally->other += fits(other, width, height, round_up);
}

bool rf_box_tally_other(const rf_box_tally *tally) {
    return tally->wrong >= WRONG_MIN && tally->wrong >= tally->n / WRONG_SHARE && tally->other == tally->n;
}

bool rf_box_tally_shares(const rf_box_tally *tally) {
    return tally->n > 0 && tally->shares == tally->n && tally->fractions > 0;
}
