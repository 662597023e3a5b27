/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"
#include "train/optimizer.h"

#include "core/keys_rows.h"
#include "train/optim.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(optim, .check = NULL);
