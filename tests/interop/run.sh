#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs every interop test against a binary. usage: run.sh BINARY [substring]. A test exits 0 and may say `skipped: …`.
set -u
cd "$(dirname "$0")/../.." || exit 1
AIMON_BIN=$(realpath "$1")
export AIMON_BIN AIMON_TESTDATA=${AIMON_TESTDATA:-../shared/data}
want=${2:-}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for test in tests/interop/*.py tests/interop/*.sh; do
    case "$test" in */run.sh) continue ;; *"$want"*) ;; *) continue ;; esac
    [ -x "$test" ] || continue
    start=$SECONDS
    if timeout 600 "$test" >"$log" 2>&1; then state=ok; else state=FAILED; fi
    if [ $state = ok ] && grep -q '^skipped:' "$log"; then state=skipped; fi
    case $state in ok) passed=$((passed + 1)) ;; skipped) skipped=$((skipped + 1)) ;; *) failed=$((failed + 1)) ;; esac
    printf '%-8s %-44s %4d s  %s\n' "$state" "$test" $((SECONDS - start)) "$(grep -E '^(skipped:|[0-9]+ passed)' "$log" | tail -n 1)"
    [ $state != FAILED ] || tail -n 60 "$log" | sed 's/^/    /'
done
echo "interop: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
