#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every built test of a variant and sums up. usage: run_tests.sh BUILD_VARIANT_DIR [substring]
# The log of a failing test is printed; skipped tests are named with their reason. Last line: N passed, N failed, N skipped.
set -u
build=$1
want=${2:-}
passed=0 failed=0 skipped=0
logs=$build/logs
mkdir -p "$logs"
list=$(find "$build/tests/unit" "$build/tests/scenarios" "$build/tests/fuzz" -type f -perm -u+x \( -name '*_test' -o -name '*_replay' \) 2>/dev/null | sort)
for test in $list; do
    case "$test" in *"$want"*) ;; *) continue ;; esac
    name=${test#"$build"/tests/}
    source=tests/$name.c
    case "$name" in *_test) [ -e "$source" ] || continue ;; esac
    log=$logs/$(echo "$name" | tr / _).log
    start=$(date +%s%N)
    if timeout 300 "$test" >"$log" 2>&1; then state=ok; else state=FAILED; fi
    took=$((($(date +%s%N) - start) / 1000000))
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -c '^\[  FAILED  \] [^0-9]' "$log")
    skip=$(grep -c '^\[  SKIPPED \]' "$log")
    if [ $state = ok ]; then
        [ "$ok" -gt 0 ] || [ "$skip" -gt 0 ] || ok=1
    elif [ "$bad" = 0 ]; then
        bad=1
    else
        bad=$(((bad + 1) / 2))
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    printf '%-6s %-60s %4d tests %6d ms\n' "$state" "$name" "$((ok + bad + skip))" "$took"
    [ $state = ok ] || { sed 's/^/    /' "$log" | tail -n 60; }
    grep -h '^skipped:' "$log" | sort -u | sed 's/^/       /'
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
