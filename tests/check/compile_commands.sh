#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints compile_commands.json. usage: compile_commands.sh "COMPILER FLAGS" FILE...
set -eu
command=$1
shift
separator='['
for file in "$@"; do
    printf '%s\n{"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$separator" "$PWD" "$file" "$command" "$file"
    separator=,
done
printf '\n]\n'
