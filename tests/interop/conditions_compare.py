#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conditions of OTTL, each in a filter of its own, by ours and by a real Collector: the same ones drop the record. What the
Collector has and ours has not is refused by name; nothing else may differ."""

import json
import os
import subprocess
import sys
import tempfile
import time

import collector
from free_ports import free_ports

ATTRIBUTES = [{"key": "s", "value": {"stringValue": "text"}}, {"key": "n", "value": {"intValue": "7"}}, {"key": "d", "value": {"doubleValue": 7.5}},
              {"key": "nan", "value": {"doubleValue": "NaN"}}, {"key": "y", "value": {"bytesValue": "AQID"}}, {"key": "eb", "value": {"bytesValue": ""}},
              {"key": "a\tb", "value": {"stringValue": "tab"}}, {"key": "h", "value": {"kvlistValue": {"values": [{"key": "q", "value": {"stringValue": "<&>"}}]}}},
              {"key": "b", "value": {"boolValue": True}}, {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}}},
              {"key": "m", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [{"intValue": "9"}]}}}]}}}]
RESOURCE = {"attributes": [{"key": "r", "value": {"stringValue": "res"}}]}
SCOPE = {"name": "lib", "version": "1.2", "attributes": [{"key": "sc", "value": {"intValue": "1"}}]}
REQUESTS = {
    "traces": {"resourceSpans": [{"resource": RESOURCE, "schemaUrl": "ru", "scopeSpans": [{"scope": SCOPE, "spans": [{
        "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": "GET /", "kind": 3,
        "startTimeUnixNano": "1000000000", "endTimeUnixNano": "3500000000", "status": {"code": 2, "message": "bad"}, "attributes": ATTRIBUTES}]}]}]},
    "metrics": {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"scope": SCOPE, "metrics": [{
        "name": "m", "unit": "By", "sum": {"isMonotonic": True, "aggregationTemporality": 2, "dataPoints": [
            {"asDouble": 2.5, "timeUnixNano": "9", "flags": 0, "attributes": ATTRIBUTES}]}}, {
                "name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [{"count": "1", "bucketCounts": ["1"], "timeUnixNano": "9"}]}}]}]}]},
    "logs": {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"scope": SCOPE, "logRecords": [{
        "timeUnixNano": "5", "severityNumber": 17, "severityText": "ERR", "attributes": ATTRIBUTES,
        "body": {"kvlistValue": {"values": [{"key": "msg", "value": {"stringValue": "hello"}}]}}}]}]}]}}
CONDITIONS = {
    ("traces", "span"): """true | not false and true | true or false and false | (true or false) and false | not (true and false)
        1 + 2 * 3 == 7 | (1 + 2) * 3 == 9 | 10 - 2 - 3 == 5 | 7 / 2 == 3 | 7 / 2.0 == 3.5 | -2 < -1 | 2 - -1 == 3 | 1 / 0 == 1
        attributes["n"] == 7 | attributes["n"] == 7.0 | attributes["n"] < attributes["d"] | attributes["n"] == "7" | attributes["n"] != "7"
        attributes["s"] > "texs" | attributes["s"] < 7 | attributes["b"] == true | attributes["b"] > false | attributes["b"] == "true"
        attributes["none"] == nil | attributes["none"] != nil | attributes["none"] < 1 | attributes["none"] <= nil | nil >= nil | nil < nil
        attributes["none"] + 1 == 1 | attributes["s"] - 1 > 0 | attributes["none"]["k"] == nil | attributes["s"]["k"] == nil | attributes["m"]["k"][1] == nil
        attributes["m"]["k"][0] == 9 | attributes["l"][0] == "x" | attributes["l"] == ["x", 1] | attributes["l"] != ["x"] | Len(attributes) == 11
        name == "GET /" | kind == SPAN_KIND_CLIENT | kind.string == "Client" | kind.deprecated_string == "SPAN_KIND_CLIENT" | IsRootSpan()
        status.code == STATUS_CODE_ERROR | status.message == "bad" | parent_span_id.string == "" | parent_span_id.string == "0000000000000000"
        trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10) | trace_id.string == "0102030405060708090a0b0c0d0e0f10"
        end_time_unix_nano - start_time_unix_nano > 2000000000 | end_time - start_time > Duration("2s") | end_time - start_time > Duration("3s")
        Seconds(end_time - start_time) == 2.5 | Milliseconds(end_time - start_time) == 2500 | Minutes(Duration("90s")) == 1.5 | UnixMilli(start_time) == 1000
        resource.attributes["r"] == "res" | resource.schema_url == "ru" | instrumentation_scope.name == "lib" | scope.version == "1.2" | scope.attributes["sc"] == 1
        IsMatch(name, "^GET") | IsMatch(name, "^get") | IsMatch(name, "(?i)^get") | IsMatch(attributes["n"], "^7$") | IsMatch(attributes["none"], ".*")
        IsMatch(name, Concat(["G", "T"], "E")) | Int("12") == 12 | Int("x") == nil | Int(2.9) == 2 | Double("0.5") == 0.5 | String(12) == "12" | String(nil) == nil
        Concat(["a", 1, true], "-") == "a-1-true" | Substring("hello", 1, 3) == "ell" | Substring(name, 3, 9) == "" | HasPrefix(name, "GET") | HasSuffix(name, "x")
        SHA256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" | IsString(name) and IsInt(kind) | IsList(attributes["l"]) | Len(7) == 1
        attributes["d"] / 0 > 5 | 1.0 / 0 > 5 | 1 / 0.0 != 1 | attributes["n"] * 010 == 56 | 0777 == 511 | -(1 + 2) == -3 | -(attributes["n"]) == -7
        +attributes["n"] == 7 | [1, 2] >= [1, 2] | [1, 2] <= [1, 2] | [1, 2] == [1, 2] | [1] == [1.0] | attributes["m"] >= attributes["m"]
        attributes["m"] == attributes["m"] | ParseJSON("{\\"a\\":1,\\"b\\":[2]}") == ParseJSON("{\\"b\\":[2],\\"a\\":1}")
        ParseJSON("{\\"a\\":1,\\"b\\":2}") == ParseJSON("{\\"b\\":3,\\"a\\":1}") | ParseJSON("{\\"a\\":1}") != ParseJSON("{\\"a\\":1,\\"b\\":2}")
        String(0.0000001) == "1e-07" | String(0.0000001) == "1e-7" | String(0.00001) == "0.00001" | String(0.00001) == "1e-05" | String(0.000001) == "0.000001"
        String([0.0000001]) == "[1e-07]" | String([0.0000001]) == "[1e-7]" | String(150000000000000000000000.0) == "1.5e+23" | Concat([0.0000001], "") == "1e-07"
        trace_id >= trace_id | trace_id <= trace_id | trace_id == 0x0102030405060708090a0b0c0d0e0f10 | trace_id != nil | span_id < SpanID(0xffffffffffffffff)
        attributes["y"] >= 0x010203 | 0x01 < 0x02 | attributes["eb"] == nil | nil == attributes["eb"] | attributes["eb"] != nil | attributes["eb"] >= nil
        attributes["nan"] == attributes["nan"] | attributes["nan"] != attributes["nan"] | [attributes["nan"]] == [attributes["nan"]]
        attributes["a\\tb"] == "tab" | attributes["\\x73"] == "text" | "\\xe4" == "\\u00e4" | "\\xc3\\xa4" == "\\u00e4" | "\\344" == "\\u00e4"
        String(attributes["y"]) == "010203" | IsMatch(attributes["y"], "^010203$") | String(attributes["h"]) == "{\\"q\\":\\"\\\\u003c\\\\u0026\\\\u003e\\"}"
        String(["\\u2028"]) == "[\\"\\\\u2028\\"]" | Concat(["a", nil], "-") == "a-<nil>" | Concat(["a", attributes["none"]], "-") == "a-<nil>"
        Concat([attributes["s"], name], " ") == "text GET /" | Concat([attributes["y"], attributes["m"], 1.5, true], ",") == "010203,{\\"k\\":[9]},1.5,true"
        Concat([Concat([name, "x"], "+"), "z"], " ") == "GET /+x z" | [name, [1, attributes["n"]]] == ["GET /", [1, 7]] | String(attributes["nan"]) == "NaN"
        IsMatch(attributes["nan"], "N") | Concat([attributes["nan"]], "") == "NaN" """,
    ("metrics", "metric"): """name == "m" | unit == "By" | description == "" | type == METRIC_DATA_TYPE_SUM | is_monotonic == true
        aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE | HasAttrKeyOnDatapoint("n") | HasAttrOnDatapoint("s", "text") | HasAttrOnDatapoint("s", "x")
        metric.name == "m" and resource.attributes["r"] == "res" """,
    ("metrics", "datapoint"): """value_double == 2.5 | value_int == 0 | metric.name == "m" | metric.type == METRIC_DATA_TYPE_GAUGE | attributes["s"] == "text"
        flags == FLAG_NONE | time_unix_nano == 9 | count == nil | sum == nil | sum == 0 | count == 1""",
    ("logs", "log_record"): """severity_number >= SEVERITY_NUMBER_ERROR | severity_number < SEVERITY_NUMBER_ERROR | severity_text == "ERR" | body["msg"] == "hello"
        IsMatch(body, "hel+o") | body.string == "{\\"msg\\":\\"hello\\"}" | body["none"] == nil | attributes["n"] == 7 | trace_id.string == "00000000000000000000000000000000" """,
}
# Lists of groups, as the whole setting; the error mode of the filter is propagate.
GROUPS = [("traces", "trace_conditions", groups) for groups in (
    [{"context": "span", "conditions": ['name == "GET /"']}], [{"context": "span", "conditions": ['span.name == "x"']}],
    [{"conditions": ['span.name == "GET /"'], "error_mode": "silent"}], [{"conditions": ["span.name + 1 == 1"], "error_mode": "silent"}],
    [{"context": "scope", "conditions": ['name == "lib"']}], [{"context": "resource", "conditions": ['attributes["r"] == "res"']}],
    [{"context": "span", "conditions": ['name == "x"']}, {"context": "spanevent", "conditions": ["true"]}, {"context": "Span", "conditions": ["kind == 3"]}])]
GROUPS += [("metrics", "metric_conditions", [{"context": "metric", "conditions": ['name == "m"', 'name == "h"']}]),
           ("logs", "log_conditions", [{"context": "log", "conditions": ["severity_number == 17"], "error_mode": "ignore"}])]
# Neither program takes these.
WRONG = ['attributes["a"]', "name = 1", 'name == "a" nor true', "colour == 1", "kind == SPAN_KIND_ANY", "(1 == 1) == true", "IsMatch(name)",
         'IsMatch(name, "(?=a)")', "0x123 == 0x12", "name == 'a'", "duration > 1", "nil", "08 == 8", "0x == nil", '"\\q" == name', 'len(name) == 1', 'metric.name == "m"']


def conditions():
    return [(signal, context, text.strip()) for (signal, context), lines in CONDITIONS.items() for line in lines.splitlines()
            for text in line.split(" | ") if text.strip()] + GROUPS


def settings(signal, context, text):
    if isinstance(text, list):
        return {"error_mode": "propagate", context: text}
    return {"error_mode": "ignore", signal: {context: [text]}}


def configuration(work, side, port, cases):
    made = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % port}}}}, "processors": {}, "exporters": {},
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {}}}
    for i, (signal, context, text) in enumerate(cases):
        made["processors"]["filter/%d" % i] = settings(signal, context, text)
        made["exporters"]["file/%d" % i] = {"path": "%s/%s_%d.jsonl" % (work, side, i), "flush_interval": "100ms"}
        made["service"]["pipelines"]["%s/%d" % (signal, i)] = {"receivers": ["otlp"], "processors": ["filter/%d" % i], "exporters": ["file/%d" % i]}
    return made


def kept(work, side, cases):
    paths = ["%s/%s_%d.jsonl" % (work, side, i) for i in range(len(cases))]
    return [os.path.exists(path) and os.path.getsize(path) > 0 for path in paths]


def takes(program, text):
    with tempfile.TemporaryDirectory() as work, open(work + "/config.yaml", "w+", encoding="utf-8") as f:
        json.dump(configuration(work, "one", 4318, [("traces", "span", text)]), f)
        f.flush()
        return subprocess.run([program, "validate", "--config", f.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def main():
    if not collector.build():
        return 0
    cases, failures, results = conditions(), [], {}
    with tempfile.TemporaryDirectory() as work:
        for side, program, port in zip(("theirs", "ours"), (collector.COLLECTOR, collector.BIN), free_ports(2)):
            with collector.running(program, configuration(work, side, port, cases), "%s/%s.log" % (work, side)):
                for signal, request in REQUESTS.items():
                    status, _, answer = collector.post("http://127.0.0.1:%d/v1/%s" % (port, signal), json.dumps(request).encode())
                    if status != 200:
                        failures.append("%s: %s: %d %r" % (side, signal, status, answer[:300]))
                time.sleep(0.5)
            results[side] = kept(work, side, cases)
    for case, theirs, ours in zip(cases, results["theirs"], results["ours"]):
        if theirs != ours:
            failures.append("%s %s: %s; the Collector %s the record, ours %s it" % (*case, *("keeps" if k else "drops" for k in (theirs, ours))))
    if not 0 < sum(results["theirs"]) < len(cases):
        failures.append("the Collector keeps %d of %d: the test tests nothing" % (sum(results["theirs"]), len(cases)))
    failures += ["%s is taken by %s" % (text, program) for text in WRONG for program in (collector.COLLECTOR, collector.BIN) if takes(program, text)]
    for failure in failures:
        print(failure)
    print("%d passed, %d different" % (len(cases) + len(WRONG) - len(failures), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
