/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations that are found by name (cli/find.h), a row each. */
#ifndef RF_CLI_TRAIN_LIST_H
#define RF_CLI_TRAIN_LIST_H

#include "core/status.h"

/* Prints name, parameters, multiply-adds for a picture of 640x640, and what a line "#: ..." of the file says of AP and
 * time. A configuration that cannot be read is named on stderr and hides no other. */
rf_status rf_train_list(void);

#endif
