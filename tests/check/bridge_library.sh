#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts the bridge's library and headers where the Go package looks for them, unless they are there. usage: bridge_library.sh LIBRARY
# PACKAGE HEADER…
set -eu
library=$1 package=$2
shift 2
sum=$(cat "$library" "$@" | sha256sum | cut -c1-32)
line="#define OTC_BRIDGE_LIBRARY \"$sum\""
if [ -e "$package/lib/libotelcol_aimon.a" ] && [ "$(tail -n 1 "$package/library.h" 2>/dev/null)" = "$line" ]; then
    exit 0
fi
mkdir -p "$package/lib"
rm -rf "$package/include"
for header in "$@"; do
    mkdir -p "$package/include/${header%/*}"
    cp "$header" "$package/include/$header"
done
cp "$library" "$package/lib/libotelcol_aimon.a.new"
mv "$package/lib/libotelcol_aimon.a.new" "$package/lib/libotelcol_aimon.a"
printf '/* Made by make bridge: which library this package is compiled with. */\n%s\n' "$line" >"$package/library.h"
