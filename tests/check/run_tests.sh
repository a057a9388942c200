#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every built test of a variant and sums up. usage: run_tests.sh BUILD_VARIANT_DIR [substring]
# The log of a failing test is printed; skipped tests are named with their reason. Last line: N passed, N failed, N skipped.
set -u
build=$1
want=${2:-}
passed=0 failed=0 skipped=0
# The sum of cmocka's " N FAILED TEST(S)" (or SKIPPED) lines: one a group of tests.
summed() { awk -v word="$1" '$2 == word && $3 == "TEST(S)" { n += $1 } END { print n + 0 }' "$2"; }
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
    timeout 300 "$test" >"$log" 2>&1
    code=$?
    took=$((($(date +%s%N) - start) / 1000000))
    state=ok why=
    case "$code" in
    0) ;;
    124) state=FAILED why="it ran longer than 300 s" ;;
    *) state=FAILED && [ "$code" -le 128 ] || why="killed by signal $((code - 128))" ;;
    esac
    # What says nothing of having run all of its tests has not: an exit in the middle of one.
    case "$name" in
    *_test) grep -q '^\[==========\] [0-9]* test(s) run' "$log" || { state=FAILED why="${why:-it ended before its end}"; } ;;
    esac
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(summed FAILED "$log")
    skip=$(summed SKIPPED "$log")
    if [ $state = FAILED ]; then
        [ "$bad" -gt 0 ] || bad=1
    else
        [ "$ok" -gt 0 ] || [ "$skip" -gt 0 ] || ok=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    printf '%-6s %-60s %4d tests %6d ms\n' "$state" "$name" "$((ok + bad + skip))" "$took"
    [ $state = ok ] || { sed 's/^/    /' "$log" | tail -n 60; [ -z "$why" ] || echo "    $name: $why"; }
    reason=$(sed -n 's/^skipped: *//p' "$log" | sort -u | paste -sd ';')
    sed -n 's/^\[  SKIPPED \] \([^0-9].*\)/\1/p' "$log" | sort -u | sed "s|\$|: ${reason:-no reason given}|; s|^|       skipped: |"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
