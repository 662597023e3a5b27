#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names the commit of the source tree: git's description of it, or what a source package brought along in .commit, or nothing.
# Usage: scripts/commit.sh [HEADER]   writes HEADER, a C header with RF_COMMIT, when it would change, and else prints the name.
set -eu
cd "$(dirname "$0")/.."
commit=""
if [ -e .git ]; then
    # The owner of a tree that root builds may be somebody else, which git refuses otherwise.
    commit=$(git -c safe.directory="$PWD" describe --always --dirty --abbrev=10 2>/dev/null || true)
elif [ -f .commit ]; then
    commit=$(head -n 1 .commit)
    case "$commit" in *Format*) commit="" ;; esac # an archive made without git's substitution
fi
commit=$(printf "%s" "$commit" | tr -cd "A-Za-z0-9.+~-")
[ $# -gt 0 ] || { echo "$commit"; exit 0; }
text="#define RF_COMMIT \"$commit\""
[ -f "$1" ] && [ "$(cat "$1")" = "$text" ] && exit 0
mkdir -p "$(dirname "$1")"
echo "$text" >"$1"
