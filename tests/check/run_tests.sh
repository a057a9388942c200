#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every built test of a variant, as many at a time as there are processors, and sums up. usage:
# run_tests.sh BUILD_VARIANT_DIR [substring]
# The log of a failing test is printed; skipped tests are named with their reason. Last line: N passed, N failed, N skipped.
set -u

# The sum of cmocka's " N FAILED TEST(S)" (or SKIPPED) lines: one a group of tests.
summed() { awk -v word="$1" '$2 == word && $3 == "TEST(S)" { n += $1 } END { print n + 0 }' "$2"; }

# Runs one test; what is to be said of it goes to its .said file, beginning with the three counts.
run_one() {
    build=$1 test=$2
    name=${test#"$build"/tests/}
    log=$build/logs/$(echo "$name" | tr / _).log
    start=$(date +%s%N)
    timeout 600 "$test" >"$log" 2>&1
    code=$?
    took=$((($(date +%s%N) - start) / 1000000))
    state=ok why=
    case "$code" in
    0) ;;
    124) state=FAILED why="it ran longer than 600 s" ;;
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
    {
        echo "$ok $bad $skip"
        printf '%-6s %-60s %4d tests %6d ms\n' "$state" "$name" "$((ok + bad + skip))" "$took"
        [ $state = ok ] || { sed 's/^/    /' "$log" | tail -n 60; [ -z "$why" ] || echo "    $name: $why"; }
        reason=$(sed -n 's/^skipped: *//p' "$log" | sort -u | paste -sd ';')
        sed -n 's/^\[  SKIPPED \] \([^0-9].*\)/\1/p' "$log" | sort -u | sed "s|\$|: ${reason:-no reason given}|; s|^|       skipped: |"
    } >"${log%.log}.said"
}

if [ "$1" = --one ]; then
    run_one "$2" "$3"
    exit 0
fi
build=$1
want=${2:-}
logs=$build/logs
mkdir -p "$logs"
rm -f "$logs"/*.said
find "$build/tests/unit" "$build/tests/scenarios" "$build/tests/fuzz" -type f -perm -u+x \( -name '*_test' -o -name '*_replay' \) 2>/dev/null | sort |
    while read -r test; do
        name=${test#"$build"/tests/}
        case "$test" in *"$want"*) ;; *) continue ;; esac
        case "$name" in *_test) [ -e "tests/$name.c" ] || continue ;; esac
        echo "$test"
    done >"$logs/list"
# The longest ones first, as far as the last run tells, so that none is left alone at the end.
[ ! -s "$logs/times" ] || awk 'NR == FNR { took[$2] = $1; next } { print (($0 in took) ? took[$0] : 0) + 0, $0 }' "$logs/times" "$logs/list" |
    sort -k1,1nr -k2 | cut -d' ' -f2- >"$logs/sorted" && [ -s "$logs/sorted" ] || cp "$logs/list" "$logs/sorted"
xargs -r -n 1 -P "$(nproc 2>/dev/null || echo 2)" "$0" --one "$build" <"$logs/sorted"
passed=0 failed=0 skipped=0
: >"$logs/times"
while read -r test; do
    said=$logs/$(echo "${test#"$build"/tests/}" | tr / _).said
    if ! read -r ok bad skip <"$said"; then
        echo "FAILED $test: it was not run"
        failed=$((failed + 1))
        continue
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    sed -n '2p' "$said" | awk -v test="$test" '{ print $(NF - 1), test }' >>"$logs/times"
    sed 1d "$said"
done <"$logs/list"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
