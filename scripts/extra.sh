#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the source that calls rf_plugin_init of every source of `make EXTRA=DIR` that defines one, in the order given; a file that
# is right already stays as it is. Usage: scripts/extra.sh OUT SOURCE...
set -eu
out=$1
shift
calls=
names=
for source; do
    grep -qE '^[a-z_ ]*rf_plugin_init *\(' "$source" || continue
    name=rf_plugin_init_$(printf '%s' "$source" | tr -c 'A-Za-z0-9' _)
    names="${names}rf_status $name(void);
"
    calls="$calls    RF_TRY($name());
"
done
if [ -z "$calls" ]; then
    echo "EXTRA: no source in $(dirname "$1") defines 'rf_status rf_plugin_init(void)', so nothing would use it (docs/extending.md)" >&2
    exit 2
fi
mkdir -p "$(dirname "$out")"
cat >"$out.new" <<END
/* SPDX-License-Identifier: Apache-2.0 */
/* Written by scripts/extra.sh. */
#include "core/plugin.h"

$names
rf_status rf_plugin_init(void) {
$calls    return RF_OK;
}
END
if cmp -s "$out.new" "$out"; then rm "$out.new"; else mv "$out.new" "$out"; fi
