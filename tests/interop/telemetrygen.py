#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's load generator, telemetrygen, as a client: traces, every kind of metric, and logs, over gRPC and HTTP, in plain text,
with TLS, mutual TLS and a bearer token. What it says that it made comes out, counted exactly, with the fields that it was told to
set; without the certificate or the token it sends nothing.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/telemetrygen.py
"""

import concurrent.futures
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

import certs
import collector
from free_ports import free_ports
import go_peer

MODULE = collector.CONTRIB + "cmd/telemetrygen"
VERSION = "v0.160.0"  # 0.159.0, the Collector's here, is not on every proxy
WORKERS, EACH, CHILDREN, TRACES = 2, 150, 3, 60
KINDS = ("traces", "Gauge", "Sum", "Histogram", "ExponentialHistogram", "logs")
TRANSPORTS = ("grpc", "http")
MODES = ("plain", "tls", "mtls", "bearer")
TOKEN = "a-token-that-nobody-guesses"
TRACE, SPAN = "ae87dadd90e9935a4bc9660628efd569", "5828fa4960140870"
failures, checks = [], 0


def check(ok, text):
    global checks
    checks += 1
    if not ok:
        failures.append(text)


def signal_of(kind):
    return kind if kind in ("traces", "logs") else "metrics"


def made(kind):
    """Items of one run."""
    return WORKERS * (TRACES * (1 + CHILDREN) if kind == "traces" else EACH)


# ---- The service and the client ------------------------------------------------------------------------------


def configuration(work, ports, metrics, pairs):
    receivers = {}
    for mode in MODES:
        server = {}
        if mode in ("tls", "mtls"):
            server["tls"] = {"cert_file": str(pairs["server"][0]), "key_file": str(pairs["server"][1])}
        if mode == "mtls":
            server["tls"]["client_ca_file"] = str(pairs["ca"])
        if mode == "bearer":
            server["auth"] = {"authenticator": "bearertokenauth"}
        receivers["otlp/" + mode] = {"protocols": {how: {"endpoint": "localhost:%d" % ports[mode, how], **server} for how in TRANSPORTS}}
    return {"receivers": receivers, "exporters": {"file": {"path": work + "/out.jsonl", "flush_interval": "100ms"}},
            "extensions": {"bearertokenauth": {"token": TOKEN}},
            "service": {"extensions": ["bearertokenauth"],
                        "telemetry": {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics}}}}]}},
                        "pipelines": {signal: {"receivers": list(receivers), "exporters": ["file"]} for signal in collector.SIGNALS}}}


def command(program, kind, mode, how, port, pairs):
    signal = signal_of(kind)
    made_of = [program, signal, "--otlp-endpoint", "localhost:%d" % port, "--service", "%s-%s-%s" % (kind, mode, how), "--rate", "0",
               "--workers", str(WORKERS), "--otlp-attributes", 'zone="a"', "--otlp-attributes", "list=[1,2]",
               "--telemetry-attributes", 'flavour="salt"', "--telemetry-attributes", "depth=3", "--timeout", "5s"]
    made_of += ["--otlp-http"] if how == "http" else []
    made_of += ["--ca-cert", str(pairs["ca"])] if mode in ("tls", "mtls") else ["--otlp-insecure"]
    made_of += ["--mtls", "--client-cert", str(pairs["client"][0]), "--client-key", str(pairs["client"][1])] if mode == "mtls" else []
    made_of += ["--otlp-header", 'authorization="Bearer %s"' % TOKEN] if mode == "bearer" else []
    if kind == "traces":
        return made_of + ["--traces", str(TRACES), "--child-spans", str(CHILDREN), "--span-links", "1", "--status-code", "Error",
                          "--span-duration", "1ms"]
    if kind == "logs":
        return made_of + ["--logs", str(EACH), "--body", "it's \"said\"", "--severity-text", "Warn", "--severity-number", "13",
                          "--trace-id", TRACE, "--span-id", SPAN]
    return made_of + ["--metrics", str(EACH), "--metric-type", kind, "--trace-id", TRACE, "--span-id", SPAN, "--otlp-metric-name", "gen." + kind,
                      "--aggregation-temporality", "delta" if kind == "Histogram" else "cumulative"]


def run(arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)


def refused(program, ports, pairs):
    """Whoever has no certificate, no trust, or no token sends nothing, and says so."""
    for how in TRANSPORTS:
        for mode, wanted in (("mtls", "tls"), ("tls", "plain"), ("bearer", "plain")):
            arguments = command(program, "logs", wanted, how, ports[mode, how], pairs)  # of traces it says so but ends well
            arguments[arguments.index("--service") + 1] = "refused"
            arguments[arguments.index("--timeout") + 1] = "1s"
            yield "%s server, %s client over %s" % (mode, wanted, how), arguments


# ---- What came out -------------------------------------------------------------------------------------------


def read(path):
    """{service: [(resource, item)]}; of metrics an item is (metric, kind's members, point)."""
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            for groups in json.loads(line).values():
                for group in groups:
                    resource = attributes(group["resource"])
                    for scope in group.get("scopeSpans") or group.get("scopeMetrics") or group.get("scopeLogs"):
                        for item in items_of(scope):
                            found.setdefault(resource["service.name"], []).append((resource, item))
    return found


def items_of(scope):
    for item in scope.get("spans", []) + scope.get("logRecords", []):
        yield item
    for metric in scope.get("metrics", []):
        kind = next(k for k in metric if isinstance(metric[k], dict) and "dataPoints" in metric[k])
        for point in metric[kind]["dataPoints"]:
            yield metric["name"], kind, metric[kind], point


def attributes(of):
    return {pair["key"]: next(iter(pair["value"].values()), None) for pair in of.get("attributes", [])}


def check_traces(name, spans):
    by_trace, now = {}, time.time_ns()
    for span in spans:
        by_trace.setdefault(span["traceId"], []).append(span)
    check(len(by_trace) == WORKERS * TRACES, "%s: %d traces" % (name, len(by_trace)))
    check(len({span["spanId"] for span in spans}) == len(spans), name + ": span ids occur twice")
    for trace in by_trace.values():
        roots = [span for span in trace if not span.get("parentSpanId")]
        ok = len(roots) == 1 and all(span is roots[0] or span["parentSpanId"] == roots[0]["spanId"] for span in trace)
        check(ok and roots[0]["name"] == "lets-go" and len(trace) == 1 + CHILDREN, "%s: a trace of %s" % (name, trace))
    for span in spans:
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        lasts = 1_000_000 * (1 if span.get("parentSpanId") else CHILDREN)
        check(end - start == lasts and abs(now - start) < 300e9, "%s: %d to %d" % (name, start, end))
        check(span["status"] == {"code": 2} and attributes(span)["network.peer.address"] == "1.2.3.4", "%s: %s" % (name, span))
    check(sum(len(span.get("links", [])) for span in spans) >= len(spans) - 2 * WORKERS, name + ": links are missing")


def check_metrics(name, kind, points):
    total = []
    for metric, member, body, point in points:
        check((metric, member.lower()) == ("gen." + kind, kind.lower()), "%s: %s %s" % (name, metric, member))
        check([(e["traceId"], e["spanId"]) for e in point["exemplars"]] == [(TRACE, SPAN)], "%s: exemplars: %s" % (name, point))
        check(abs(time.time_ns() - int(point["timeUnixNano"])) < 300e9, "%s: time: %s" % (name, point))
        if kind != "Gauge":
            check(body["aggregationTemporality"] == (1 if kind == "Histogram" else 2), "%s: temporality: %s" % (name, body))
        if kind in ("Gauge", "Sum"):
            total.append(int(point["asInt"]))
        elif kind == "Histogram":
            counts = [int(n) for n in point["bucketCounts"]]
            check(sum(counts) == int(point["count"]) and len(counts) == len(point["explicitBounds"]) + 1, "%s: buckets: %s" % (name, point))
        else:
            counts = [int(n) for side in ("positive", "negative") for n in point.get(side, {}).get("bucketCounts", [])]
            check(sum(counts) + int(point.get("zeroCount", 0)) == int(point["count"]), "%s: buckets: %s" % (name, point))
    if total:
        check(sorted(total) == sorted(list(range(EACH)) * WORKERS), "%s: values %s …" % (name, sorted(total)[:20]))


def check_logs(name, records):
    for record in records:
        wanted = {"severityNumber": 13, "severityText": "Warn", "body": {"stringValue": "it's \"said\""}, "traceId": TRACE, "spanId": SPAN}
        check({key: record.get(key) for key in wanted} == wanted and attributes(record)["app"] == "server", "%s: %s" % (name, record))


def check_run(kind, mode, how, found):
    name = "%s-%s-%s" % (kind, mode, how)
    check(len(found) == made(kind), "%s: %d items came out of %d" % (name, len(found), made(kind)))
    items = [item for _, item in found]
    for resource, item in found:
        check(resource["zone"] == "a" and len(resource["list"]["values"]) == 2, "%s: resource: %s" % (name, resource))
        own = attributes(item if isinstance(item, dict) else item[3])
        check(own.get("flavour") == "salt" and own.get("depth") == "3", "%s: attributes: %s" % (name, own))
    if kind == "traces":
        check_traces(name, items)
    elif kind == "logs":
        check_logs(name, items)
    else:
        check_metrics(name, kind, items)


def check_counters(page):
    """The service's own counters: each receiver and transport took what was sent to it, the exporter sent the sum, nothing was refused."""
    names = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
    for signal, name in names.items():
        one = sum(made(kind) for kind in KINDS if signal_of(kind) == signal)
        for mode in MODES:
            for how in TRANSPORTS:
                series = 'otelcol_receiver_accepted_%s{receiver="otlp/%s",transport="%s"}' % (name, mode, how)
                value = re.search(re.escape(series) + " ([0-9]+)", page)
                check(value and int(value[1]) == one, "%s is %s, not %d" % (series, value and value[1], one))
        sent = re.search(r'otelcol_exporter_sent_%s{exporter="file"} ([0-9]+)' % name, page)
        check(sent and int(sent[1]) == one * len(MODES) * len(TRANSPORTS), "sent %s: %s" % (name, sent and sent[1]))
        check(not re.search(r"_(?:refused|failed)_%s{[^}]*} [1-9]" % name, page), name + " were refused")
    for how in TRANSPORTS:
        series = 'aimon_receiver_refused_requests{reason="auth",receiver="otlp/bearer",transport="%s"}' % how
        check(re.search(re.escape(series) + " [12]\n", page), "refused over " + how)


def main():
    program = go_peer.command("telemetrygen", MODULE, VERSION, MODULE)
    if not program:
        return 0
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as stack:
        authority = certs.Authority(work + "/ca")
        pairs = {"ca": authority.cert, "server": authority.sign("server"), "client": authority.sign("client")}
        *free, metrics = free_ports(len(MODES) * len(TRANSPORTS) + 1)
        ports = dict(zip([(mode, how) for mode in MODES for how in TRANSPORTS], free))
        stack.enter_context(collector.running(collector.BIN, configuration(work, ports, metrics, pairs), work + "/log"))
        runs = [(kind, mode, how) for kind in KINDS for mode in MODES for how in TRANSPORTS]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for run_, done in zip(runs, pool.map(lambda r: run(command(program, *r, ports[r[1:]], pairs)), runs)):
                check(done.returncode == 0, "%s ended with %d: %s" % (run_, done.returncode, done.stdout.decode()[-400:]))
            for name, done in pool.map(lambda r: (r[0], run(r[1])), refused(program, ports, pairs)):
                said = "missing or empty authorization header" if name.startswith("bearer") else "failed to export batched logs"
                check(done.returncode == 1 and said in done.stdout.decode(), "%s: ended with %d: %s" % (name, done.returncode, done.stdout[-400:]))
        total = sum(made(kind) for kind, _, _ in runs)

        def come():
            with contextlib.suppress(OSError, ValueError):
                return sum(map(len, read(work + "/out.jsonl").values())) >= total
        collector.wait_for(come, 10)
        found = read(work + "/out.jsonl")
        check("refused" not in found, "%d items came without credentials" % len(found.get("refused", [])))
        for kind, mode, how in runs:
            check_run(kind, mode, how, found.get("%s-%s-%s" % (kind, mode, how), []))
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % metrics, timeout=5) as page:
            check_counters(page.read().decode())
    for failure in failures[:20]:
        print("FAILED:", failure[:600])
    print("%d passed, %d failed (%d items of %d runs)" % (checks - len(failures), len(failures), total, len(runs)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
