#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference configuration in the real Collector and here: both take it as it is, get the same telemetry, and give the same Prometheus
page, the same items to what stands behind, and the same account of themselves; the ports, the folder and the flush interval of
span_metrics aside. And the example configurations, less what only we have, pass the Collector's `validate`.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/collector_reference.py
"""

import contextlib
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

import collector
import collector_keys
from collector_compare import documents
from free_ports import free_ports
from traps import REFERENCE

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../otel-config-examples")
FLUSH = "metrics_flush_interval"
# What is different on the page, with the reasons in KNOWN.md: on either side, and lines of ours.
EITHER = re.compile(r"my_exponential_histogram_bucket .*'le', '(?!\+Inf)|# (HELP|TYPE) target(_info)? ")
ONLY_OURS = re.compile(r"target_info (?!.*'instance')|# UNIT ")


def validate(program, path, work):
    env = {**os.environ, "UPSTREAM_TOKEN": "t", "UPSTREAM": "http://localhost:1" if "otlp-http" in path else "localhost:1",
           "AIMON_STATE": work, "AIMON_CERT": work + "/server.pem", "AIMON_KEY": work + "/server.key"}
    done = subprocess.run([program, "validate", "--config", path], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode()


# ---- The reference configuration -------------------------------------------------------------------------


def moved(text, ports, work, name):
    """The configuration elsewhere: grpc, http, health, page, own metrics, upstream."""
    grpc, http, health, page, own, upstream = ports
    os.mkdir("%s/%s" % (work, name))
    for old, new in (("127.0.0.1:4317", "127.0.0.1:%d" % grpc), ("127.0.0.1:4318", "127.0.0.1:%d" % http), (":13133", ":%d" % health),
                     ("127.0.0.1:8889", "127.0.0.1:%d" % page), ("upstream:4317", "127.0.0.1:%d" % upstream), ("/tmp/q", "%s/%s/q" % (work, name)),
                     ("level: normal", "level: normal, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]" % own),
                     ("    aggregation_cardinality_limit", "    %s: 1s\n    aggregation_cardinality_limit" % FLUSH)):
        if text.count(old) != 1:
            raise RuntimeError("the reference configuration has %d times %s" % (text.count(old), old))
        text = text.replace(old, new)
    return text


def behind(work, ports):
    """What both send to: a Collector that writes it down."""
    made = {"receivers": {}, "exporters": {}, "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {}}}
    for side, port in zip(("theirs", "ours"), ports):
        made["receivers"]["otlp/" + side] = {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % port}}}
        made["exporters"]["file/" + side] = {"path": "%s/%s.jsonl" % (work, side), "flush_interval": "100ms"}
        for signal in collector.SIGNALS:
            made["service"]["pipelines"]["%s/%s" % (signal, side)] = {"receivers": ["otlp/" + side], "exporters": ["file/" + side]}
    return made


def page(port, accept):
    """Lines of a page: values as numbers, labels sorted; times, the instance's id, and labels without a value left out, which are none to
    Prometheus."""
    request = urllib.request.Request("http://127.0.0.1:%d/metrics" % port, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    lines = []
    for line in text.splitlines():
        m = re.fullmatch(r"(\w+)(?:\{(.*?)\})? ([^ ]+)(?: [\d.e+]+)?(?: # \{(.*?)\} ([^ ]+)(?: [\d.e+]+)?)?", line)
        if not m:
            lines.append(line)
        elif not m[1].endswith("_created"):
            pairs = [sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', part or "")) for part in (m[2], m[4])]
            pairs = [[(k, "…" if k == "collector_instance_id" else v) for k, v in part if v] for part in pairs]
            lines.append("%s %s %s # %s %s" % (m[1], pairs[0], float(m[3]), pairs[1], m[5] and float(m[5])))
    return sorted(line for line in lines if not EITHER.match(line))


def calls(lines):
    """Spans that span_metrics tells of."""
    return sum(float(m[1]) for m in (re.match(r"traces_span_metrics_calls_total \[.*?\)\] ([\d.]+) ", line) for line in lines) if m)


def forwarded(work, side):
    """Items that went on: of metrics those that came, span_metrics' own being told again and again."""
    return [item for item in collector.items("%s/%s.jsonl" % (work, side)) if "traces.span.metrics" not in item]


def of_itself(port):
    """(names of the self-metrics, {(name, component, signal): what it counted of spans and records})."""
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=10) as answer:
        lines = [re.match(r"(otelcol_\w+)(?:\{(.*)\})? ([^ ]+)", line) for line in answer.read().decode().splitlines()]
    counts = {}
    for name, labels, value in (m.groups() for m in lines if m):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', labels or ""))
        if re.search("_(accepted|sent|refused|failed)_(spans|log_records)$", name) or labels.get("otel_signal") in ("traces", "logs"):
            component = next((labels[kind] for kind in ("receiver", "processor", "exporter") if kind in labels), "")
            key = (name, component, labels.get("otel_signal", ""))
            counts[key] = counts.get(key, 0) + float(value)
    return {m[1] for m in lines if m}, counts


def difference(what, theirs, ours):
    ours, made = [line for line in ours if not ONLY_OURS.match(line)], []
    for line in theirs:
        if line in ours:
            ours.remove(line)
        else:
            made.append("%s: only the Collector: %s" % (what, line))
    return made + ["%s: only here: %s" % (what, line) for line in ours]


