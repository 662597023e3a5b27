/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "core/keys_rows.h"
#include "train/train.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(train, .check = NULL);
