#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a C file that holds the given text files, `const TYPE ARRAY[]` of name and text as HEADER declares it, without the line of
# the licence, which stands once in what is written from them. Usage: scripts/embed.sh HEADER TYPE ARRAY FILE...
set -eu
header=$1 type=$2 array=$3
shift 3
echo "/* Made by scripts/embed.sh. */"
echo "#include \"$header\""
echo "const $type $array[] = {"
for file in "$@"; do
    echo "    {\"$file\","
    sed '1{/SPDX-License-Identifier/d}; s/\\/\\\\/g; s/"/\\"/g; s/.*/     "&\\n"/' "$file"
    echo "    },"
done
echo "    {NULL, NULL},"
echo "};"
