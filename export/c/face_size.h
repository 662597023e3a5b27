/* SPDX-License-Identifier: Apache-2.0 */
enum { RF_POINTS = 5 };      /* landmarks of a face */
enum { RF_KINDS = 1 };       /* kinds of objects that are told apart */
#define RF_KIND_NAMES "face" /* their names, from label 0 on: const char *const names[RF_KINDS] = {RF_KIND_NAMES}; */
