#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service's own metrics over OTLP, received by the real Collector: over gRPC and over HTTP they are what the page at the same time
says, until the last export at the end. Beside them those of the real Collector in the same work: names, types, units, levels and counts
are the same. And a backend that is away, or never answers, hinders nothing.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/own_metrics.py
"""

import contextlib
import json
import os
import re
import socket
import sys
import tempfile
import time
import urllib.request

import collector
from free_ports import free_ports
from collector_compare import documents

LEVELS = ["basic", "normal", "detailed"]
# What only the Collector tells, with the reasons in docs/compatibility.md: instrumentation of Go's HTTP and gRPC libraries.
ONLY_THEIRS = re.compile(r"(http|rpc)\.(client|server)\.")
# Labels whose values are the same too: where an exporter sends.
TARGET = ("server.address", "server.port", "url.path")
failures = []
checks = 0


def expect(condition, what):
    global checks
    checks += 1
    if not condition:
        failures.append(what)


# ---- Configurations ----------------------------------------------------------------------------------------


def periodic(protocol, port, **more):
    return {"periodic": {"interval": 200, "exporter": {"otlp": {"protocol": protocol, "endpoint": "http://127.0.0.1:%d" % port, **more}}}}


def worker(http, closed, level, readers):
    """One that receives, processes, and sends to a port where nobody listens, with these readers of its own metrics."""
    pipelines = {signal: {"receivers": ["otlp"], "processors": ["memory_limiter", "attributes", "batch"], "exporters": ["otlp_http", "nop"]}
                 for signal in collector.SIGNALS}
    return {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % http}}}},
            "processors": {"memory_limiter": {"check_interval": "1s", "limit_mib": 1000}, "batch": {"timeout": "50ms"},
                           "attributes": {"actions": [{"key": "a", "value": "b", "action": "insert"}]}},
            "exporters": {"nop": None, "otlp_http": {"endpoint": "http://127.0.0.1:%d" % closed, "retry_on_failure": {"enabled": False},
                                                     "sending_queue": {"batch": {"flush_timeout": "50ms", "min_size": 1}}}},
            "service": {"telemetry": {"metrics": {"level": level, "readers": readers}, "resource": {"deployment.environment": "test"}},
                        "pipelines": pipelines}}


def backend(work, ports):
    """A Collector that writes down what it is told, by port; even ones speak HTTP."""
    made = {"receivers": {}, "exporters": {}, "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {}}}
    for i, port in enumerate(ports):
        made["receivers"]["otlp/%d" % i] = {"protocols": {"http" if i % 2 == 0 else "grpc": {"endpoint": "127.0.0.1:%d" % port}}}
        made["exporters"]["file/%d" % i] = {"path": "%s/%d.jsonl" % (work, i), "flush_interval": "50ms"}
        made["service"]["pipelines"]["metrics/%d" % i] = {"receivers": ["otlp/%d" % i], "exporters": ["file/%d" % i]}
    return made


# ---- What was told -----------------------------------------------------------------------------------------


def requests(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def metrics_of(request):
    """{name: metric} of all scopes."""
    return {metric["name"]: metric for group in request["resourceMetrics"] for scope in group["scopeMetrics"] for metric in scope["metrics"]}


def kind_of(metric):
    kind = next(k for k in ("sum", "gauge", "histogram", "exponentialHistogram") if k in metric)
    data = metric[kind]
    number = "" if "istogram" in kind else next(k for k in ("asInt", "asDouble") if k in data["dataPoints"][0])
    return kind, metric.get("unit", ""), data.get("aggregationTemporality", 0), bool(data.get("isMonotonic")), number


def points_of(metric):
    return next(metric[k] for k in ("sum", "gauge", "histogram", "exponentialHistogram") if k in metric)["dataPoints"]


def labels_of(point):
    return {a["key"]: str(next(iter(a["value"].values()))).lower() if "boolValue" in a["value"] else next(iter(a["value"].values()))
            for a in point.get("attributes", [])}


def as_page(request):
    """{(name, labels): value} as the page has them; the parts of histograms too, but those of the process."""
    made = {}
    for name, metric in metrics_of(request).items():
        for point in points_of(metric):
            labels = tuple(sorted((k.replace(".", "_"), v) for k, v in labels_of(point).items()))
            if name.startswith("otelcol_process_"):
                continue
            expect((name, labels) not in made and (name + "_sum", labels) not in made, "%s %s is told twice" % (name, labels))
            if "histogram" not in metric:
                made[name, labels] = float(point.get("asInt", point.get("asDouble", 0)))
                continue
            made[name + "_sum", labels], made[name + "_count", labels], total = float(point.get("sum", 0)), float(point.get("count", 0)), 0
            for count, bound in zip(point["bucketCounts"], [*point["explicitBounds"], float("inf")]):
                total += int(count)
                made[name + "_bucket", tuple(sorted([*labels, ("le", "%g" % bound)]))] = float(total)
    return made


def page(port):
    """The same of a scrape, and the types it tells."""
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=10) as answer:
        text = answer.read().decode()
    made = {}
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.M):
        if not name.startswith(("otelcol_process_", "promhttp_", "target_info")):
            pairs = [(k, "%g" % float(v) if k == "le" else v) for k, v in re.findall(r'(\w+)="([^"]*)"', labels)]
            made[name, tuple(sorted(pairs))] = float(value)
    return made, dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))


def counted(request):
    """{(name, signal or component): sum} of what both count of the same data."""
    made = {}
    for name, metric in metrics_of(request).items():
        if re.search("_(accepted|refused|failed|sent|incoming|outgoing)_(spans|metric_points|log_records|items)$|(enqueue|send)_size(_bytes)?$", name):
            for point in points_of(metric):
                labels = labels_of(point)
                key = (name, labels.get("otel.signal", ""), labels.get("processor", labels.get("exporter", "")))
                made[key] = made.get(key, 0) + float(point.get("asInt", point.get("sum", 0)))
    return {key: value for key, value in made.items() if value}


# ---- Tests -------------------------------------------------------------------------------------------------


def send_all(http):
    sent = documents()
    for signal, found in sent.items():
        for document in found:
            status, _, body = collector.post("http://127.0.0.1:%d/v1/%s" % (http, signal), json.dumps(document).encode())
            expect(status == 200, "%s: %d %r" % (signal, status, body[:200]))


def all_failed(request):
    """Whether all that was received, of every signal, has failed to be sent: nothing waits any more."""
    told = counted(request)

    def total(name, component):
        return sum(value for (name_, _, component_), value in told.items() if (name_, component_) == (name, component))
    return all(0 < total("otelcol_receiver_accepted_" + items, "") == total("otelcol_exporter_send_failed_" + items, "otlp_http")
               for items in ("spans", "metric_points", "log_records"))


def settled(path, ask):
    """Waits until two requests in a row tell the same, and the end of all that was received."""
    def same():
        last = requests(path)[-2:]
        told = [ask(r) for r in last]
        return len(told) == 2 and told[0] and told[0] == told[1] and all_failed(last[1])

    expect(collector.wait_for(same), "%s: does not settle" % path)


def ours_is_the_page(work, told, pages, http, closed):
    """What two backends get is what the page says, in the end too."""
    readers = [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": pages}}}}, periodic("http/protobuf", told[0], compression="gzip"),
               periodic("grpc", told[1], headers=[{"name": "api-key", "value": "k"}]),
               periodic("grpc", told[3], temporality_preference="delta", compression="gzip")]
    paths = ["%s/%d.jsonl" % (work, i) for i in (0, 1)]
    with collector.running(collector.BIN, worker(http, closed, "detailed", readers), work + "/ours.log"):
        send_all(http)
        for path in paths:
            settled(path, as_page)
        values, types = page(pages)
        for path in paths:
            request = requests(path)[-1]
            compare_page(path, request, values, types)
        # What is counted now is told by the last export alone.
        before = [len(requests(path)) for path in paths]
        collector.post("http://127.0.0.1:%d/v1/traces" % http, json.dumps(documents()["traces"][0]).encode())
    accepted = ("otelcol_receiver_accepted_spans", (("receiver", "otlp"), ("transport", "http")))
    spans = sum(len(scope["spans"]) for group in documents()["traces"][0]["resourceSpans"] for scope in group["scopeSpans"])
    for path, n in zip(paths, before):
        expect(collector.wait_for(lambda path=path, n=n: len(requests(path)) > n, 5), "%s: no last export" % path)
        last = as_page(requests(path)[-1])
        expect(last.get(accepted) == values[accepted] + spans, "%s: the last export tells %s, expected %s" % (
            path, last.get(accepted), values[accepted] + spans))
    # Differences add up to the same.
    sums = {}
    for request in requests("%s/3.jsonl" % work):
        for key, value in as_page(request).items():
            sums[key] = sums.get(key, 0) + value
    expect(sums.get(accepted) == values[accepted] + spans, "differences add up to %s, expected %s" % (sums.get(accepted), values[accepted] + spans))


def compare_page(path, request, values, types):
    told = as_page(request)
    for key, value in values.items():
        # Durations and sizes have no rounding in either.
        expect(key in told and abs(told[key] - value) <= 1e-9 * abs(value), "%s: %s is %s on the page, %s told" % (path, key, value, told.get(key)))
    expect(not set(told) - set(values), "%s: told, not on the page: %s" % (path, sorted(set(told) - set(values))[:5]))
    for name, metric in metrics_of(request).items():
        kind, _, temporality, monotonic, _ = kind_of(metric)
        expected = "counter" if monotonic else {"sum": "gauge"}.get(kind, kind)
        expect(types.get(name) == expected, "%s: %s is a %s on the page, %s told" % (path, name, types.get(name), expected))
        expect(temporality in (0, 2), "%s: %s is not cumulative" % (path, name))
    group = request["resourceMetrics"][0]
    resource = labels_of({"attributes": group["resource"]["attributes"]})
    expect(resource.get("service.name") == "otelcol-aimon" and resource.get("deployment.environment") == "test" and
           {"service.version", "service.instance.id"} <= set(resource), "%s: resource %s" % (path, resource))
    expect([s["scope"]["name"] for s in group["scopeMetrics"]] == ["otelcol-aimon"], "%s: scopes" % path)
    starts = {p["startTimeUnixNano"] for m in metrics_of(request).values() for p in points_of(m)}
    expect(len(starts) == 1 and "0" not in starts, "%s: start times %s" % (path, starts))


def level_beside_theirs(work, level, told, https, closed):
    """{side: {name: metric}} at a level."""
    found = {}
    for side, (program, i) in {"theirs": (collector.COLLECTOR, 5), "ours": (collector.BIN, 7)}.items():
        path = "%s/%d.jsonl" % (work, i)
        seen = len(requests(path))
        http = https.pop()
        with collector.running(program, worker(http, closed, level, [periodic("grpc", told[i])]), "%s/%s.%s.log" % (work, side, level)):
            send_all(http)
            settled(path, lambda r: len(requests(path)) > seen + 2 and counted(r))
            found[side] = requests(path)[-1]
    theirs, ours = (metrics_of(found[side]) for side in ("theirs", "ours"))
    for name, metric in theirs.items():
        if ONLY_THEIRS.match(name):
            continue
        expect(name in ours, "%s: only the Collector tells %s" % (level, name))
        if name in ours:
            expect(kind_of(metric) == kind_of(ours[name]), "%s: %s is %s there, %s here" % (level, name, kind_of(metric), kind_of(ours[name])))
            keys = [set().union(*(labels_of(p) for p in points_of(side[name]))) for side in (theirs, ours)]
            expect(not keys[0] - keys[1], "%s: %s has labels %s there, %s here" % (level, name, *keys))
            targets = [{tuple(str(labels_of(p).get(k)) for k in TARGET) for p in points_of(side[name])} for side in (theirs, ours)]
            expect(targets[0] == targets[1], "%s: %s is of %s there, %s here" % (level, name, *targets))
            if "histogram" in metric:
                bounds = [points_of(side[name])[0]["explicitBounds"] for side in (theirs, ours)]
                expect(set(bounds[0]) <= set(bounds[1]), "%s: %s has the bounds %s there, %s here" % (level, name, *bounds))
    sums = [counted(found[side]) for side in ("theirs", "ours")]
    for key, value in sums[0].items():
        # Its encoder writes some empty fields that ours leaves out.
        slack = value / 100 if key[0].endswith("_bytes") else 0
        expect(abs(sums[1].get(key, 0) - value) <= slack, "%s: %s is %s there, %s here" % (level, key, value, sums[1].get(key)))
    return {side: set(metrics) for side, metrics in (("theirs", theirs), ("ours", ours))}


def levels_are_theirs(work, told, https, closed):
    by_level = [level_beside_theirs(work, level, told, https, closed) for level in LEVELS]
    for level, names in zip(LEVELS, by_level):
        early = (names["ours"] & by_level[-1]["theirs"]) - names["theirs"]
        expect(not early, "%s: told here and not by the Collector: %s" % (level, sorted(early)))
    later = by_level[2]["theirs"] - by_level[0]["theirs"]
    expect(len({n for n in later if not ONLY_THEIRS.match(n)}) >= 7, "what comes with the level: %s" % sorted(later))


def a_backend_hinders_nothing(work, http, closed):
    """One that refuses connections and one that never answers: data passes, the log is quiet, the end is quick."""
    def said():
        with open(work + "/away.log", encoding="utf-8") as f:
            return f.read()

    failed = "Exporting the service's own metrics failed"
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        readers = [periodic(protocol, port) for protocol in ("grpc", "http/protobuf") for port in (closed, hole.getsockname()[1])]
        with collector.running(collector.BIN, worker(http, closed, "normal", readers), work + "/away.log"):
            start = time.monotonic()
            send_all(http)
            expect(time.monotonic() - start < 5, "data waits for the own metrics")
            expect(collector.wait_for(lambda: failed in said()), "no export failed")
            time.sleep(2)  # ten intervals, in which none of them says more
            start = time.monotonic()
        expect(time.monotonic() - start < 9, "the end took %.1f s" % (time.monotonic() - start))
    text = said()
    lines = text.count(failed)
    expect(1 <= lines <= len(readers), "%d lines of failed exports:\n%s" % (lines, text[-2000:]))
    expect("Shutdown complete." in text, "no orderly end: " + text[-1000:])


def main():
    if not collector.build():
        return 0
    with tempfile.TemporaryDirectory() as work:
        found = free_ports(18)
        told, pages, closed, https = found[:8], found[8], found[9], found[10:]
        with contextlib.ExitStack() as stack:
            stack.enter_context(collector.running(collector.COLLECTOR, backend(work, told), work + "/backend.log"))
            ours_is_the_page(work, told, pages, https.pop(), closed)
            levels_are_theirs(work, told, https, closed)
        a_backend_hinders_nothing(work, https.pop(), closed)
    for failure in failures[:40]:
        print("FAILED " + failure)
    print("%d passed, %d failed" % (checks - len(failures), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
