#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The span_metrics connector against the Collector's own: both get the same spans, and every point of every metric is the same
(names, units, temporality, resource, attributes, counts, sums, buckets, exemplars), whatever the order.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/span_metrics.py
"""

import json
import random
import sys
import tempfile
import time

import collector
from free_ports import free_ports

ROUNDS = 3
DELTA = "AGGREGATION_TEMPORALITY_DELTA"

NAMED = [{"name": "http.method", "default": "GET"}, {"name": "http.status_code"}, {"name": "region"}]
CASES = {
    "default": {},
    "seconds": {"histogram": {"unit": "s"}, "dimensions": NAMED, "exclude_dimensions": ["status.code", "span.kind"]},
    "buckets": {"histogram": {"explicit": {"buckets": ["100us", "1ms", "10ms", "250ms"]}}, "exemplars": {"enabled": True}},
    "exponential": {"histogram": {"exponential": {"max_size": 20}}, "dimensions": NAMED,
                    "exemplars": {"enabled": True, "max_per_data_point": 2}},
    "exponential_wide": {"histogram": {"exponential": {}, "unit": "s"}},
    "delta": {"aggregation_temporality": DELTA, "dimensions": NAMED, "exemplars": {"enabled": True}},
    "delta_exponential": {"aggregation_temporality": DELTA, "histogram": {"exponential": {}}},
    "dimensions": {"dimensions": [{"name": "any"}], "calls_dimensions": [{"glob": "k8s.*.name"}, {"name": "region"}],
                   "histogram": {"dimensions": [{"glob": "db.**.name"}, {"name": "any", "default": "other"}]},
                   "events": {"enabled": True, "dimensions": [{"name": "exception.type"}, {"glob": "exc*.m*"}]},
                   "exemplars": {"enabled": True}},
    "events": {"events": {"enabled": True, "dimensions": [{"name": "region"}, {"name": "exception.type", "default": "-"}]},
               "histogram": {"disable": True}, "namespace": ""},
    "overflow": {"aggregation_cardinality_limit": 4, "dimensions": NAMED, "exemplars": {"enabled": True},
                 "events": {"enabled": True, "dimensions": [{"name": "exception.type"}]}},
    "keys": {"resource_metrics_key_attributes": ["service.name"], "namespace": "n", "enable_metrics_sampling_method": True,
             "include_instrumentation_scope": ["lib"], "exclude_dimensions": ["service.name", "collector.instance.id"]},
}

failures = []
points = 0


def fail(text):
    failures.append(text)


# ---- Spans -----------------------------------------------------------------------------------------------


def attribute(key, value):
    kind = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}.get(type(value))
    if kind:
        return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}
    return {"key": key, "value": value}


def span(rng, index):
    anything = [1, 2.5, 1e21, True, "text", "", {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}},
                {"kvlistValue": {"values": [attribute("b", 1), attribute("a", "x")]}}, {"bytesValue": "AQID"}, {}]
    begin = 1700000000_000_000_000 + index
    length = rng.choice([0, -5, 1_500_000, 2_000_000, 2_000_001, int(rng.lognormvariate(16, 2.5)), rng.randrange(10**10)])
    made = {"traceId": "%032x" % (index + 1), "spanId": "%016x" % (index + 1), "name": rng.choice(["GET /", "POST /", "job"]),
            "kind": rng.choice([0, 1, 2, 2, 3, 5]), "startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + length),
            "status": {"code": rng.choice([0, 0, 1, 2])}, "attributes": []}
    for key, value in [("http.method", "POST"), ("http.status_code", rng.choice([200, 500])), ("any", rng.choice(anything)),
                       ("k8s.pod.name", "p"), ("k8s.a.b.name", "no"), ("db.x.y.name", rng.choice(["d", 4]))]:
        if rng.random() < 0.6:
            made["attributes"].append(attribute(key, value))
    if rng.random() < 0.2:
        made["attributes"].append(attribute("region", "of the span"))
    if rng.random() < 0.3:
        made["traceState"] = rng.choice(["ot=th:c", "ot=th:8", "x=y,ot=rv:00000000000001;th:0", "ot=bad:;th:8", "ot=th:zz", "y=z"])
    made["events"] = [{"timeUnixNano": str(begin), "name": "exception", "attributes": [
        attribute("exception.type", rng.choice(["A", "B", 3])), attribute("region", "of the event"),
        attribute("exception.message", "m")][:rng.randrange(4)]}
        for _ in range(rng.choice([0, 0, 1, 2]))]
    return made


def request(rng, round_):
    resources = [[attribute("service.name", "a"), attribute("region", "eu")], [attribute("service.name", "a"), attribute("pod", 1)],
                 [attribute("pod", 1), attribute("service.name", "a")], [attribute("service.name", 7)], [attribute("no", "name")],
                 [attribute("service.name", "b"), attribute("tags", {"arrayValue": {"values": [{"stringValue": "x"}]}}),
                  attribute("k8s.node.name", "n")]]
    made, index = [], round_ * 10000
    for resource in resources[:6 if round_ != 1 else 3]:
        scopes = []
        for name in (["lib", "other"] if round_ == 0 else ["lib"]):
            spans = []
            for _ in range(rng.randrange(20, 60)):
                spans.append(span(rng, index))
                # Under one name in both scopes the Collector mixes them up: kept apart here.
                spans[-1]["name"] += " " + name
                index += 1
            scopes.append({"scope": {"name": name, "version": "1"}, "spans": spans})
        made.append({"resource": {"attributes": resource}, "scopeSpans": scopes})
    return json.dumps({"resourceSpans": made}).encode()


# ---- Both programs ---------------------------------------------------------------------------------------


def settings(case):
    return {**CASES[case], "metrics_flush_interval": "1s"}


def configurations(work, called, theirs_port, ours_port, back_ports):
    """Ours sends its metrics back into the Collector, which writes both down."""
    quiet = {"telemetry": {"metrics": {"level": "none"}}}
    theirs = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % theirs_port}}}}, "connectors": {},
              "exporters": {}, "service": {**quiet, "pipelines": {"traces": {"receivers": ["otlp"], "exporters": []}}}}
    ours = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % ours_port}}}}, "connectors": {},
            "exporters": {}, "service": {**quiet, "pipelines": {"traces": {"receivers": ["otlp"], "exporters": []}}}}
    for case, port in zip(CASES, back_ports):
        connector = "spanmetrics/" + case if case == "default" else "span_metrics/" + case
        their_connector = "%s/%s" % (called, case) if called else connector
        theirs["receivers"]["otlp/" + case] = {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % port}}}
        ours["exporters"]["otlp_grpc/" + case] = {"endpoint": "127.0.0.1:%d" % port, "tls": {"insecure": True}}
        for side, program, receiver, exporter in [("theirs", theirs, their_connector, "file/theirs_" + case),
                                                  ("theirs", None, "otlp/" + case, "file/ours_" + case),
                                                  ("ours", ours, connector, "otlp_grpc/" + case)]:
            if program:
                program["connectors"][receiver] = settings(case)
                program["service"]["pipelines"]["traces"]["exporters"].append(receiver)
            target = program or theirs
            target["service"]["pipelines"]["metrics/%s_%s" % (receiver.replace("/", "_"), side)] = {
                "receivers": [receiver], "exporters": [exporter]}
            if exporter.startswith("file/"):
                theirs["exporters"][exporter] = {"path": "%s/%s.jsonl" % (work, exporter[5:]), "flush_interval": "100ms"}
    return theirs, ours


# ---- Comparison ------------------------------------------------------------------------------------------


def canonical(attributes, instance=None):
    found = {a["key"]: a.get("value", {}) for a in attributes or []}
    if instance is not None and found.pop("collector.instance.id", None):
        instance.append(True)
        found["collector.instance.id"] = "set"
    return json.dumps(found, sort_keys=True)


def exemplars(point):
    return sorted((e.get("traceId", ""), e.get("spanId", ""), e.get("asDouble", 0)) for e in point.get("exemplars", []))


def values(point):
    """What a point says, but for its time."""
    kept = {}
    for key, value in point.items():
        if key in ("positive", "negative"):
            counts = [int(c) for c in value.get("bucketCounts", [])]
            if counts:
                kept[key] = (int(value.get("offset", 0)), counts)
        elif key == "bucketCounts":
            kept[key] = [int(c) for c in value]
        elif key in ("asInt", "count", "zeroCount", "scale", "flags") and int(value) != 0:
            kept[key] = int(value)
        elif key in ("sum", "min", "max", "explicitBounds", "zeroThreshold") and value != 0:
            kept[key] = value
    return kept


def read(path):
    """Series -> its points in order of time, and how each metric is described."""
    series, metrics = {}, {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            for resource in json.loads(line).get("resourceMetrics", []):
                owner = canonical(resource.get("resource", {}).get("attributes"))
                for scope in resource["scopeMetrics"]:
                    for metric in scope.get("metrics", []):
                        kind = next(k for k in ("sum", "histogram", "exponentialHistogram") if k in metric)
                        data = metric[kind]
                        if not data.get("dataPoints"):
                            continue
                        metrics[metric["name"]] = (kind, metric.get("unit", ""), metric.get("description", ""),
                                                   data.get("aggregationTemporality"), data.get("isMonotonic"),
                                                   json.dumps(scope.get("scope", {}), sort_keys=True))
                        for point in data["dataPoints"]:
                            key = (owner, metric["name"], canonical(point.get("attributes"), []))
                            series.setdefault(key, []).append(point)
    for found in series.values():
        found.sort(key=lambda p: int(p["timeUnixNano"]))
    return series, metrics


def check_times(case, key, found):
    """Points of one series: successive intervals."""
    delta = CASES[case].get("aggregation_temporality") == DELTA
    for before, after in zip(found, found[1:]):
        wanted = before["timeUnixNano"] if delta else before["startTimeUnixNano"]
        if after["startTimeUnixNano"] != wanted:
            fail("%s: %s: an interval begins at %s, not %s" % (case, key, after["startTimeUnixNano"], wanted))
    for point in found:
        if int(point["startTimeUnixNano"]) >= int(point["timeUnixNano"]):
            fail("%s: %s: an interval of no length" % (case, key))


def compare(case, theirs_path, ours_path):
    global points
    theirs, their_metrics = read(theirs_path)
    ours, our_metrics = read(ours_path)
    if their_metrics != our_metrics:
        fail("%s: metrics differ: %s, ours %s" % (case, their_metrics, our_metrics))
    for key in sorted(set(theirs) ^ set(ours)):
        fail("%s: only %s: %s" % (case, "theirs" if key in theirs else "ours", key))
    for key in sorted(set(theirs) & set(ours)):
        a, b = theirs[key], ours[key]
        delta = CASES[case].get("aggregation_temporality") == DELTA
        check_times(case, key, b)
        if not delta:
            if "asInt" in a[0] and (values(a[0]), values(b[0])) != ({}, {}):
                fail("%s: %s: a new count does not begin at 0" % (case, key))
            linked = [sorted({e for p in side for e in exemplars(p)}) for side in (a, b)]
            if linked[0] != linked[1]:
                fail("%s: %s: exemplars differ: %s, ours %s" % (case, key, linked[0], linked[1]))
            a, b = a[-1:], b[-1:]
        elif [exemplars(p) for p in a] != [exemplars(p) for p in b]:
            fail("%s: %s: exemplars differ" % (case, key))
        points += len(a)
        if [values(p) for p in a] != [values(p) for p in b]:
            fail("%s: %s:\n    theirs %s\n    ours   %s" % (case, key, [values(p) for p in a], [values(p) for p in b]))


def compared(program, called=None):
    """(differences, points compared) of a Collector and ours; `called`: the connector's type there, other than the Collector's own."""
    rng = random.Random(20260101)
    with tempfile.TemporaryDirectory() as work:
        theirs_port, ours_port, *back = free_ports(2 + len(CASES))
        theirs, ours = configurations(work, called, theirs_port, ours_port, back)
        with collector.running(program, theirs, work + "/theirs.log"):
            with collector.running(collector.BIN, ours, work + "/ours.log"):
                for round_ in range(ROUNDS):
                    body = request(rng, round_)
                    for port in (theirs_port, ours_port):
                        status, _, answer = collector.post("http://127.0.0.1:%d/v1/traces" % port, body)
                        if status != 200:
                            fail("port %d answered %d: %r" % (port, status, answer[:200]))
                    time.sleep(2.5)  # two flushes of the connectors
                time.sleep(1)
        for case in CASES:
            try:
                compare(case, "%s/theirs_%s.jsonl" % (work, case), "%s/ours_%s.jsonl" % (work, case))
            except OSError as error:
                fail("%s: %s" % (case, error))
        if failures:
            for name in ("theirs", "ours"):
                with open("%s/%s.log" % (work, name), encoding="utf-8", errors="replace") as f:
                    print("---- %s.log\n%s" % (name, f.read()[-1500:]))
    return failures, points


def main():
    if not collector.build():
        return 0
    compared(collector.COLLECTOR)
    for text in failures[:20]:
        print(text)
    print("%d passed, %d failed" % (points, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