def reference(work):
    failures, count, sent = [], 0, documents()
    spans = sum(len(scope["spans"]) for document in sent["traces"] for resource in document["resourceSpans"] for scope in resource["scopeSpans"])
    # A resource with an instance, of which the page has target_info.
    sent["metrics"].append(json.loads(json.dumps(sent["metrics"][0]["resourceMetrics"][0])))
    sent["metrics"][-1]["resource"]["attributes"].append({"key": "service.instance.id", "value": {"stringValue": "i-1"}})
    sent["metrics"][-1] = {"resourceMetrics": [sent["metrics"][-1]]}
    with open(work + "/reference.yaml", "w", encoding="utf-8") as f:
        f.write(REFERENCE)
    for program in (collector.COLLECTOR, collector.BIN):
        status, text = validate(program, f.name, work)
        if status:
            failures.append("%s refuses the reference configuration: %s" % (program, text))
    ports = free_ports(12)
    sides = {"theirs": (collector.COLLECTOR, ports[:6]), "ours": (collector.BIN, ports[6:])}
    with contextlib.ExitStack() as stack:
        stack.enter_context(collector.running(collector.COLLECTOR, behind(work, [ports[5], ports[11]]), work + "/behind.log"))
        for side, (program, own) in sides.items():
            stack.enter_context(collector.running(program, moved(REFERENCE, own, work, side), "%s/%s.log" % (work, side)))
        for signal, requests in sent.items():
            for document in requests:
                answers = [collector.post("http://127.0.0.1:%d/v1/%s" % (own[1], signal), json.dumps(document).encode()) for _, own in sides.values()]
                failures += ["%s answered %d: %r" % (side, answer[0], answer[2][:300]) for side, answer in zip(sides, answers) if answer[0] != 200]

        def settled():
            theirs, ours = (forwarded(work, side) for side in sides)
            pages = [page(own[3], "text/plain") for _, own in sides.values()]
            return len(theirs) == len(ours) > 0 and all(calls(p) == spans for p in pages) and not difference("", *pages)

        with contextlib.suppress(OSError, ValueError):
            collector.wait_for(settled, 10)
        for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            theirs, ours = (page(own[3], accept) for _, own in sides.values())
            count += len(theirs)
            failures += difference(accept.split(";", maxsplit=1)[0], theirs, ours)
        theirs, ours = (forwarded(work, side) for side in sides)
        count += len(theirs)
        failures += difference("forwarded", theirs, ours)
        collector.wait_for(lambda: of_itself(ports[4])[1].items() <= of_itself(ports[10])[1].items(), 5)
        (names, theirs), (our_names, ours) = (of_itself(own[4]) for _, own in sides.values())
        count += len(names) + len(theirs)
        failures += ["self-metrics: only the Collector has " + name for name in sorted(names - our_names)]
        failures += ["self-metrics: %s: %s there, %s here" % (key, value, ours.get(key)) for key, value in theirs.items() if ours.get(key) != value]
        for _, own in sides.values():
            with urllib.request.urlopen("http://127.0.0.1:%d/" % own[2], timeout=10) as answer:
                if json.load(answer)["status"] != "Server available":
                    failures.append("health")
    return failures, count


# ---- The examples ----------------------------------------------------------------------------------------


def without(config, path):
    """Takes a setting away, where it is there."""
    first, _, rest = path.partition(".")
    if isinstance(config, dict) and first in config:
        if rest:
            without(config[first], rest)
        else:
            del config[first]


def common(config, theirs):
    """What the Collector has of a configuration: components and settings that only we have are left out."""
    known, gone = collector_keys.compatibility.differences(), set()
    for section in ("receivers", "processors", "connectors", "exporters", "extensions"):
        for name in list(config.get(section) or {}):
            kind = name.split("/")[0]
            if (section, kind) not in theirs:
                gone.add(name)
                del config[section][name]
                continue
            folder = "%s/%s" % ("processors" if section == "connectors" else section, kind)
            for key, (way, _) in known.get(folder, {}).items():
                if way == "ours":
                    without(config[section][name], key)
            if ((config[section][name] or {}).get("auth") or {}).get("authenticator") in gone:
                del config[section][name]["auth"]
    config.setdefault("exporters", {})["nop"] = None
    for pipeline in config["service"]["pipelines"].values():
        pipeline["receivers"] = [name for name in pipeline["receivers"] if name not in gone] or ["otlp"]
        pipeline["exporters"] = [name for name in pipeline["exporters"] if name not in gone] or ["nop"]
    if config["service"].get("extensions"):
        config["service"]["extensions"] = [name for name in config["service"]["extensions"] if name not in gone]
    return config


def examples(work, yaml):
    failures, paths, theirs = [], sorted(glob.glob(FOLDER + "/*.yaml")), collector_keys.types(collector.COLLECTOR)
    for path in paths:
        with open(path, encoding="utf-8") as f:
            config = common(yaml.safe_load(f), theirs)
        name = "%s/%s" % (work, os.path.basename(path))
        with open(name, "w", encoding="utf-8") as f:
            json.dump(config, f)
        status, text = validate(collector.COLLECTOR, name, work)
        if status:
            failures.append("%s: the Collector refuses it: %s" % (os.path.basename(path), text))
    return failures, len(paths)


def main():
    if not collector.build():
        return 0
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("skipped: python3-yaml is not installed")
        return 0
    os.chdir(collector_keys.ROOT)
    with tempfile.TemporaryDirectory() as work:
        for name in ("server.pem", "server.key"):
            with open("%s/%s" % (work, name), "w", encoding="ascii"):
                pass
        failures, total = examples(work, yaml)
        more, count = reference(work)
    for failure in (failures + more)[:60]:
        print(failure[:900])
    print("%d passed, %d failed" % (total + count, len(failures + more)))
    return 1 if failures + more else 0


if __name__ == "__main__":
    sys.exit(main())
