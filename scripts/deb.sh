#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages (debian/control) into build/deb: in a copy of the source tree, so that the tree stays as it is. No
# network and no root. Usage: scripts/deb.sh   (make deb)
set -eu
cd "$(dirname "$0")/.."
for tool in dpkg-buildpackage dh; do
    command -v "$tool" >/dev/null 2>&1 || { echo "deb: $tool is missing; to install what packages are made with run: make deps deb" >&2; exit 1; }
done
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
[ "$version" = "$(sed -n 's/^VERSION := //p' Makefile)" ] || { echo "deb: debian/changelog begins with $version, the Makefile with another VERSION" >&2; exit 1; }

top=build/deb
tree=$top/rf-$version
rm -rf "$top"
mkdir -p "$tree"
if [ -e .git ]; then
    git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard >"$top/files"
    tar -cf - --null --files-from="$top/files" --ignore-failed-read 2>/dev/null | tar -xf - -C "$tree"
else
    tar -cf - --exclude=./build . | tar -xf - -C "$tree"
fi
sh scripts/commit.sh >"$tree/.commit" # the copy is no work tree of git
log=$top/log
# Without the headers there is no library to make packages of.
[ -d include/rf ] || export DEB_BUILD_PROFILES="${DEB_BUILD_PROFILES:-} pkg.rf.nolibrary"
if ! (cd "$tree" && DEB_BUILD_OPTIONS="parallel=$(nproc 2>/dev/null || echo 1) ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -us -uc -b) >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "deb: the packages could not be built; all of what was said: $log" >&2
    exit 1
fi
rm -rf "$tree" "$top/files"
for package in "$top"/*.deb; do echo "$package $(($(wc -c <"$package") / 1000)) kB"; done
