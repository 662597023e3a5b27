/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/sampler.h"
#include "settings/settings.h"
#include "train/loss.h"
#include "train/loss_norm.h"

#include "core/keys_rows.h"
#include "train/loss.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(loss, .check = NULL);
