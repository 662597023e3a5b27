/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of the pictures that a model was trained on (data.terms): they go along with its weights. */
#ifndef RF_CLI_TERMS_H
#define RF_CLI_TERMS_H

#include "settings/settings.h"

/* Adds the terms of a file of weights to those of the configuration of what is trained from it. A file that carries
 * none adds none. RF_ERR_USER when both together are too long for the key. */
rf_status rf_terms_inherit(const char *weights, rf_config *config);

/* Says the terms of a model on stderr the first time that this user uses a model with them. That it was said is kept in
 * an empty file of $XDG_STATE_HOME/rf or ~/.local/state/rf; where that cannot be written it is said every time. */
void rf_terms_say(const char *model, const rf_config *config);

#endif
