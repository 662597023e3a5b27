#!/bin/sh
# Prints a C file that holds the given text files: `const rf_c_text rf_c_texts[]` of name and text (export/c_source.h).
set -eu
echo "/* Made by scripts/embed.sh. */"
echo '#include "export/c_source.h"'
echo "const rf_c_text rf_c_texts[] = {"
for file in "$@"; do
    echo "    {\"$file\","
    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/     "&\\n"/' "$file"
    echo "    },"
done
echo "    {NULL, NULL},"
echo "};"
