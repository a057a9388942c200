#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy of one file. usage: tidy.sh FILE.c LOG [compiler flags]
# A file that passed is not looked at again while what clang-tidy sees of it, its headers, macros and comments too, its settings and
# its version are the same: a note of it is kept for 30 days outside the tree.
set -eu
file=$1 log=$2
shift 2
notes=${XDG_CACHE_HOME:-$HOME/.cache}/otelcol-aimon/tidy
looked=$log.seen
trap 'rm -f "$looked"' EXIT
{ clang-tidy --version && cat .clang-tidy && echo "$file $*" && clang -E -C -dD "$@" "$file"; } >"$looked" 2>"$log" || { cat "$log"; exit 1; }
seen=$(sha256sum <"$looked" | cut -d' ' -f1)
mkdir -p "$notes"
if [ -e "$notes/$seen" ]; then
    touch "$notes/$seen"
    exit 0
fi
clang-tidy --quiet "$file" -- "$@" 2>"$log" || { cat "$log"; exit 1; }
touch "$notes/$seen"
find "$notes" -type f -mtime +30 -delete
