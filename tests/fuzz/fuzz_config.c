/* SPDX-License-Identifier: Apache-2.0 */
/* INI files and --set texts, which follow a byte 1 each. What was read prints and reads back to the same bits. */
#include <assert.h>
#include <string.h>

#include "settings/settings.h"
#include "core/mem.h"
#include "tests/fuzz/harness.h"

enum { OVERRIDES = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rf_config config, back;
    const char *overrides[OVERRIDES];
    size_t n = 0;
    if (memchr(data, 0, size)) return 0; /* rf_config_load refuses it */
    char *text = rf_strndup((const char *)data, size), *printed;
    for (char *p = text; n < OVERRIDES && (p = strchr(p, 1));) {
        *p++ = 0;
        overrides[n++] = p;
    }
    harness_begin();
    rf_status status = rf_config_parse("fuzz.ini", text, overrides, n, &config);
    harness_end(status);
    if (status == RF_OK) {
        harness_begin();
        assert(rf_config_text(&config, &printed) == RF_OK);
        assert(rf_config_parse("printed.ini", printed, NULL, 0, &back) == RF_OK);
        assert(memcmp(&config, &back, sizeof back) == 0);
        rf_free(printed);
    }
    rf_free(text);
    return 0;
}
