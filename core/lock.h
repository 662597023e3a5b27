/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that one program at a time writes into. The lock is the system's own (an open file description lock on
 * DIR/.rf-lock), so a process that dies, however it dies, leaves none behind; over NFS it holds between machines, too.
 */
#ifndef RF_CORE_LOCK_H
#define RF_CORE_LOCK_H

#include <stdbool.h>

#include "core/status.h"

typedef struct rf_lock rf_lock;

/* Takes the lock of a folder, which exists. `purpose` says in a few words what writes there ("a training run").
 * RF_ERR_USER when another process, or another lock of this one, holds it: the message names the folder and the
 * holder's purpose, process and host. Programs that this one starts do not inherit it. Release with rf_lock_release. */
rf_status rf_lock_take(const char *dir, const char *purpose, rf_lock **out);

/* Makes the folder with its parents when it is missing, and takes its lock. */
rf_status rf_lock_make(const char *dir, const char *purpose, rf_lock **out);

/* False when the file system knows no locks (some network file systems): then nothing keeps two writers apart. */
bool rf_lock_holds(const rf_lock *lock);

/* Takes the lock of an open file, which ends when it is closed; false when somebody else has it. True as well where the
 * file system knows no locks. */
bool rf_lock_open_file(int file);

/* Frees the lock and removes its file. NULL allowed. */
void rf_lock_release(rf_lock *lock);

#endif
