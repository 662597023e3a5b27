#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Style: clang-format, headers that compile alone, names without _t or a leading underscore, no machine paths, file sizes, licences.
set -eu
bad=0
sources=$(git ls-files '*.c' '*.h')

if command -v clang-format >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    clang-format --dry-run --Werror $sources 2>/tmp/rf_style.$$ || { head -n 5 /tmp/rf_style.$$; echo "style: run make format"; bad=1; }
    rm -f /tmp/rf_style.$$
else
    echo "style: clang-format is not installed, formatting not checked"
fi

# shellcheck disable=SC2016
git ls-files '*.h' | grep -vx core/config_undef.h | xargs -n 8 -P "$(nproc 2>/dev/null || echo 1)" sh -c '
    bad=0
    for header; do
        echo "#include \"$header\"" | ${CC:-gcc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I. -Iinclude -DRF_ISA=generic -x c - ||
            { echo "style: $header does not compile alone"; bad=1; }
    done
    exit $bad' sh || bad=1

hits=$(grep -nE '^(typedef .*[ )*]|(struct|enum|union) +)[a-z_]+_t *(;|\{|$)|\(\*[a-z_]+_t\)' $sources || true)
[ -z "$hits" ] || { echo "style: names end in _t:"; echo "$hits"; bad=1; }

hits=$(git grep -nE '/work/|/home/[a-z]|/root/|https?://[^ ]*(registry|deb\.debian|npmjs)' -- . ':!scripts/check_style.sh' || true)
[ -z "$hits" ] || { echo "style: machine paths or registry hosts:"; echo "$hits"; bad=1; }

for file in $(git ls-files '*.c' '*.h' '*.def' '*.proto' '*.sh' '*.bash' '*.zsh' '*.py' '*.js' '*.cpp' Makefile .ci/run); do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' ||
        { echo "style: $file does not begin with its licence, SPDX-License-Identifier: Apache-2.0"; bad=1; }
done

for file in $sources; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 450 ] || { echo "style: $file has $lines lines (about 400 are allowed)"; bad=1; }
done
exit $bad
