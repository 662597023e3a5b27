/* SPDX-License-Identifier: Apache-2.0 */
/* MAFA's kinds of faces (Ge et al., CVPR 2017): rf_face.kind of a data set in its format. */
#ifndef RF_DATA_MAFA_H
#define RF_DATA_MAFA_H

typedef enum rf_mafa_kind { RF_MAFA_MASKED = 1, RF_MAFA_UNMASKED = 2, RF_MAFA_INVALID = 3 } rf_mafa_kind;

#endif
