#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Source rules that need no compiler: licence line, file comment of headers, file length, sleeps in tests, words left over.
set -eu
cd "$(dirname "$0")/../.."
status=0
complain() {
    echo "$1"
    status=1
}

for file in $(git ls-files '*.c' '*.cc' '*.h'); do
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file: the first line is no SPDX licence line"
    lines=$(wc -l <"$file")
    [ "$lines" -le 1000 ] || complain "$file: $lines lines (at most 1000)"
done
for file in $(git ls-files '*.h'); do
    grep -q '@file' "$file" || complain "$file: lacks its /** @file … */ sentence"
done
found=$(git grep -nE '\b(usleep|nanosleep|sleep) *\(' -- 'tests/unit' 'tests/scenarios' || true)
[ -z "$found" ] || complain "sleeps in tests (use the virtual clock or wait for a condition):
$found"
found=$(git grep -nwE 'TODO|FIXME|XXX|HACK' -- '*.c' '*.h' '*.sh' '*.py' Makefile ':!tests/check/source.sh' || true)
[ -z "$found" ] || complain "words left over:
$found"
[ $status = 0 ] && echo "source: ok"
exit $status
