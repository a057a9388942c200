#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The binary as an operator meets it: start, ready, reload, bad reload, drain, exit codes, wrong configurations.
#
#   AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/lifecycle.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
AIMON_BIN=$(realpath "${AIMON_BIN:-build/debug/bin/otelcol-aimon}")
work=$(mktemp -d)
pid=
finish() {
    status=$?
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
    [ $status = 0 ] || tail -n 30 "$work"/*.log || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
passed=0
ok() { passed=$((passed + 1)); }
fail() { echo "FAILED: $*"; exit 1; }
# until_ok COMMAND…: tries for 10 seconds.
until_ok() {
    for _ in $(seq 100); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "gave up waiting for: $*"
}
ready_times() { [ "$(grep -c 'Everything is ready. Begin running and processing data.' "$work/run.log")" = "$1" ]; }
# results_of INSTANCE: sends a span, and looks for results that say who made them.
results_of() {
    curl -fs -X POST -H 'Content-Type: application/json' "http://127.0.0.1:$http/v1/traces" \
        -d '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a","traceId":"0102030405060708090a0b0c0d0e0f10",
            "spanId":"0102030405060708","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}' &&
        curl -fs "http://127.0.0.1:$page/metrics" | grep "[{,]instance=\"$1\"" | grep '[{,]job="aimon-eu"'
}
logged() { grep -q "$1" "$work/run.log"; }

reloaded() { curl -fs "http://127.0.0.1:$self/metrics" | grep -x "aimon_config_last_reload_successful $1"; }

exec 3< <(python3 tests/interop/free_ports.py 5)
read -r grpc http page health self <&3

cat >"$work/c.yaml" <<YAML
extensions: {health_check: {endpoint: "127.0.0.1:$health"}}
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:$grpc"}, http: {endpoint: "127.0.0.1:$http"}}}
connectors: {latency: {metrics_flush_interval: 1s}}
exporters: {prometheus: {endpoint: "127.0.0.1:$page"}}
service:
  extensions: [health_check]
  telemetry:
    resource: {service.name: aimon-eu, service.instance.id: host-1}
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: $self}}}}]}
  pipelines:
    traces: {receivers: [otlp], exporters: [latency]}
    metrics: {receivers: [latency], exporters: [prometheus]}
YAML
cp "$work/c.yaml" "$work/live.yaml"

# Silent and 0 when right; an error on stderr and 1 when wrong.
[ -z "$("$AIMON_BIN" validate --config "$work/c.yaml" 2>&1)" ] || fail "validate speaks"
ok
if "$AIMON_BIN" validate --config "$work/c.yaml" --set receivers.otlp.protocols.grpc.endpiont=x 2>"$work/e.log"; then
    fail "a misspelt key is accepted"
fi
grep -q "'protocols.grpc' has invalid keys: endpiont" "$work/e.log" || fail "no word of the misspelt key"
ok
if "$AIMON_BIN" 2>"$work/e.log"; then fail "runs without a configuration"; fi
grep -q 'at least one config flag must be provided' "$work/e.log" || fail "no word of the missing flag"
ok
"$AIMON_BIN" --version | grep -x 'otelcol-aimon version [0-9.]*' >/dev/null || fail "version"
ok
"$AIMON_BIN" components | grep -- '- name: otlp' >/dev/null || fail "components"
ok
# What print-config prints is a configuration again.
"$AIMON_BIN" print-config --config "$work/c.yaml" >"$work/printed.yaml"
"$AIMON_BIN" validate --config "$work/printed.yaml" || fail "print-config's output is not valid"
"$AIMON_BIN" print-config --config "$work/c.yaml" --format json | python3 -m json.tool >/dev/null || fail "no JSON"
ok
# Bombs end at once.
python3 -c 'print("[" * 100000)' >"$work/bomb.yaml"
if timeout 1 "$AIMON_BIN" validate --config "$work/bomb.yaml" 2>"$work/e.log"; then fail "a bomb is accepted"; fi
grep -q 'nested too deeply' "$work/e.log" || fail "the bomb was not refused in time"
ok

"$AIMON_BIN" --config "$work/live.yaml" >/dev/null 2>"$work/run.log" &
pid=$!
until_ok ready_times 1
logged 'Starting otelcol-aimon...' || fail "no first line"
until_ok curl -fs "http://127.0.0.1:$health/"
curl -fs "http://127.0.0.1:$self/metrics" | grep '^otelcol_process_uptime ' >/dev/null || fail "no self-metrics"
curl -fs -X POST -H 'Content-Type: application/json' -d '{}' "http://127.0.0.1:$http/v1/traces" >/dev/null || fail "HTTP"
ok
# Results carry service.telemetry.resource.
until_ok results_of host-1
ok
# A second one on the same ports says why it cannot start.
if timeout 10 "$AIMON_BIN" --config "$work/c.yaml" 2>"$work/e.log"; then fail "two on one port"; fi
grep -q 'address already in use' "$work/e.log" || fail "no word of the port"
ok
# A bad configuration does not replace a good one.
echo 'receivers: {nosuch: }' >"$work/live.yaml"
kill -HUP "$pid"
until_ok logged 'Reload failed, the running configuration stays'
curl -fs "http://127.0.0.1:$health/" >/dev/null || fail "the old configuration is gone"
ok
# The health page does not tell of it, a metric does.
until_ok reloaded 0
ok
# Nor does one whose port is taken: the former one comes back.
sed "s/127.0.0.1:$page/127.0.0.1:$self/" "$work/c.yaml" >"$work/live.yaml"
kill -HUP "$pid"
until_ok logged 'Reload failed, going back to the former configuration'
until_ok ready_times 2
until_ok reloaded 0
ok
# A good one does.
sed 's/1s}}/1s}, drift: }/; s/exporters: \[latency\]/exporters: [latency, drift]/; s/receivers: \[latency\]/receivers: [latency, drift]/; s/host-1/host-2/' "$work/c.yaml" >"$work/live.yaml"
kill -HUP "$pid"
until_ok ready_times 3
until_ok reloaded 1
until_ok curl -fs "http://127.0.0.1:$health/"
curl -fs "http://127.0.0.1:$self/metrics" | grep 'component="drift"' >/dev/null || fail "drift is not there after the reload"
ok
until_ok results_of host-2
ok
started=$SECONDS
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
[ $code = 0 ] || fail "exit code $code after SIGTERM"
[ $((SECONDS - started)) -le 10 ] || fail "SIGTERM took $((SECONDS - started)) s"
for line in 'Received signal from OS' 'Starting shutdown...' 'Shutdown complete.'; do
    logged "$line" || fail "no line: $line"
done
ok

# A file that may not grow (ulimit -f, in KiB) is a full disk: what comes is refused, and the process lives.
cat >"$work/small.yaml" <<YAML
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:$http"}}}}
exporters: {file: {path: "$work/small.json", flush_interval: 20ms}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [file]}}
YAML
python3 -c 'print("""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"%s"}}]}]}]}""" % ("x" * 20000))' >"$work/20k.json"
status_of() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/json' --data "@$work/20k.json" \
        "http://127.0.0.1:$http/v1/logs")" = "$1" ]
}
(ulimit -f 64; exec "$AIMON_BIN" --config "$work/small.yaml" >/dev/null 2>"$work/run.log") &
pid=$!
until_ok status_of 200
until_ok status_of 503
until_ok logged 'File too large'
kill -TERM "$pid" 2>/dev/null || fail "a file at its limit ended the process"
wait "$pid" || true
pid=
logged 'Shutdown complete.' || fail "a file at its limit ended the process"
ok
echo "$passed passed"
