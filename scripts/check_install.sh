#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make install and make uninstall: everything is there, runs from there, names nothing of the build, and is gone again; what was there
# before stays. Usage: scripts/check_install.sh. Last line: "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
holds() { # holds SENTENCE COMMAND...
    sentence=$1
    shift
    if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAIL $sentence"
        tail -n 3 "$work/log"
    fi
}
prefix=$work/tree/opt/rf
mkdir -p "$prefix/share/man" "$prefix/bin"
echo other >"$prefix/bin/rf-other"
find "$work/tree" | sort >"$work/before"

holds "make install" make install PREFIX=/opt/rf DESTDIR="$work/tree"
for file in bin/rf bin/rf-train share/rf/configs/mnet025.ini share/man/man1/rf-train.1 share/doc/rf/README.md share/doc/rf/docs/demo.jpg \
    share/bash-completion/completions/rf-train share/zsh/site-functions/_rf share/rf/python/rf.py lib/librf.so.0 include/rf/detector.h; do
    holds "$file is installed" test -s "$prefix/$file"
done
holds "the program runs" "$prefix/bin/rf-train" --version
holds "it is stripped" sh -c "! readelf -S '$prefix/bin/rf' | grep -q '[.]debug_info'"
holds "links lead nowhere else" sh -c "test -L '$prefix/bin/rf-eval' && ! find '$work/tree' -type l -exec readlink {} + | grep / && ! find '$work/tree' -xtype l | grep ."
# Pictures of the documents are beside them.
for document in "$prefix"/share/doc/rf/README.md "$prefix"/share/doc/rf/docs/*.md; do
    for picture in $(sed -n 's/.*!\[[^]]*\](\([^)]*\)).*/\1/p' "$document"); do
        holds "${document##*/}: $picture is installed" test -s "$(dirname "$document")/$picture"
    done
done
holds "nothing names the destination or the source tree" sh -c "! grep -rlE '$work|$PWD' '$work/tree'"

# Again, with one file that the next edition has no more.
echo "file /opt/rf/share/rf/configs/gone.ini" >>"$prefix/share/rf/installed"
: >"$prefix/share/rf/configs/gone.ini"
holds "make install again" make install PREFIX=/opt/rf DESTDIR="$work/tree"
holds "what is no more part of rf is removed" test ! -e "$prefix/share/rf/configs/gone.ini"
holds "make uninstall" make uninstall PREFIX=/opt/rf DESTDIR="$work/tree"
find "$work/tree" | sort >"$work/after"
holds "everything is as before" diff "$work/before" "$work/after"
holds "uninstalling twice is told" sh -c "make uninstall PREFIX=/opt/rf DESTDIR='$work/tree' 2>&1 | grep -q 'nothing of rf'"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
