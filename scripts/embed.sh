#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a C file that holds the given text files: `const rf_c_text rf_c_texts[]` of name and text (export/c_source.h), without
# the line of the licence, which the exporter writes once.
set -eu
echo "/* Made by scripts/embed.sh. */"
echo '#include "export/c_source.h"'
echo "const rf_c_text rf_c_texts[] = {"
for file in "$@"; do
    echo "    {\"$file\","
    sed '1{/SPDX-License-Identifier/d}; s/\\/\\\\/g; s/"/\\"/g; s/.*/     "&\\n"/' "$file"
    echo "    },"
done
echo "    {NULL, NULL},"
echo "};"
