#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo: an application's traffic flows through the sidecar to a Collector; half way it drifts, and the sidecar says so.
# usage: run.sh BINARY [FILE.csv]     with a file: its first half is the reference, its second half the traffic
set -eu
cd "$(dirname "$0")/../.."
binary=$1
data=${2:-}
here=otel-config-examples/demo
work=$(mktemp -d)
sidecar_pid='' upstream_pid=''
stop() {
    for pid in $sidecar_pid $upstream_pid; do kill "$pid" 2>/dev/null || true; done
    for pid in $sidecar_pid $upstream_pid; do wait "$pid" 2>/dev/null || true; done
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
fail() {
    echo "demo: $1" >&2
    [ -s "$work/sidecar.log" ] && sed 's/^/    /' "$work/sidecar.log" | tail -n 15 >&2
    exit 1
}
# A port nobody listens on, from the wanted one upward.
free_port() {
    port=$1
    while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}
value() { curl -sf "http://127.0.0.1:$1/metrics" | awk -v name="$2" 'index($1, name) == 1 {sum += $NF} END {printf "%d\n", sum}'; }

grpc=$(free_port 4317) http=$(free_port 4318) results=$(free_port 9464) self=$(free_port 8888) health=$(free_port 13133)
upstream=$(free_port 14317) upstream_self=$(free_port 18888)
metrics_at() { echo "service.telemetry.metrics.readers=[{pull: {exporter: {prometheus: {host: localhost, port: $1}}}}]"; }

start_upstream() {
    "$binary" --config "yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: 'localhost:$upstream'}}}}, exporters: {debug: {}},
        service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}, metrics: {receivers: [otlp], exporters: [debug]}, logs: {receivers: [otlp], exporters: [debug]}}}}" \
        --set "$(metrics_at "$upstream_self")" >"$work/upstream.log" 2>&1 &
    upstream_pid=$!
}
start_sidecar() {
    config=$1
    shift
    : >"$work/sidecar.log"
    UPSTREAM=localhost:$upstream AIMON_LEARN=1h AIMON_PROMETHEUS=localhost:$results AIMON_REFERENCE=$work/reference.json \
        "$binary" --config "$config" --set "receivers.otlp.protocols.grpc.endpoint=localhost:$grpc" \
        --set "receivers.otlp.protocols.http.endpoint=localhost:$http" --set "$(metrics_at "$self")" "$@" >"$work/sidecar.log" 2>&1 &
    sidecar_pid=$!
    tries=0
    until grep -qs 'Everything is ready' "$work/sidecar.log"; do
        kill -0 "$sidecar_pid" 2>/dev/null || fail "the sidecar did not start"
        tries=$((tries + 1))
        [ $tries -lt 200 ] || fail "the sidecar is not ready after 10 s"
        sleep 0.05
    done
}

generated() {
    echo "1. A sidecar with otel-config-examples/sidecar.yaml, between an application and the Collector at localhost:$upstream."
    start_upstream
    start_sidecar otel-config-examples/sidecar.yaml --set "extensions.health_check.endpoint=localhost:$health"
    echo "2. Three hours of traffic, sent in seconds: an LLM application (GenAI spans) and a credit scorer. The first hour is"
    echo "   learned as the reference; after an hour and a half the traffic drifts."
    awk -v kind=llm -f $here/traffic.awk >"$work/llm.csv"
    awk -v kind=scorer -f $here/traffic.awk >"$work/scorer.csv"
    "$binary" replay --input "$work/llm.csv" --endpoint "localhost:$grpc" --preset gen_ai || fail "replay of the LLM traffic failed"
    "$binary" replay --input "$work/scorer.csv" --endpoint "localhost:$grpc" --preset ml --model credit-scorer --duration duration --prediction score || fail "replay of the scorer's traffic failed"
}
own() {
    if [ ! -f "$data" ] || [ ! -r "$data" ]; then fail "cannot read the file '$data'"; fi
    echo "1. The first half of $data becomes the reference."
    rows=$(($(wc -l <"$data") - 1))
    [ "$rows" -ge 100 ] || fail "$data has $rows rows; at least 100 are needed (a CSV file with a header line)"
    head -n $((rows / 2 + 1)) "$data" >"$work/reference.csv"
    # The rows' own times may be days apart, or none: as traffic they are spread evenly, over an hour (one window) or three.
    if [ "$rows" -ge 4000 ]; then span=10800 least=200; else span=3500 least=30; fi
    awk -v from=$((rows / 2 + 1)) -v rows="$rows" -v span=$span '
        NR == 1 { print "demo_time," $0 }
        NR > from { print strftime("%Y-%m-%d %H:%M:%S", 1700000000 + (NR - from) * span / (rows - from + 1), 1) "," $0 }' "$data" >"$work/current.csv"
    "$binary" reference build --input "$work/reference.csv" --output "$work/reference.json" || fail "no reference could be built from $data"
    echo "2. A sidecar with otel-config-examples/scorer.yaml; the second half arrives as traffic."
    sent=$((rows - rows / 2))
    start_sidecar otel-config-examples/scorer.yaml --set "exporters.prometheus.endpoint=localhost:$results" \
        --set "connectors.drift.window.min_observations=$least"
    "$binary" replay --input "$work/current.csv" --endpoint "localhost:$grpc" --preset ml --timestamp demo_time || fail "replay of $data failed"
}
# Results follow the watermark and the flush interval: wait until the newest windows are exported.
settle() {
    tries=0 before=
    while :; do
        now=$(curl -sf "http://localhost:$results/metrics" | grep -E '^ml_(drift_window_end|drift_detected|inference_requests)' | cksum)
        [ "$now" = "$before" ] && curl -sf "http://localhost:$results/metrics" | grep -q '^ml_drift_detected' && same=$((same + 1)) || same=0
        [ "$same" -ge 4 ] && break
        before=$now
        tries=$((tries + 1))
        [ $tries -lt 80 ] || fail "no result at localhost:$results/metrics after 40 s"
        [ -t 1 ] && printf '\r   waiting for the last window … %ds ' $((tries / 2))
        sleep 0.5
    done
    [ -t 1 ] && printf '\r\033[K'
    return 0
}

same=0 sent=0
if [ -n "$data" ]; then own; else generated; fi
settle
echo "3. What Prometheus sees at localhost:$results/metrics:"
echo
colour=0
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] && colour=1
curl -sf "http://localhost:$results/metrics" >"$work/metrics.txt"
awk -v colour=$colour -v sent=$sent -f $here/table.awk "$work/metrics.txt" || fail "the results lack drift or latency"
if [ -n "$upstream_pid" ]; then
    echo "Spans received $(value "$self" otelcol_receiver_accepted_spans), forwarded $(value "$self" otelcol_exporter_sent_spans), at the Collector behind $(value "$upstream_self" otelcol_receiver_accepted_spans)."
fi
cat <<TXT

Where to look next
  otel-config-examples/   configurations to copy: sidecar.yaml (drop-in), scorer.yaml (with a reference file), llm.yaml
  README.md               the metrics, and how to point your own application at the sidecar
  make demo DATA=file.csv the same on your own rows
TXT
