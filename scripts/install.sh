#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts files where they belong and remembers each, so that they can be removed again and nothing else is.
# Usage: scripts/install.sh DESTDIR MANIFEST <LIST      scripts/install.sh --remove DESTDIR MANIFEST
# A line of LIST is KIND:SOURCE:PATH. file and script have modes 644 and 755; program and library are that and stripped by STRIP
# (no: not); a link's SOURCE is what it points to. MANIFEST and every PATH stand below DESTDIR; what an earlier manifest names and
# LIST does not is removed, and of folders those that were made.
set -eu

remove=no
[ "$1" != --remove ] || { remove=yes && shift; }
destdir=$1
manifest=$2

if [ "$remove" = yes ]; then
    [ -f "$destdir$manifest" ] || { echo "uninstall: there is no $destdir$manifest, so nothing of rf's is known to be there" >&2; exit 1; }
    sed -n 's/^file //p' "$destdir$manifest" | while read -r path; do rm -f "$destdir$path"; done
    folders=$(sed -n 's/^folder //p' "$destdir$manifest" | sort -r)
    rm -f "$destdir$manifest"
    for folder in $folders; do rmdir "$destdir$folder" 2>/dev/null || true; done # others may have put something there
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/new"
[ ! -f "$destdir$manifest" ] || cp "$destdir$manifest" "$work/old"
[ -f "$work/old" ] || : >"$work/old"
grep '^folder ' "$work/old" >>"$work/new" || true

folder() { # folder PATH: makes it with its parents, and remembers which were not there
    [ ! -d "$destdir$1" ] || return 0
    [ "$1" = / ] || [ -z "$1" ] || folder "$(dirname "$1")"
    mkdir "$destdir$1"
    echo "folder $1" >>"$work/new"
}

[ -z "$destdir" ] || mkdir -p "$destdir"
while IFS=: read -r kind source path; do
    folder "$(dirname "$path")"
    target=$destdir$path
    case "$kind" in
    link)
        rm -f "$target"
        ln -s "$source" "$target"
        ;;
    file | library) install -m 644 "$source" "$target" ;;
    script | program) install -m 755 "$source" "$target" ;;
    *) echo "install: unknown kind $kind" >&2; exit 2 ;;
    esac
    case "$kind:${STRIP:-strip}" in
    *:no) ;;
    program:*) "${STRIP:-strip}" "$target" ;;
    library:*) "${STRIP:-strip}" --strip-unneeded "$target" ;;
    esac
    echo "file $path" >>"$work/new"
done
sed -n 's/^file //p' "$work/old" | while read -r path; do grep -qxF "file $path" "$work/new" || rm -f "$destdir$path"; done
folder "$(dirname "$manifest")"
install -m 644 "$work/new" "$destdir$manifest"
