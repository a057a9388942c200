#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs every interop test against a binary, three at a time: they wait more than they compute. usage: run.sh BINARY [substring]. A test
# exits 0 and may say `skipped: …`.
set -u
cd "$(dirname "$0")/../.." || exit 1

# Runs one test; its line, and its end when it failed, at once.
run_one() {
    local test=$1 start=$SECONDS limit=600 state log
    log=$(mktemp)
    case "$test" in */ocb.py | */compat_compare.py) limit=1500 ;; esac # they compile or install much, once
    if timeout $limit "$test" >"$log" 2>&1; then state=ok; else state=FAILED; fi
    if [ $state = ok ] && grep -q '^skipped:' "$log"; then state=skipped; fi
    {
        printf '%-8s %-44s %4d s  %s\n' "$state" "$test" $((SECONDS - start)) "$(grep -E '^(skipped:|[0-9]+ passed)' "$log" | tail -n 1)"
        [ $state != FAILED ] || tail -n 60 "$log" | sed 's/^/    /'
    } | tee -a "$AIMON_RESULTS"
    rm -f "$log"
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit 0
fi
AIMON_BIN=$(realpath "$1")
AIMON_RESULTS=$(mktemp)
export AIMON_BIN AIMON_RESULTS AIMON_TESTDATA=${AIMON_TESTDATA:-../shared/data}
want=${2:-}
trap 'rm -f "$AIMON_RESULTS"' EXIT
# What takes longest first.
for test in tests/interop/{ocb,compat_compare,fleet,drift_kill,hostile,queue_kill,testbed}.py tests/interop/*.py tests/interop/*.sh; do
    case "$test" in */run.sh) continue ;; *"$want"*) ;; *) continue ;; esac
    [ -x "$test" ] && echo "$test"
done | awk '!seen[$0]++' | xargs -r -n 1 -P 3 "$0" --one
count() { grep -c "^$1 " "$AIMON_RESULTS"; }
failed=$(count FAILED)
echo "interop: $(count ok) passed, $failed failed, $(count skipped) skipped"
[ "$failed" = 0 ]
