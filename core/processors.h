/* SPDX-License-Identifier: Apache-2.0 */
/* How many processors this process may use: the default number of threads. Thread safe. */
#ifndef RF_CORE_PROCESSORS_H
#define RF_CORE_PROCESSORS_H

#include <stdbool.h>

typedef struct rf_processors {
    int count;    /* what may run at a time: the mask or, when that is less, the quota rounded up; at least 1 */
    int mask;     /* processors of the affinity mask, at least 1 (taskset, cpusets) */
    bool all;     /* the mask has all of the machine's */
    double quota; /* processors' worth of time that the control groups give; 0: no limit */
} rf_processors;

/* Of this process. Never fails: what cannot be read is no limit. `root` is put before the paths of the files that are
 * read, also before those that they name: "" for the system, or a folder in which a test made such a tree. */
rf_processors rf_processors_find(const char *root);

/* The smallest CPU quota of this process's control groups and of all the groups around them, in processors (1.5: one
 * and a half); 0 when there is none. Versions 1 and 2, also both at once. */
double rf_processors_quota(const char *root);

#endif
