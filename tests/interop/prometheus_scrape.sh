#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus scrapes the service while Azure's code trace is replayed against its conversation trace, and PromQL gives
# back the two-sample KS distances that scipy computes of the same files. Also: promtool finds nothing wrong with the page.
#
#   AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/prometheus_scrape.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
AIMON_BIN=$(realpath "${AIMON_BIN:-build/debug/bin/otelcol-aimon}")
TRACE=$(realpath -m "${AIMON_TESTDATA:-../shared/data}/series/azure_llm_2023/AzureLLMInferenceTrace")

for tool in prometheus promtool python3; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 0; }
done
[ -r "${TRACE}_conv.csv" ] || { echo "skipped: no verification data"; exit 0; }

work=$(mktemp -d)
pids=()
finish() {
    status=$?
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    [ $status = 0 ] || tail -n 20 "$work"/*.log || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT

exec 3< <(python3 tests/interop/free_ports.py 4)
read -r otlp page health prom <&3

get() { python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=5).read().decode())' "$1"; }
# until_ok TRIES COMMAND…: half a second apart.
until_ok() {
    local tries=$1
    shift
    for _ in $(seq "$tries"); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.5
    done
    echo "gave up waiting for: $*"
    return 1
}
# The one value of an instant query; fails when there is none.
query() {
    python3 - "http://127.0.0.1:$prom/api/v1/query" "$1" <<'PY'
import json, sys, urllib.parse, urllib.request
url = sys.argv[1] + "?" + urllib.parse.urlencode({"query": sys.argv[2]})
result = json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"]
if len(result) != 1:
    sys.exit("%d results for %s" % (len(result), sys.argv[2]))
print(result[0]["value"][1])
PY
}
has_value() { [ "$(query "$1")" = "$2" ]; }

cat >"$work/service.yaml" <<YAML
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:$otlp"}}}}
connectors:
  drift:
    presets: [ml]
    reference: {file: "$work/reference.json"}
    window: {length: 2h, pane: 10s, allowed_lateness: 1s}
    metrics_flush_interval: 1s
exporters: {prometheus: {endpoint: "127.0.0.1:$page", enable_open_metrics: true}}
extensions: {health_check: {endpoint: "127.0.0.1:$health"}}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [drift]}
    metrics: {receivers: [drift], exporters: [prometheus]}
YAML
cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - {job_name: aimon, honor_labels: true, static_configs: [{targets: ["127.0.0.1:$page"]}]}
YAML

"$AIMON_BIN" reference build --input "${TRACE}_conv.csv" --output "$work/reference.json" >/dev/null
"$AIMON_BIN" --config "$work/service.yaml" >"$work/service.log" 2>&1 &
pids+=($!)
until_ok 40 get "http://127.0.0.1:$health/"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
    --web.listen-address="127.0.0.1:$prom" >"$work/prometheus.log" 2>&1 &
pids+=($!)
until_ok 60 get "http://127.0.0.1:$prom/-/ready"

"$AIMON_BIN" replay --input "${TRACE}_code.csv" --endpoint "127.0.0.1:$otlp" >"$work/replay.log"
# The pane of the last row closes when a later row shows that its time has passed: one row of a later pane.
last_pane=$(($(date +%s) / 10))
until_ok 30 bash -c "[ \$((\$(date +%s) / 10)) -gt $last_pane ]"
sleep_until=$(($(date +%s) + 2))
until_ok 10 bash -c "[ \$(date +%s) -ge $sleep_until ]"
head -n 2 "${TRACE}_code.csv" >"$work/one.csv"
"$AIMON_BIN" replay --input "$work/one.csv" --endpoint "127.0.0.1:$otlp" >>"$work/replay.log"

until_ok 60 has_value 'ml_drift_window_observations{ml_feature_name="ContextTokens"}' 8819
has_value 'up{job="aimon"}' 1
check() {
    got=$(query "ml_drift_ks{ml_feature_name=\"$1\"}")
    python3 -c 'import sys; g, w = map(float, sys.argv[1:]); sys.exit(abs(g - w) > 1e-9)' "$got" "$2" ||
        { echo "ml_drift_ks of $1: PromQL says $got, scipy $2"; exit 1; }
    echo "ml_drift_ks of $1: $got"
}
check ContextTokens 0.3460237727
check GeneratedTokens 0.809685941
# What the service says of itself joins to its series.
has_value 'count(ml_drift_ks * on (job, instance) group_left (service_version) target_info)' 2

# promtool: 0 is fine, 3 is a matter of taste (a histogram's name, a missing help), anything else cannot be read.
get "http://127.0.0.1:$page/metrics" >"$work/page.txt"
grep -q '^ml_drift_ks' "$work/page.txt"
lint=0
promtool check metrics <"$work/page.txt" >"$work/promtool.log" 2>&1 || lint=$?
[ $lint = 0 ] || [ $lint = 3 ] || { echo "promtool could not read the page"; exit 1; }
echo "1 passed"
