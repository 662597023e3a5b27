/* SPDX-License-Identifier: Apache-2.0 */
enum { RF_POINTS = 5 }; /* landmarks of a face */
