/* SPDX-License-Identifier: Apache-2.0 */
/* Error reporting: every fallible function returns rf_status and leaves one sentence for the user in a per-thread
 * buffer: what happened, where (file:line when a file is at fault), what was expected, what to do. */
#ifndef RF_CORE_STATUS_H
#define RF_CORE_STATUS_H

typedef enum rf_status {
    RF_OK = 0,
    RF_ERR_USER,        /* a wrong option, key, value or shape the user chose: exit code 2 */
    RF_ERR_FORMAT,      /* a file whose contents are not what they should be: exit code 2 */
    RF_ERR_IO,          /* the system refused: missing file, disk full, permission: exit code 2 */
    RF_ERR_NOMEM,       /* an allocation failed: exit code 3 */
    RF_ERR_NONFINITE,   /* NaN or infinity where numbers were expected: exit code 4 */
    RF_ERR_INTERRUPTED, /* a signal of core/signals.h was honoured: exit code 130 */
} rf_status;

#if defined(__GNUC__)
#    define RF_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#    define RF_PRINTF(fmt, first)
#endif

/* Sets this thread's message and returns `code`, so that callers write `return rf_fail(RF_ERR_IO, "...")`.
 * Messages longer than 1023 bytes are cut. What names and values hold that would steer a terminal is shown as \x1b
 * (core/show.h), so that a message is one line of valid UTF-8. Thread safe. */
rf_status rf_fail(rf_status code, const char *fmt, ...) RF_PRINTF(2, 3);

/* Puts "text: " in front of this thread's message (who was asking) and returns `code`. */
rf_status rf_fail_context(rf_status code, const char *fmt, ...) RF_PRINTF(2, 3);

/* This thread's last message; "" before the first. Valid until the thread's next rf_fail. */
const char *rf_error_message(void);

/* The exit code of a program that ends with `status` (table above; 0 for RF_OK). */
int rf_exit_code(rf_status status);

/* Returns from the calling function when `expr` is not RF_OK. */
#define RF_TRY(expr)                                                                                                   \
    do {                                                                                                               \
        rf_status rf_try_status = (expr);                                                                              \
        if (rf_try_status != RF_OK) return rf_try_status;                                                              \
    } while (0)

/* The same inside a function with a `fail:` label and a variable `rf_status status`. */
#define RF_TRY_GOTO(expr)                                                                                              \
    do {                                                                                                               \
        status = (expr);                                                                                               \
        if (status != RF_OK) goto fail;                                                                                \
    } while (0)

#endif
