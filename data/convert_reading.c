/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the numbers of an annotation are in the unit and the form that its format says: seen over all boxes. */
#include "data/convert_select.h"

static void count_boxes(rf_selection *s, const rf_intake_face **first_share) {
    const rf_intake *in = s->intake;
    for (size_t k = 0; k < in->n_faces; k++) {
        const rf_intake_face *face = &in->faces[k];
        const rf_intake_image *m = &in->images[in->images[face->image].same];
        if ((!face->shares && m->width == 0) || !rf_is_wanted(s, face)) continue;
        size_t shares = s->tally.fractions;
        rf_box_tally_add(&s->tally, face->face.box, in->form, face->shares ? 1 : (float)m->width,
                         face->shares ? 1 : (float)m->height);
        if (!s->first_box && s->tally.n) s->first_box = face;
        if (s->tally.fractions > shares && !*first_share) *first_share = face;
    }
}

static rf_status choose_units(rf_selection *s, const rf_intake_face *first_share) {
    const rf_intake *in = s->intake;
    rf_units units = s->job->options->units;
    const rf_box_tally *t = &s->tally;
    s->shares = units == RF_UNITS_SHARES;
    if (units != RF_UNITS_AUTO || t->n == 0 || s->first_box->shares || t->shares == 0) return RF_OK;
    const char *file = rf_selection_file(in, s->first_box->image);
    if (rf_box_tally_shares(t)) {
        s->shares = true;
        return rf_convert_tell(s->job, RF_CONVERT_SHARES, t->n, file, s->first_box->line,
                               "note: all %zu boxes lie within 0 and 1 and were read as shares of the image's size "
                               "(--units pixels takes them as they are)",
                               t->n);
    }
    if (t->shares == t->n)
        return rf_fail(RF_ERR_USER,
                       "%s:%d: every box is made of 0 and 1: pixels or shares of the image's size; tell by --units "
                       "pixels or --units shares",
                       file, s->first_box->line);
    if (2 * t->fractions > t->n)
        return rf_fail(RF_ERR_USER,
                       "%s:%d: %zu of %zu boxes look like shares of the image's size and the others like pixels; "
                       "correct them, or tell by --units pixels or --units shares",
                       rf_selection_file(in, first_share->image), first_share->line, t->fractions, t->n);
    return RF_OK;
}

rf_status rf_select_reading(rf_selection *s) {
    const rf_intake_face *first_share = NULL;
    rf_box_form asked = s->job->options->boxes;
    s->form = asked != RF_BOX_OWN ? asked : s->intake->form;
    if (s->intake->form == RF_BOX_OWN && asked != RF_BOX_OWN)
        return rf_fail(RF_ERR_USER, "%s: --boxes is for formats whose boxes are four numbers", s->intake->files[0]);
    count_boxes(s, &first_share);
    return choose_units(s, first_share);
}

rf_status rf_check_form(const rf_selection *s) {
    const rf_intake *in = s->intake;
    rf_box_form other = rf_box_form_other(in->form);
    if (s->job->options->boxes != RF_BOX_OWN || s->shares || !rf_box_tally_other(&s->tally)) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "%s:%d: are the boxes %s? All %zu fit their images so, but %zu do not as %s; tell by --boxes %s or "
                   "--boxes %s",
                   rf_selection_file(in, s->first_box->image), s->first_box->line, rf_box_form_names[other], s->tally.n,
                   s->tally.wrong, rf_box_form_names[in->form], rf_box_form_words[other], rf_box_form_words[in->form]);
}
