/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of tests that stand in their text. */
#ifndef RF_TESTS_CONFIG_TEXT_H
#define RF_TESTS_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "settings/settings.h"

#define expect_ok(call)                                                                                                \
    if ((call) != RF_OK) fail_msg("%s: %s", #call, rf_error_message())

static inline rf_config config_of(const char *text) {
    rf_config config;
    expect_ok(rf_config_parse("test", text, NULL, 0, &config));
    return config;
}

#endif
