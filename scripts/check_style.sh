#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Style, beside formatting and headers that compile alone (make style): names without _t or a leading underscore, no machine paths, file sizes, licences.
set -eu
bad=0
sources=$(git ls-files '*.c' '*.h')

hits=$(grep -nE '^(typedef .*[ )*]|(struct|enum|union) +)[a-z_]+_t *(;|\{|$)|\(\*[a-z_]+_t\)' $sources || true)
[ -z "$hits" ] || { echo "style: names end in _t:"; echo "$hits"; bad=1; }

hits=$(git grep -nE '/work/|/home/[a-z]|/root/|https?://[^ ]*(registry|deb\.debian|npmjs)' -- . ':!scripts/check_style.sh' || true)
[ -z "$hits" ] || { echo "style: machine paths or registry hosts:"; echo "$hits"; bad=1; }

hits=$(git ls-files '*.c' '*.h' '*.def' '*.proto' '*.sh' '*.bash' '*.zsh' '*.py' '*.js' '*.cpp' Makefile .ci/run |
    xargs awk 'FNR == 1 { found = 0 } FNR <= 2 && /SPDX-License-Identifier: Apache-2\.0/ { found = 1 }
        FNR == 2 { if (!found) print FILENAME; nextfile }')
[ -z "$hits" ] || { echo "style: not begun with the licence, SPDX-License-Identifier: Apache-2.0:"; echo "$hits"; bad=1; }

hits=$(echo "$sources" | xargs wc -l | awk '$1 > 450 && $2 != "total"')
[ -z "$hits" ] || { echo "style: files of more than about 400 lines:"; echo "$hits"; bad=1; }
exit $bad
