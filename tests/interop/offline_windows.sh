#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# compare --window: each window is what a comparison of its rows alone says, and k of n is counted over them.
set -u
bin=${AIMON_BIN:?the binary}
data=${AIMON_TESTDATA:-../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0

fail() {
    echo "FAILED: $1"
    [ -s "$work/out" ] && head -n 30 "$work/out" | sed 's/^/  out: /'
    [ -s "$work/err" ] && sed 's/^/  err: /' "$work/err"
    exit 1
}

# expect CODE ARGUMENTS…: the exit code; output stays in $work/out and $work/err.
expect() {
    local wanted=$1
    shift
    "$bin" "$@" >"$work/out" 2>"$work/err" </dev/null
    local got=$?
    [ $got = "$wanted" ] || fail "exit code $got, not $wanted: $*"
    passed=$((passed + 1))
}

says() { grep -qF -- "$1" "$work/out" "$work/err" || fail "nothing says: $1"; }
is() { [ "$2" = "$3" ] || fail "$1: got $2, not $3"; }
# value EXPRESSION: of the JSON document d in $work/out; old(NAME) is another one.
value() {
    python3 -c 'import json, sys
def old(name): return json.load(open(sys.argv[1].replace("/out", "/" + name)))
d = json.load(open(sys.argv[1])); print(eval("(" + sys.argv[2] + ")"))' "$work/out" "$1"
}
# run CODE CURRENT ARGUMENTS…: compares with the first thousand rows.
run() {
    local wanted=$1 current=$2
    shift 2
    expect "$wanted" compare --reference "$work/good.csv" --current "$work/$current" "$@"
}

# Rows 1001 to 2000 differ in x, from 1501 on in kind; five minutes apart.
python3 - "$work" <<'P'
import csv, random, sys
random.seed(11)
with open(f"{sys.argv[1]}/long.csv", "w", newline="") as f, open(f"{sys.argv[1]}/fifth.csv", "w", newline="") as part:
    for i in range(2501):
        row = ["x", "kind", "when"] if i == 0 else [
            round(random.gauss(0 if i <= 1000 or i > 2000 else 3, 1), 3), random.choice("ab" if i <= 1500 else "abcd"),
            f"2026-03-{1 + (i - 1) // 288:02}T{(i - 1) // 12 % 24:02}:{(i - 1) % 12 * 5:02}:00Z"]
        csv.writer(f).writerow(row)
        if i == 0 or 2000 < i <= 2500:
            csv.writer(part).writerow(row)
P
head -n 1001 "$work/long.csv" >"$work/good.csv"
python3 - "$work" <<'P'
import random, sys
head, *rows = open(f"{sys.argv[1]}/long.csv").readlines()
random.Random(5).shuffle(rows)
open(f"{sys.argv[1]}/shuffled.csv", "w").writelines([head] + rows)
P

run 3 long.csv --window 500 --fail-on-drift
says 'x        ··▄█▒'
says 'kind     ···▄█'
says 'rows 1501 to 2000'
says '2 of 2 features drifted (level 0.01, Benjamini-Hochberg in each window; 2 of 3 windows)'
is 'columns of the widest line' "$(awk '{ if (length($0) > w) w = length($0) } END { print (w <= 130) }' "$work/out")" 1
run 0 long.csv --window 500 --windows '3 of 3' --columns x --fail-on-drift
says '0 of 1 features drifted'
run 0 long.csv --window 500 --format json
is 'windows' "$(value '[(w["start"], w["end"], w["rows"]) for w in d["windows"]]')" \
    '[(1, 500, 500), (501, 1000, 500), (1001, 1500, 500), (1501, 2000, 500), (2001, 2500, 500)]'
is 'rejected' "$(value '[f["rejected"] for w in d["windows"] for f in w["features"] if f["name"] == "x"]')" \
    '[False, False, True, True, False]'
is 'detected' "$(value '[f["detected"] for w in d["windows"] for f in w["features"] if f["name"] == "x"]')" \
    '[False, False, False, True, True]'
cp "$work/out" "$work/by_rows"
run 0 fifth.csv --format json
is 'the fifth window alone' "$(value '[{k: v for k, v in f.items() if k != "detected"} for f in d["features"]] ==
    [{k: v for k, v in f.items() if k not in ("detected", "rejected")} for f in old("by_rows")["windows"][4]["features"]]')" True

# Time, in order and not.
run 0 long.csv --window 1d --dependence none --format json
is 'days' "$(value '[(w["start"], w["rows"], w["incomplete"]) for w in d["windows"]][-2:]')" \
    "[('2026-03-08T00:00:00.000Z', 288, False), ('2026-03-09T00:00:00.000Z', 196, True)]"
cp "$work/out" "$work/by_day"
run 0 shuffled.csv --window 1d --dependence none --format json
is 'in no order' "$(value '[[f["statistics"]["psi"] for f in w["features"]] for w in d["windows"]] ==
    [[f["statistics"]["psi"] for f in w["features"]] for w in old("by_day")["windows"]]')" True
run 2 shuffled.csv --window 5m
says 'Sort the file by that column'
sed '3s/,[^,]*$/,/' "$work/long.csv" >"$work/timeless.csv"
run 0 timeless.csv --window 1d
says '1 rows without a time are in no window'

# Windows of a few rows are told, and do not drift of themselves.
run 0 good.csv --window 1h
says 'note: 83 of 84 windows have fewer than 20 rows'
run 0 good.csv --window 1h --min-observations 20
if grep -q 'fewer than 20' "$work/out"; then fail 'small windows are told though they are left out'; fi
run 0 good.csv --window 5m --fail-on-drift

# What becomes of the last one.
run 0 long.csv --window 1d
says 'the last window, 2026-03-09, is incomplete: 196 rows'
run 0 long.csv --window 1d --incomplete drop --format json
is 'dropped' "$(value '(len(d["windows"]), d["rows_dropped"])')" '(8, 196)'
run 0 long.csv --window W --incomplete append --format json
is 'appended' "$(value '[(w["start"][:10], w["end"][:10], w["rows"]) for w in d["windows"]]')" \
    "[('2026-02-23', '2026-03-02', 288), ('2026-03-02', '2026-03-16', 2212)]"
run 0 long.csv --window 1d --reference-windows --format json
is 'windows of the reference' "$(value 'sum(w["reference"] for w in d["windows"])')" 4

# Vectors: of each window the share of the components that moved is that of its rows alone.
python3 - "$work" <<'P'
import json, random, sys
random.seed(4)
drawn = [[random.gauss(1, 1) for k in range(5)] for i in range(500)]
apart = [[x + 0.5 * k for k, x in enumerate(v)] for v in drawn]
rows = [json.dumps({"e": v}) + "\n" for v in drawn + drawn[::-1] + apart + drawn[::-1]]
for name, part in (("vectors", rows), ("before", rows[:1000]), ("third", rows[1000:1500])):
    open(f"{sys.argv[1]}/{name}.jsonl", "w").writelines(part)
P
expect 0 reference build --input "$work/before.jsonl" --embedding e --output "$work/vectors.json"
expect 0 compare --reference "$work/vectors.json" --current "$work/third.jsonl" --format json
cp "$work/out" "$work/alone"
expect 0 compare --reference "$work/vectors.json" --current "$work/vectors.jsonl" --window 500 --format json
moved='["statistics"]["components_drifted"]["value"]'
is 'components of a window' "$(value "d['windows'][2]['features'][1]$moved == old('alone')['features'][1]$moved")" True
is 'components that moved' "$(value "[w['features'][1]$moved for w in d['windows']]")" '[0, 0, 0.8, 0]'

# Refusals.
expect 0 reference build --input "$work/good.csv" --output "$work/ref.json"
expect 2 compare --reference "$work/ref.json" --current "$work/long.csv" --window 500 --reference-windows
says 'is a reference file, which has no rows'
cut -d, -f1,2 "$work/long.csv" >"$work/two.csv"
run 2 two.csv --window 1d
says 'name the column with --timestamp'
run 2 long.csv --window monthly
says "--window: 'monthly' is not allowed (1000: rows; 1h, 7d: a span of time;"
run 2 long.csv --window 100 --windows 3of4
says 'is not of the form `k of n`'
run 2 long.csv --windows '2 of 3'
says '--windows goes with --window'
run 2 long.csv --window 5000 --incomplete drop
says 'fills no window'
run 2 long.csv --window 5 --incomplete later
says "--incomplete: 'later' is not allowed (keep, drop, append)"

# nannyml publishes means over 20 months: 8 of its reference file, which is here, and 12 of a file of its package,
# california_housing_analysis.csv, which $AIMON_CALIFORNIA may name.
california=$data/series/california_housing/california_housing_reference.csv
if [ ! -r "$california" ]; then
    echo 'skipped: no verification data'
    exit 0
fi
expect 0 compare --reference "$california" --current "$california" --window M --format json
is 'months' "$(value '[w["rows"] for w in d["windows"]]')" '[744, 720, 744, 744, 672, 744, 720, 744]'
if [ -r "${AIMON_CALIFORNIA:-}" ]; then
    expect 0 compare --reference "$california" --current "$AIMON_CALIFORNIA" --window M --reference-windows \
        --format json --columns id,Longitude,Latitude,HouseAge,MedInc,AveOccup,AveRooms,AveBedrms,Population
    is 'nannyml: mean monthly KS' "$(value '"; ".join(f["name"] + " %.6f" % (sum(
        w["features"][i]["statistics"]["ks"]["value"] for w in d["windows"]) / len(d["windows"]))
        for i, f in enumerate(d["features"]))')" "id 0.874280; MedInc 0.154952; HouseAge 0.201638; AveRooms 0.129277; \
AveBedrms 0.089140; Population 0.073562; AveOccup 0.143890; Latitude 0.672904; Longitude 0.712709"
fi
echo "$passed passed"
