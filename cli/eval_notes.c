/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval_notes.h"

#include "cli/say.h"
#include "core/mem.h"

void rf_eval_tell_notes(const rf_prediction_notes *notes, rf_json_writer *out) {
    rf_say("read %zu file%s, %zu rows\n", notes->files, notes->files == 1 ? "" : "s", notes->rows);
    rf_json_begin_object(out, "predictions");
    rf_json_put_int(out, "files", (long long)notes->files);
    rf_json_put_int(out, "rows", (long long)notes->rows);
    for (int i = 0; i < RF_NOTE_COUNT; i++) {
        if (!notes->n[i]) continue;
        rf_say("%s: %zu (first: %s)\n", rf_prediction_note_words[i], notes->n[i], notes->first[i]);
        rf_json_put_int(out, rf_prediction_note_names[i], (long long)notes->n[i]);
    }
    rf_json_end_object(out);
}

rf_status rf_eval_tell_doubt(rf_text *doubt, rf_json_writer *out) {
    char *words = NULL;
    RF_TRY(rf_text_finish(doubt, &words, NULL));
    if (*words) {
        rf_note("warning: %s\n", words);
        rf_json_put_string(out, "doubt", words);
    }
    rf_free(words);
    return RF_OK;
}
