/* SPDX-License-Identifier: Apache-2.0 */
/* docs/configuration.md is what the schema says: `rf-train --reference > docs/configuration.md` after a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "settings/settings.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/plugin.h"

/* There in a build with EXTRA, whose reference also has what is registered. */
rf_status rf_plugin_init(void) __attribute__((weak, visibility("hidden")));

static void configuration_reference_is_current(void **state) {
    (void)state;
    if (rf_plugin_init) {
        printf("skip: the document is that of rf without EXTRA\n");
        return;
    }
    char *text = NULL;
    uint8_t *file = NULL;
    size_t size = 0;
    assert_int_equal(rf_config_reference(&text), RF_OK);
    assert_int_equal(rf_file_read("docs/configuration.md", 0, &file, &size), RF_OK);
    assert_string_equal(text, (const char *)file);
    rf_free(text);
    rf_free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(configuration_reference_is_current)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
