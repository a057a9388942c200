#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The offline commands as a user runs them: reference build and show, compare, replay's refusals.
set -u
bin=${AIMON_BIN:?the binary}
data=${AIMON_TESTDATA:-../shared/data}
azure=$data/series/azure_llm_2023/AzureLLMInferenceTrace
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
# value EXPRESSION: of the JSON document d in $work/out.
value() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/out" "$1"; }

# Two tables that differ in one column, a third column that vanishes, one on one side only.
python3 - "$work" <<'P'
import csv, random, sys
random.seed(7)
for name, shift, gone in (("train", 0, 0.01), ("now", 2, 0.4)):
    with open(f"{sys.argv[1]}/{name}.csv", "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["row", "age", "income", "land", "paid", f"only_{name}"])
        for i in range(2000):
            out.writerow([i, round(random.gauss(40 + shift * 5, 10), 1), random.choice([10, 20, 30]),
                          "" if random.random() < gone else random.choice("abc"), random.random() < .5, i % 5])
P

expect 0 reference build --input "$work/train.csv" --output "$work/ref.json" --model credit --prediction paid
says 'left out row (row numbers)'
expect 0 reference show "$work/ref.json"
says 'credit'
says 'prediction'
expect 0 compare --reference "$work/ref.json" --current "$work/now.csv" --format json
cp "$work/out" "$work/from_file"
is drifted "$(value '{f["name"]: f["rejected_by"] for f in d["features"] if f["detected"]}')" "{'age': 'psi', 'land': 'missing'}"
is share "$(value 'd["drifted_share"]')" 0.5
is 'one side only' "$(value 'sorted(o["name"] for o in d["not_compared"] if o["reason"].startswith("only"))')" \
    "['only_now', 'only_train']"
is 'no p-value is null' "$(value 'd["features"][0]["statistics"]["missing"]["p_value"]')" None
expect 0 compare --reference "$work/train.csv" --current "$work/now.csv" --format json --prediction paid
is 'a file and its table' "$(value 'd["features"] == json.load(open(sys.argv[1].replace("out", "from_file")))["features"]')" True
expect 0 compare --reference "$work/train.csv" --current "$work/now.csv" --format json --statistic psi,hellinger --statistic ks
is 'chosen statistics' "$(value '[[n for n in f["statistics"] if n in ("ks", "psi", "hellinger", "l_infinity", "wasserstein")] for f in d["features"][:3]]')" \
    "[['ks', 'psi', 'hellinger'], ['ks', 'psi', 'hellinger'], ['psi', 'hellinger']]"
is 'the same verdicts' "$(value '[f["p_adjusted"] for f in d["features"]] == [f["p_adjusted"] for f in json.load(open(sys.argv[1].replace("out", "from_file")))["features"]]')" True
expect 0 compare --reference "$work/train.csv" --current "$work/now.csv" --statistic hellinger
says 'HELLINGER'
grep -q 'KS D' "$work/out" && fail 'a statistic that nobody asked for'
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv" --statistic kz
says "--statistic: 'kz' is not allowed (ks, psi, wasserstein, "
expect 3 compare --reference "$work/ref.json" --current "$work/now.csv" --fail-on-drift
says 'DRIFT by missing'
expect 0 compare --reference "$work/ref.json" --current "$work/train.csv" --fail-on-drift
says '0 of 5 features drifted'
grep -q "$(printf '\033')" "$work/out" && fail 'colours though this is no terminal'
"$bin" compare --reference "$work/ref.json" --current - --format json <"$work/now.csv" >"$work/out" 2>"$work/err" ||
    fail 'standard input'
cmp -s "$work/out" "$work/from_file" || fail 'standard input gives another result than the file'
"$bin" reference build --input - --output - <"$work/train.csv" >"$work/ref2.json" 2>"$work/err" || fail 'build in a pipe'
expect 0 reference show "$work/ref2.json"

# Capped and private references.
expect 0 reference build --input "$work/train.csv" --output "$work/small.json" --cells 50 --columns age --min-count 10
is 'no point tells a rare value' "$(python3 -c 'import json, sys; f = json.load(open(sys.argv[1]))["features"][0]; print(len(f["points"]) <= 59 and all(c == 0 or c >= 10 for c in f["counts"]))' "$work/small.json")" True
expect 0 compare --reference "$work/small.json" --current "$work/now.csv"
says 'DRIFT'

# Bins by other rules, and what a reference looks like.
is 'no column says nothing' "$("$bin" reference show "$work/small.json" | sed -n 6p | tr -s ' ')" 'FEATURE TYPE VALUES MISSING MIN MEAN MAX DISTRIBUTION POINTS'
expect 0 reference build --input "$work/train.csv" --output "$work/equal.json" --columns age,land --binning equal_width --bins 8
"$bin" reference show "$work/equal.json" >"$work/out"
says '█'
says 'b 36 %, a 33 %, c 31 %'
is 'edges of equal width' "$(python3 -c 'import json, sys
f = json.load(open(sys.argv[1]))["features"][0]; low, high = f["min"], f["max"]
print(all(abs(e - (low + (high - low) * (i + 1) / 8)) < 1e-9 for i, e in enumerate(f["edges"])), len(f["edges"]))' "$work/equal.json")" 'True 7'
expect 0 reference build --input "$work/train.csv" --output "$work/sturges.json" --columns age --binning sturges
is 'bins of sturges: ceil(log2(2000) + 1)' "$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["features"][0]["edges"]) + 1)' "$work/sturges.json")" 12
expect 0 compare --reference "$work/sturges.json" --current "$work/now.csv" --format json
is 'bins of PSI' "$(value 'd["features"][0]["statistics"]["psi"]["bins"]')" 12
expect 2 reference build --input "$work/train.csv" --output "$work/x.json" --binning doane
says "--binning: 'doane' is not allowed (quantile, equal_width, sturges)"
expect 2 reference build --input "$work/train.csv" --output "$work/x.json" --binning equal_width --min-count 5
says 'tells the least and the greatest value'

# Unix times under any name, once the user says that they are.
python3 - "$work" <<'P'
import sys
for name, at in (("was", 1700000000), ("is", 1700200000)):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as f:
        f.write("epoch,cnt\n" + "".join(f"{at + 60 * i},{i // 100 * 10 + i % 3}\n" for i in range(2400)))
P
expect 0 reference build --input "$work/was.csv" --output "$work/epoch.json" --timestamp epoch
says 'left out epoch (timestamps)'
expect 2 reference build --input "$work/was.csv" --output "$work/epoch2.json" --timestamp cnt
says "column 'cnt' of"
says 'holds no timestamps'
expect 2 reference build --input "$work/was.csv" --output "$work/epoch2.json" --timestamp nobody
says "has no column 'nobody'"
expect 2 compare --reference "$work/epoch.json" --current "$work/now.csv" --timestamp epoch
says "has no column 'epoch'"
expect 0 compare --reference "$work/epoch.json" --current "$work/is.csv" --timestamp epoch --format json
is 'neighbours are alike' "$(value 'd["features"][0]["design_effect"] > 10')" True
cp "$work/out" "$work/panes"
expect 0 compare --reference "$work/epoch.json" --current "$work/is.csv" --timestamp epoch
says 'p-values allow for rows that resemble their neighbours in time: DEPEND divides the sample sizes'
is 'the column' "$(awk '$1 == "cnt" {print ($(NF - 2) > 10)}' "$work/out")" 1
says '--dependence none'
for reference in was.csv epoch.json; do
    expect 0 compare --reference "$work/$reference" --current "$work/is.csv" --timestamp epoch --dependence none --format json
    is 'rows are independent' "$(value 'd["features"][0]["design_effect"]')" 1
    is 'the same statistics' "$(value 'd["features"][0]["statistics"] == json.load(open(sys.argv[1].replace("out", "panes")))["features"][0]["statistics"]')" True
done
expect 0 compare --reference "$work/epoch.json" --current "$work/is.csv" --dependence none
grep -q neighbours "$work/out" && fail 'independent rows resemble nobody'
expect 2 compare --reference "$work/epoch.json" --current "$work/is.csv" --dependence some
says "--dependence: 'some' is not allowed (panes, none)"
expect 1 replay --input "$work/is.csv" --timestamp epoch --timestamps original --endpoint 127.0.0.1:1
says 'the rows go back '
expect 1 replay --input "$work/is.csv" --timestamp epoch --endpoint 127.0.0.1:1
says 'the rows span 1.7 days: those older than window::max_age'
expect 1 replay --input "$work/is.csv" --timestamp epoch --timestamps now --endpoint 127.0.0.1:1
grep -q max_age "$work/err" && fail 'rows of now are not old'
head -n 1400 "$work/is.csv" >"$work/day.csv"
expect 1 replay --input "$work/day.csv" --timestamp epoch --endpoint 127.0.0.1:1
grep -q max_age "$work/err" && fail 'rows of less than a day are not old'
expect 0 replay --help
says 'window::max_age'
expect 2 replay --input "$work/is.csv" --timestamp cnt --endpoint 127.0.0.1:1
says 'holds no timestamps'

# Current values that are equal to each other, and to none of the reference: scipy's numbers of the same rows.
python3 - "$work" <<'P'
import sys
for name, values in (("steps", [i / 100 for i in range(100)]), ("between", [0.505] * 40 + [0.7] * 2)):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as f:
        f.write("x\n" + "".join(f"{v}\n" for v in values))
P
expect 0 compare --reference "$work/steps.csv" --current "$work/between.csv" --format json
near() { value "abs(d['features'][0]['statistics']['$1']['$2'] / $3 - 1) < 1e-6"; }
is "cramervonmises_2samp's statistic" "$(near cramer_von_mises value 2.6416197183098618)" True
is "cramervonmises_2samp's p-value" "$(near cramer_von_mises p_value 4.412117492469392e-07)" True
is "mannwhitneyu's statistic" "$(near mann_whitney value 2019)" True
is "mannwhitneyu's p-value" "$(near mann_whitney p_value 0.7159204738925009)" True

# Of a reference that keeps no rare values the same rows are no distance away.
python3 - "$work/rare.csv" <<'P'
import sys
with open(sys.argv[1], "w") as f:
    f.write("x\n" + "1.0\n" * 900 + "2.0\n" * 60 + "".join(f"{1000 + i}\n" for i in range(40)))
P
expect 0 reference build --input "$work/rare.csv" --output "$work/rare.json" --min-count 50
expect 0 compare --reference "$work/rare.json" --current "$work/rare.csv" --format json --rule thresholds --threshold wasserstein=0.1 --fail-on-drift
is 'no distance' "$(value 'd["features"][0]["statistics"]["wasserstein"]["value"] < 1e-9')" True
is 'nor is it known' "$(value 'd["features"][0]["statistics"]["wasserstein"]["error"]')" None

# Refusals.
expect 2 compare --reference "$work/none.csv" --current "$work/now.csv"
says 'No such file'
expect 2 compare --reference "$work/train.csv"
says '--current is missing'
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv" --format xml
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv" --output "$work/report.htmx"
says "'.htmx' is no ending that says what to write (.html, .htm, .json, .txt)"
[ -e "$work/report.htmx" ] && fail 'a report of an unknown form'
for form in report.htm:doctype report.HTML:doctype result.json:features result.txt:FEATURE result:FEATURE; do
    expect 0 compare --reference "$work/train.csv" --current "$work/now.csv" --output "$work/${form%:*}"
    grep -q "${form#*:}" "$work/${form%:*}" || fail "the form of ${form%:*}"
done
expect 0 compare --reference "$work/train.csv" --current "$work/now.csv" --columns 'age, income ' --prediction ' age'
says '1 of 2 features drifted'
says 'not compared: land, paid, only_train (not asked for)'
# Tables and help fit on a screen.
expect 0 compare --reference "$work/train.csv" --current "$work/now.csv"
is 'columns of the table' "$(awk '{if (length($0) > 120) print}' "$work/out")" ''
expect 0 compare --help
is 'columns of the help' "$(python3 -c 'import sys; print(max(len(l) for l in open(sys.argv[1], encoding="utf-8").read().splitlines()))' "$work/out")" 80
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv" --min-effect ks=x
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv" --level 2
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv" --columns nobody
says "has no column 'nobody'"
expect 2 compare --bogus
says 'unknown option --bogus'
says 'Try `otelcol-aimon compare --help`.'
expect 2 reference build --bogus
says 'Try `otelcol-aimon reference build --help`.'
expect 2 reference show
says 'Try `otelcol-aimon reference show --help`.'
expect 2 reference
says 'Try `otelcol-aimon reference --help`.'
expect 2 reference build --input "$work/train.csv" --output "$work/no/where/x.json"
says "there is no folder '$work/no/where' for x.json: make it first (mkdir -p '$work/no/where')"
head -c 300 "$work/ref.json" >"$work/cut.json"
expect 2 compare --reference "$work/cut.json" --current "$work/now.csv"
says 'cut.json: bad JSON'
printf 'a,b\n1,2\n3\n' >"$work/ragged.csv"
expect 2 reference build --input "$work/ragged.csv" --output "$work/x.json"
says 'ragged.csv:3: 1 fields, but the header has 2'
[ -e "$work/x.json" ] && fail 'a failed build left a file'
printf 'PAR1xxxx' >"$work/x.parquet"
expect 2 reference build --input "$work/x.parquet" --output "$work/x.json"
says 'pandas.read_parquet'
printf '[\n {"a": 1}]' >"$work/x.json"
expect 2 compare --reference "$work/x.json" --current "$work/now.csv"
says 'x.json: a JSON array is not read here'
gzip -c "$work/now.csv" >"$work/now.csv.gz"
expect 2 compare --reference "$work/train.csv" --current "$work/now.csv.gz"
says 'now.csv.gz: gzip is not read here'
printf 'a,b\n1,2\n' | iconv -t UTF-16 >"$work/wide.csv"
expect 2 compare --reference "$work/train.csv" --current "$work/wide.csv"
says 'wide.csv: this is no UTF-8 text'
printf 'a,b\n1,2\n' >"$work/two.csv"
expect 2 compare --reference "$work/two.csv" --current "$work/now.csv"
says 'have no feature in common: the reference has a, b; the current columns are row, age'
expect 2 reference show "$work/two.csv"
says 'a reference file is what `otelcol-aimon reference build'
printf '{"a": 1}\n{"a": 2}\n' >"$work/lines.json"
expect 0 compare --reference "$work/lines.json" --current "$work/two.csv"
"$bin" compare --reference "$work/two.csv" --current "$work/two.csv" >/dev/full 2>"$work/err"
is 'the exit code of a full disk' $? 1
# A name cannot paint the screen, and the columns stay below each other.
printf 'zürich 日本,b\033[31mred,%s\n1,2,3\n2,2,3\n' "$(printf 'n%.0s' {1..60})" >"$work/names.csv"
expect 0 compare --reference "$work/names.csv" --current "$work/names.csv"
says 'b?[31mred'
says "$(printf 'n%.0s' {1..39})…  numeric"
says 'zürich 日本                               numeric'
# Codes keep their zeros when a table happens to hold numbers alone.
printf 'code\n007\nH3Z\n007\n' >"$work/codes.csv"
printf 'code\n007\n007\n' >"$work/digits.csv"
expect 0 compare --reference "$work/codes.csv" --current "$work/digits.csv" --format json
is 'codes never seen' "$(value 'd["features"][0]["unseen"]')" 0
# A column of numbers with a word in it is one of categories, and everybody is told.
python3 - "$work" <<'P'
import sys
for name, of in (("word", lambda i: "unknown" if i % 10 == 1 else i * 7 % 90), ("plain", lambda i: i * 7 % 90), ("stray", lambda i: "abc" if i == 3 else i * 7 % 90)):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as f:
        f.write("rooms\n" + "".join(f"{of(i)}\n" for i in range(200)))
P
because='rooms: categories, because 10 % of its values are no numbers ("unknown", row 2)'
expect 0 reference build --input "$work/word.csv" --output "$work/word.json"
says "$because"
expect 0 reference build --input "$work/word.csv" --output "$work/word2.json" --categorical rooms
grep -q because "$work/out" && fail 'a note of what was asked for'
expect 0 compare --reference "$work/word.csv" --current "$work/plain.csv"
says "note: ${because/its values/its reference values}"
expect 0 compare --reference "$work/word.json" --current "$work/plain.csv" --format json
is 'a reference file of texts' "$(value 'd["notes"]')" "['rooms: a column of numbers, compared as categories because the reference has texts there (\"unknown\")']"
expect 0 compare --reference "$work/plain.csv" --current "$work/stray.csv"
says 'note: rooms: 1 of 200 current values are no numbers ("abc", row 4) and count under MISSING'
printf '{"rooms": [1]}\n{"rooms": 2}\n{"rooms": 3}\n' >"$work/lists.jsonl"
expect 0 compare --reference "$work/plain.csv" --current "$work/lists.jsonl"
says '1 of 3 current values are no numbers (row 1) and count'
expect 0 compare --reference "$work/plain.csv" --current "$work/plain.csv" --categorical rooms
grep -q '^note' "$work/out" && fail 'a note of nothing'
expect 2 reference
expect 0 compare --help
says '--fail-on-drift'
expect 2 replay --input "$work/now.csv" --speed -1
expect 2 replay --input "$work/now.csv" --prediction paid,nobody --endpoint 127.0.0.1:1
says "--prediction: $work/now.csv has no column 'nobody'"
expect 2 replay --input "$work/now.csv" --duration nobody
says "there is no column 'nobody'"
expect 2 replay --input "$work/now.csv" --timestamps original
says 'need a column of timestamps'
expect 2 replay --input "$work/now.csv" --preset gen_ai
says 'no column is one that --preset gen_ai knows'
# Port 1 is nobody's.
expect 1 replay --input "$work/now.csv" --endpoint 127.0.0.1:1
says 'error: 127.0.0.1:1: '

# Real input, and what scipy says of it.
if [ ! -r "${azure}_conv.csv" ]; then
    echo 'skipped: no verification data'
    exit 0
fi
expect 0 compare --reference "${azure}_conv.csv" --current "${azure}_code.csv"
says ' 0.346 '
says ' 0.8097 '
expect 0 compare --reference "${azure}_conv.csv" --current "${azure}_code.csv" --format json
is 'D of ContextTokens' "$(value 'abs(d["features"][0]["statistics"]["ks"]["value"] - 0.3460237727362306) < 1e-12')" True
is 'D of GeneratedTokens' "$(value 'abs(d["features"][1]["statistics"]["ks"]["value"] - 0.809685941) < 1e-9')" True
expect 0 reference build --input "${azure}_conv.csv" --output "$work/gen_ai.json" --preset gen_ai
expect 0 compare --reference "$work/gen_ai.json" --current "${azure}_code.csv"
says ' 0.346 '
says input_tokens

# As other libraries would judge: frouros' documented samples, and what each of them says of these.
python3 - "$data" "$work" <<'P'
import json, sys
case = next(c for c in json.load(open(sys.argv[1] + "/stat/published/distances_frouros.json"))["cases"] if c["id"] == "docstring_PSI20")
for side in ("reference", "current"):
    with open(f"{sys.argv[2]}/{side}.csv", "w") as f:
        f.write("x\n" + "\n".join(repr(v) for v in case[side]) + "\n")
P
near() { is "$1" "$(value "abs(d['features'][0]['methods']['$2']['value'] / $3 - 1) < 1e-10")" True; }
as() { expect 0 compare --reference "$work/reference.csv" --current "$work/current.csv" --format json --compat "$1"; }
as evidently
near "evidently's PSI" psi 1.6197121870389612
is "evidently's choice" "$(value '[m for m, r in d["features"][0]["methods"].items() if r["decides"]]')" "['ks']"
is "evidently's verdict" "$(value '(d["features"][0]["detected"], d["detected"])')" '(True, True)'
as frouros
near "frouros' PSI" 'PSI(num_bins=20)' 134.95409065116183
near "frouros' KS" KSTest 0.55
is 'no verdict' "$(value 'd["features"][0]["detected"]')" None
as popmon
near "popmon's PSI" 'psi(shares)' 1.8049521800077308
as nannyml
is 'learned thresholds' "$(value 'd["thresholds_learned"]')" True
as scouter
is "scouter's threshold" "$(value 'abs(d["features"][0]["methods"]["psi"]["threshold"] - 0.16918977604620448) < 1e-12')" True
expect 3 compare --reference "$work/reference.csv" --current "$work/current.csv" --compat evidently --fail-on-drift
says 'dataset drift is detected (share 1, threshold 0.5)'
expect 0 reference build --input "$work/reference.csv" --output "$work/x.json"
expect 0 compare --reference "$work/x.json" --current "$work/current.csv" --compat evidently
says 1.619712187
expect 0 compare --reference "$work/x.json" --current "$work/current.csv" --compat nannyml
says 'no thresholds of reference chunks'
expect 0 reference build --input "$work/reference.csv" --output "$work/few.json" --cells 20
expect 2 compare --reference "$work/few.json" --current "$work/current.csv" --compat evidently
says "the reference of 'x' does not have every value"
expect 0 compare --reference "$work/reference.csv" --current "$work/current.csv" --format json --statistic mann_whitney,kullback_leibler,mean_shift,spread_ratio,cramer_von_mises
is "scipy's U" "$(value 'd["features"][0]["statistics"]["mann_whitney"]["value"]')" 2139
is 'AUC' "$(value 'round(d["features"][0]["statistics"]["mann_whitney"]["auc"], 10)')" 0.7861
is "scipy's p of T" "$(value '"%.3g" % d["features"][0]["statistics"]["cramer_von_mises"]["p_value"]')" 1.77e-10
is 'shift of the mean' "$(value '"%.6f" % d["features"][0]["statistics"]["mean_shift"]["value"]')" "$(python3 -c '
import sys, statistics as s
a, b = ([float(x) for x in open(f"{sys.argv[1]}/{n}.csv").read().split()[1:]] for n in ("reference", "current"))
print("%.6f" % ((s.fmean(b) - s.fmean(a)) / s.pstdev(a)))' "$work")"
is 'ratio of the spreads' "$(value '"%.6f" % d["features"][0]["statistics"]["spread_ratio"]["value"]')" "$(python3 -c '
import sys, statistics as s
a, b = ([float(x) for x in open(f"{sys.argv[1]}/{n}.csv").read().split()[1:]] for n in ("reference", "current"))
print("%.6f" % (s.pstdev(b) / s.pstdev(a)))' "$work")"
expect 2 compare --reference "$work/reference.csv" --current "$work/current.csv" --compat evidentli
says "'evidentli' is not allowed (none, evidently, nannyml, frouros, popmon, scouter)"
expect 0 compare --reference "$work/reference.csv" --current "$work/current.csv" --compat nannyml --window 20 --reference-windows --format json
is 'windows of both sides' "$(value '[w["of_reference"] for w in d["windows"]]')" '[True, True, True, True, True, False, False, False, False, False]'
# Rows in no order are cut into the same windows.
python3 - "$work" <<'P'
import random, sys
random.seed(3)
rows = [f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z,{random.gauss(0, 1):.3f}\n" for i in range(20000)]
for name in ("ordered", "shuffled"):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as f:
        f.writelines(["timestamp,x\n"] + rows)
    random.shuffle(rows)
P
windows_of() {
    expect 0 compare --reference "$work/ordered.csv" --current "$work/$1.csv" --compat scouter --window 30s --format json
    value '[(w["window"], w["rows"], w["features"]) for w in d["windows"]]'
}
is 'windows of rows in no order' "$(windows_of shuffled)" "$(windows_of ordered)"
is 'how many they are' "$(value 'len(d["windows"])')" 667

# Sequential detectors: the streams that river publishes, and the rows that it finds (from 1 here, from 0 there).
python3 - "$data" "$work" <<'P'
import json, sys
streams = json.load(open(sys.argv[1] + "/stat/published/drift_detectors_river.json"))["streams"]
with open(sys.argv[2] + "/streams.csv", "w") as f:
    f.write("score,wrong\n")
    f.writelines(f"{a},{'true' if b else 'false'}\n" for a, b in zip(streams["s1"], streams["s2"]))
P
rows() { value "[r - 1 for r in next(f for f in d['features'] if f['name'] == '$1')['detectors']['$2']['rows']]"; }
expect 0 compare --reference "$work/streams.csv" --current "$work/streams.csv" --format json \
    --detector adwin,page_hinkley:variant=1,ddm,eddm:variant=1,kswin:alpha=0.0001:window_size=200:stat_size=100
is "river's ADWIN" "$(rows score adwin)" '[1023]'
is "river's Page-Hinkley" "$(rows score page_hinkley)" '[1020, 1991]'
is "river's KSWIN" "$(rows score kswin)" '[1042]'
is "river's DDM" "$(rows wrong ddm)" '[1049]'
is "river's EDDM" "$(rows wrong eddm)" '[681, 848, 983, 1042, 1089]'
expect 0 compare --reference "$work/streams.csv" --current "$work/streams.csv" --detector adwin
says 'adwin: score changes 1 time, at row 1024'
# Detectors need no reference; what does says so.
expect 0 compare --current "$work/streams.csv" --detector ddm --columns wrong
says 'ddm: wrong changes 1 time, at row 1050'
says 'not compared: score (not asked for)'
grep -q 'VERDICT\|drifted' "$work/out" && fail 'a verdict without a reference'
expect 0 compare --current "$work/streams.csv" --detector ddm,adwin --format json
is 'the same rows' "$(rows wrong ddm) $(rows score adwin)" '[1049] [1023]'
is 'no verdict' "$(value 'sorted(d), sorted(d["features"][0])')" "(['features', 'not_compared', 'notes'], ['detectors', 'kind', 'name', 'type'])"
for needs in '--window 100' --fail-on-drift '--level 0.1' '--format html' '--compat evidently'; do
    read -ra options <<<"$needs"
    expect 2 compare --current "$work/streams.csv" --detector ddm "${options[@]}"
    says 'needs --reference'
done
expect 2 compare --current "$work/streams.csv"
says '--reference is missing'
expect 2 compare --detector ddm
says '--current is missing'
expect 2 compare --reference "$work/streams.csv" --current "$work/streams.csv" --detector adwin:alpha=1
says "'alpha=1' is not allowed: adwin has delta, clock"

# How it decides: the connector's rules. Ten quantile bins of the data that frouros documents, shares clipped at 1e-4.
python3 - "$data" "$work" <<'P'
import datetime, json, random, sys
cases = json.load(open(sys.argv[1] + "/stat/published/distances_frouros.json"))["cases"]
case = next(c for c in cases if c["id"] == "docstring_PSI20")
for side in ("reference", "current"):
    with open(f"{sys.argv[2]}/{side}31.csv", "w") as f:
        f.write("x\n" + "".join(f"{v!r}\n" for v in case[side]))
random.seed(3)
start = datetime.datetime(2026, 1, 1)
for name, shift in (("calm", 0), ("moved", 0.25)):
    with open(f"{sys.argv[2]}/{name}.csv", "w") as f:
        f.write("t,x,c\n")
        for i in range(1200):
            f.write(f"{(start + datetime.timedelta(minutes=2 * i)).isoformat()}Z,{random.gauss(shift, 1)},{random.choice('pq')}\n")
P
pair31=(--reference "$work/reference31.csv" --current "$work/current31.csv" --format json)
psi() { value 'round(d["features"][0]["statistics"]["psi"]["value"], 12), d["features"][0]["statistics"]["psi"]["p_value"]'; }
expect 0 compare "${pair31[@]}"
is "Laplace's PSI" "$(value 'round(d["features"][0]["statistics"]["psi"]["value"], 12)')" 1.329758102714
p=$(value 'd["features"][0]["statistics"]["psi"]["p_value"]')
expect 0 compare "${pair31[@]}" --psi-empty clip
is 'PSI of clipped shares' "$(psi)" "(1.856219294592, $p)"
expect 0 compare "${pair31[@]}" --psi-empty clip=0.000001
is 'PSI of less clipped shares' "$(psi)" "(2.317415575793, $p)"
expect 2 compare "${pair31[@]}" --psi-empty clip=2
says '2 is not in 0 to 1'
moved=(--reference "$work/calm.csv" --current "$work/moved.csv" --timestamp t)
expect 3 compare "${moved[@]}" --rule thresholds --threshold psi=0.02,wasserstein=5 --fail-on-drift
says 'DRIFT by psi'
says '1 of 2 features drifted (thresholds psi 0.02, wasserstein 5)'
expect 0 compare "${moved[@]}" --rule thresholds --threshold psi=2 --fail-on-drift
expect 0 compare "${moved[@]}" --rule thresholds --threshold ks=0.01 --format html
says 'drifted from 0.01 on'
expect 0 compare "${moved[@]}" --rule thresholds --threshold total_variation=0.05 --format json
is 'what decides' "$(value 'd["rule"], d["features"][0]["rejected_by"], d["features"][1]["rejected_by"]')" "('thresholds', 'total_variation', None)"
expect 0 compare "${moved[@]}" --window 4h --false-alarms 1/week --correction bonferroni --format json
is 'a false alarm a week' "$(value 'round(d["level"], 12), d["correction"]')" "($(python3 -c 'print(round(2 * 4 / 168, 12))'), 'bonferroni')"
for wrong in '--threshold psi=1|the rule `tests` takes smallest effects' '--rule thresholds|needs one at least' \
    '--rule thresholds --threshold psi=0|psi: must be above 0' '--rule thresholds --threshold foo=1|total_variation' \
    '--rule thresholds --threshold psi|is not of the form psi=0.2' '--false-alarms 1/week|needs windows of one length in time' \
    '--window 1h --level 0.1 --false-alarms 1/week|set it or --level' '--window 1h --false-alarms 1/year|write 1/week' \
    '--window 1h --correction none --false-alarms 1/week|needs a correction' '--correction holm|benjamini_yekutieli'; do
    read -ra options <<<"${wrong%%|*}"
    expect 2 compare "${moved[@]}" "${options[@]}"
    says "${wrong#*|}"
done

# Windows of one table against its other rows: independent ones raise no alarm, and there is no drift to fail on.
expect 0 compare --calibrate "$work/calm.csv" --timestamp t --window 200 --format json
is 'windows of a calm table' "$(value 'd["level"], d["incidents"]')" '(0.01, 0)'
expect 2 compare --calibrate "$work/calm.csv" --window 200 --rule thresholds --threshold psi=0.2
says '--calibrate looks for a level'
expect 2 compare --calibrate "$work/calm.csv" --window 200 --fail-on-drift
says 'not with --fail-on-drift'
echo "$passed passed"
