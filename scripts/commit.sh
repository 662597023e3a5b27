#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names the commit of the source tree and its day: git's description of it, or what a source package brought along in .commit, or
# nothing. Usage: scripts/commit.sh [HEADER]   writes HEADER, a C header, when it would change, and else prints both.
set -eu
cd "$(dirname "$0")/.."
commit="" date=""
if [ -e .git ]; then
    # The owner of a tree that root builds may be somebody else, which git refuses otherwise.
    commit=$(git -c safe.directory="$PWD" describe --always --dirty --abbrev=10 2>/dev/null || true)
    date=$(git -c safe.directory="$PWD" log -1 --format=%cs 2>/dev/null || true)
elif [ -f .commit ]; then
    read -r commit date <.commit || true
    case "$commit" in *Format*) commit="" date="" ;; esac # an archive made without git's substitution
fi
clean() { printf '%s' "$1" | tr -cd 'A-Za-z0-9.+~-'; }
commit=$(clean "$commit")
date=$(clean "$date")
[ $# -gt 0 ] || { echo "$commit $date"; exit 0; }
text=$(printf '#define RF_COMMIT "%s"\n#define RF_COMMIT_DATE "%s"' "$commit" "$date")
[ -f "$1" ] && [ "$(cat "$1")" = "$text" ] && exit 0
mkdir -p "$(dirname "$1")"
echo "$text" >"$1"
