#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our components inside a Collector of its own builder (ocb/, otel-config-examples/ocb): the same input gives the same metrics, log
records and data there and in the sidecar, wrong settings are refused in the same words, and what the Collector needs to know of a
component reaches it. The Go tests of ocb/ run first.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/ocb.py [--stress]

--stress, minutes: the Go tests under the race detector and with cgocheck too, and a Collector that is reloaded 1,000 times.
"""

import contextlib
import glob
import hashlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import collector
import collector_compare
from free_ports import free_ports
import plugin
import span_metrics

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OCB, EXAMPLE = os.path.join(ROOT, "ocb"), os.path.join(ROOT, "otel-config-examples/ocb")
MODULE = "github.com/otelcol-aimon/otelcol-aimon/ocb"
BESIDE = ("attributes", "filter", "probabilistic_sampler", "redaction", "resource", "transform")  # ours, beside the Collector's
STRESS = "--stress" in sys.argv
passed, failures = 0, []


def check(name, ok, why=""):
    global passed
    passed += bool(ok)
    if not ok:
        failures.append("%s: %s" % (name, why))


# ---- The Collector -----------------------------------------------------------------------------------------


def run(*command, cwd=ROOT, **env):
    kept = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(command, cwd=cwd, env={**kept, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def manifest(plugins):
    """Everything of ours, beside the Collector's components that the tests and the example need, and the plug-in twice: as it is, and
    as one that was built with other headers."""
    def own(kind, name):
        return {"gomod": MODULE + " v0.1.0", "import": "%s/%s/%s" % (MODULE, kind, name), "path": plugins + "/prefix/share/otelcol-aimon/ocb"}

    made = {kind: [{"gomod": "%s %s" % (module, collector.VERSION)} for module in modules] for kind, modules in {
        "receivers": [collector.CORE + "receiver/otlpreceiver"],
        "processors": [collector.CORE + "processor/batchprocessor", collector.CONTRIB + "processor/attributesprocessor"],
        "exporters": [collector.CORE + "exporter/otlpexporter", collector.CONTRIB + "exporter/fileexporter",
                      collector.CONTRIB + "exporter/prometheusexporter"]}.items()}
    made["connectors"] = [own("connector", name) for name in ("drift", "latency", "aimon_span_metrics")]
    made["processors"] += [own("processor", name) for name in ("drift", *("aimon_" + name for name in BESIDE))]
    made["connectors"] += [{"gomod": "example.org/%s v0.0.0" % name, "path": "%s/%s" % (plugins, name)} for name in ("refusals", "newer")]
    made["providers"] = collector.manifest()["providers"]
    return made


def content():
    """What the Collector is made of."""
    found = hashlib.sha256(json.dumps(manifest("")).encode())
    for path in sorted(glob.glob(OCB + "/**", recursive=True) + glob.glob(plugin.EXAMPLE + "/*")):
        if path.endswith((".go", ".mod", ".sum", "/library.h", "/gateway.c", "/gateway.h", "/refusals.c")):
            with open(path, "rb") as f:
                found.update(f.read())
    return found.hexdigest()[:16]


def build():
    """The Collector's path; None when no Collector can be built here. Others that are a day old are removed."""
    if not collector.build():
        return None
    if not shutil.which("go"):
        print("skipped: Go is not installed")
        return None
    state, text = run("go", "mod", "download", cwd=OCB)
    if state != 0:
        print("skipped: the Go modules are not to be had: " + text.strip().splitlines()[-1])
        return None
    state, text = run("make", "-s", "bridge")
    if state != 0:
        sys.exit("make bridge: " + text)
    state, text = run("go", "build", "./...", cwd=OCB)
    if state != 0:
        sys.exit("go build: " + text)
    path = os.path.join(collector.CACHE, "otelcol-ocb-" + content())
    with tempfile.TemporaryDirectory() as folder:
        if not os.access(path, os.X_OK):
            lay_out(folder)
        os.environ["PKG_CONFIG_PATH"] = folder + "/prefix/lib/pkgconfig"
        if not collector.build_as(manifest(folder), path, cgo_enabled=True):
            sys.exit("the Collector with our components cannot be built, although its own can")
    for other in glob.glob(os.path.join(collector.CACHE, "otelcol-ocb-*")):
        with contextlib.suppress(OSError):
            if not other.startswith(path) and time.time() - os.path.getmtime(other) > 86400:
                os.unlink(other)
    return path


def lay_out(folder):
    """An installation, and the example of a plug-in out of the tree; once more as if it were of the next version of the interface."""
    plugin.install(folder + "/prefix", "install-bridge")
    shutil.copytree(plugin.EXAMPLE, folder + "/refusals", ignore=shutil.ignore_patterns("*.so"))
    shutil.copytree(folder + "/refusals", folder + "/newer")
    headers = plugin.another_version(folder + "/prefix") + "/include/otelcol-aimon"
    for name, changes in (("go.mod", [("example.org/refusals", "example.org/newer")]), ("refusals.c", [('.type = "refusals"', '.type = "newer"')]),
                          ("refusals.go", [('"refusals")', '"newer")'), ("package refusals", "package newer"), ("=refusals_", "=newer_"),
                                           ("#cgo pkg-config: otelcol-aimon", "#cgo CFLAGS: -I" + headers)])):
        with open(folder + "/newer/" + name, encoding="ascii") as f:
            text = f.read()
        for old, new in changes:
            if old not in text:
                sys.exit("%s has no longer: %s" % (name, old))
            text = text.replace(old, new)
        with open(folder + "/newer/" + name, "w", encoding="ascii") as f:
            f.write(text)


def plugins(otelcol):
    """The plug-in counts as it does in the sidecar; one of another version is refused."""
    config = plugin.CONFIG.replace("  plugins: [{plugins}]\n", "")
    with tempfile.TemporaryDirectory() as folder:
        plugin.counts(otelcol, config, folder, check)
        for name, settings, wanted in (("newer", {}, "is built for version 2 of the component interface, this program has version 1: build it with the headers"),
                                       ("refusals", {"models": 0}, "connectors::refusals::models: must be between 1 and 10000, got 0")):
            state, text = told(otelcol, "connectors", name, settings, folder)
            check("refused: %s %s" % (name, settings), state != 0 and wanted in text, text)


def go_tests():
    state, text = run("gofmt", "-l", ".", cwd=OCB)
    check("gofmt", state == 0 and text == "", text)
    for command in (["vet"], ["test"]) + ((["test", "-race"],) if STRESS else ()):
        state, text = run("go", *command, "./...", cwd=OCB)
        check(" ".join(command), state == 0, text)
    if STRESS:
        state, text = run("go", "test", "./...", cwd=OCB, GOEXPERIMENT="cgocheck2")
        check("cgocheck", state == 0, text)


def stands_alone(otelcol):
    """No library of ours or of a package's is loaded, and ours has no names that others could have."""
    _, text = run("ldd", otelcol)
    loaded = {line.split()[0].split("/")[-1].split(".")[0] for line in text.splitlines()}
    _, text = run("nm", "-g", "--defined-only", os.path.join(OCB, "internal/bridge/lib/libotelcol_aimon.a"))
    names = {line.split()[2] for line in text.splitlines() if len(line.split()) == 3}
    check("names of the library", names and all(name.startswith("otc_") for name in names), sorted(names)[:5])
    check("libraries", loaded <= {"linux-vdso", "libm", "libc", "libresolv", "libpthread", "libdl", "ld-linux-x86-64", "ld-linux-aarch64"}, loaded)


@contextlib.contextmanager
def example(otelcol, folder):
    """Runs the example at free ports: (its process, its OTLP port, a function that reads its Prometheus page)."""
    with open(os.path.join(EXAMPLE, "collector.yaml"), encoding="utf-8") as f:
        text = f.read()
    grpc, http, page, own = free_ports(4)
    for old, new in (("localhost:4317", "127.0.0.1:%d" % grpc), ("localhost:4318", "127.0.0.1:%d" % http), ("localhost:9464", "127.0.0.1:%d" % page),
                     ("latency: {}", "latency: {metrics_flush_interval: 1s}"),
                     ("service:\n", "service:\n  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}\n" % own)):
        check("the example has " + old, old in text)
        text = text.replace(old, new)

    def read(port=page):
        with contextlib.suppress(OSError), urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=5) as answer:
            return answer.read().decode()
        return ""

    with collector.running(otelcol, text, folder + "/example.log") as process:
        yield process, http, read, lambda: read(own)


def payment(number):
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "%032x" % (number + 1), "spanId": "%016x" % (number + 1), "name": "pay", "attributes": attributes([("payment.amount", 12.5)]),
         "startTimeUnixNano": str(time.time_ns() - 10**9), "endTimeUnixNano": str(time.time_ns())}]}]}]}).encode()


def example_runs(otelcol):
    """Contrib's components before ours name what ours look at, those after it mark the results; our own metrics are on the Collector's page."""
    with tempfile.TemporaryDirectory() as folder, example(otelcol, folder) as (process, http, read, own):
        for number in range(3):
            check("the example takes spans", collector.post("http://127.0.0.1:%d/v1/traces" % http, payment(number))[0] == 200)

        def told():
            return [line for line in read().splitlines() if line.startswith("ml_inference_requests_total{") and 'ml_model_name="credit"' in line
                    and 'region="eu"' in line and line.endswith(" 3")]

        check("the example's results", collector.wait_for(told), read()[:2000])
        check("metrics of the component itself", collector.wait_for(lambda: "aimon_" in own()), own()[:500])
        if STRESS:
            reloads(process, folder, read)


def resident(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f if line.startswith(("VmRSS:", "Threads:"))}


def reloads(process, folder, read):
    def started():
        with open(folder + "/example.log", encoding="utf-8", errors="replace") as f:
            return f.read().count("Everything is ready.")

    before = None
    for number in range(1100):
        if number == 100:
            before = resident(process)
        wanted = started() + 1
        process.send_signal(signal.SIGHUP)
        if not collector.wait_for(lambda: started() >= wanted or process.poll() is not None) or process.poll() is not None:
            check("reload %d" % number, False, read()[:200])
            return
    after = resident(process)
    print("1,000 reloads: %s, then %s" % (before, after))
    check("memory of 1,000 reloads", after["VmRSS"] < before["VmRSS"] + 32 * 1024, (before, after))
    check("threads of 1,000 reloads", after["Threads"] < before["Threads"] + 8, (before, after))


# ---- Errors ------------------------------------------------------------------------------------------------

WRONG = {
    "connectors": [("drift", {"window": {"pane": "3ns"}}), ("drift", {"windov": {}}), ("drift", {"window": {"pane": [3]}}),
                   ("drift", {"window": {"pane": "7h"}}), ("drift", {"presets": ["gen_ia"]}), ("drift", {"reference": {"file": "/absent.json"}}),
                   ("drift", {"features": [{"name": "a", "from": "attributes["}]}), ("latency", {"limits": {"models": 0}}),
                   ("latency", {"slo": {"objective": 1.5, "threshold": "x"}}), ("latency", {"window": {"pane": "1ms"}, "limits": {"models": 0}}),
                   ("span_metrics", {"histogram": {"explicit": {}, "exponential": {}}}), ("span_metrics", {"dimensions": "x"})],
    "processors": [("filter", {"traces": {"span": ["nonsense("]}}), ("transform", {"trace_statements": ["set(name, )"]}),
                   ("attributes", {}), ("redaction", {"blocked_values": ["("]}), ("resource", {"attributes": [{"key": "a", "action": "x"}]}),
                   ("probabilistic_sampler", {"sampling_percentage": -1})],
}


def told(program, kind, name, settings, folder):
    """What `validate` says of a component's settings, without places, the Collector's empty path and order."""
    config = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:1"}}}}, "exporters": {"file": {"path": folder + "/x"}},
              kind: {name: settings}}
    ends = {"exporters": [name if kind == "connectors" else "file"], "processors": [name] if kind == "processors" else []}
    config["service"] = {"pipelines": {"traces": {"receivers": ["otlp"], **ends}}}
    if kind == "connectors":
        config["service"]["pipelines"]["metrics"] = {"receivers": [name], "exporters": ["file"]}
    path = os.path.join(folder, "wrong.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    done = subprocess.run([program, "validate", "--config", path], capture_output=True, text=True, timeout=20, check=False)
    lines = [line.split(" (" + path)[0].replace("'' decoding failed", "decoding failed").replace("Error: ", "") for line in done.stderr.splitlines()]
    return done.returncode, "\n".join(sorted(lines)).replace("aimon_", "")


def same_errors(otelcol):
    with tempfile.TemporaryDirectory() as folder:
        for kind, cases in WRONG.items():
            for name, settings in cases:
                there = name if name in ("drift", "latency") else "aimon_" + name
                theirs, ours = (told(program, kind, type_, settings, folder) for program, type_ in ((otelcol, there), (collector.BIN, name)))
                check("refused: %s %s" % (name, settings), ours[0] != 0 and theirs == ours, "\n    sidecar %s\n    inside  %s" % (ours, theirs))


def same_expansions(otelcol):
    """A setting that is text takes a variable as it is written, whatever YAML would make of it."""
    with tempfile.TemporaryDirectory() as folder:
        for value in ("007", "1", "1.10", "true", "2026-01-02"):
            os.environ["ARM"] = value
            for kind, name, settings in (("connectors", "drift", {"reference": {"arm": {"attribute": "model", "baseline": "${env:ARM}"}}}),
                                         ("processors", "attributes", {"actions": [{"key": "${env:ARM}", "value": 1, "action": "insert"}]})):
                there = name if name == "drift" else "aimon_" + name
                theirs, ours = (told(program, kind, type_, settings, folder)[0] for program, type_ in ((otelcol, there), (collector.BIN, name)))
                check("taken: %s %s=%s" % (name, "ARM", value), (theirs, ours) == (0, 0), "inside %d, sidecar %d" % (theirs, ours))
        del os.environ["ARM"]


# ---- Analysis ----------------------------------------------------------------------------------------------

WINDOW = {"length": "10m", "pane": "1m", "allowed_lateness": "0s"}
DRIFT = {"reference": {"learn": {"observations": 500, "duration": "5m"}}, "window": {**WINDOW, "min_observations": 50},
         "emit": {"p_value": True}, "metrics_flush_interval": "1s"}
CONNECTORS = {
    "drift/ml": {**DRIFT, "presets": ["ml", "gen_ai"]},
    "drift/logs": {**DRIFT, "presets": [], "features": [{"name": "size", "from": 'attributes["size"]'}, {"name": "severity", "from": "severity_text"}]},
    "latency": {"window": WINDOW, "metrics_flush_interval": "1s", "slo": {"threshold": "2s"}, "apdex": {"threshold": "500ms"}},
}
PASS = {**DRIFT, "presets": [], "features": [{"name": "load", "from": 'metric["load"]'}, {"name": "length", "from": 'metric["length"]'}]}
BATCHES, ITEMS, STEP_NS = 100, 25, 10**9  # an item a second, 41 minutes


def attributes(pairs):
    kinds = {str: "stringValue", float: "doubleValue", int: "intValue"}
    return [{"key": key, "value": {kinds[type(value)]: str(value) if isinstance(value, int) else value}} for key, value in pairs if value is not None]


def span(rng, number, end):
    moved = number > BATCHES * ITEMS // 2
    pairs = [("ml.model.name", "credit"), ("ml.feature.age", rng.gauss(45 if moved else 40, 12)), ("ml.feature.country", rng.choice("abcd"[moved:])),
             ("ml.prediction.score", rng.random() if rng.random() < 0.9 else None)]
    if number % 3 == 0:
        pairs = [("gen_ai.request.model", "chat"), ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", rng.randrange(1, 900 if moved else 500)),
                 ("gen_ai.usage.output_tokens", rng.randrange(1, 300)), ("error.type", "timeout" if rng.random() < 0.05 else None)]
    return {"traceId": "%032x" % rng.getrandbits(128), "spanId": "%016x" % (rng.getrandbits(63) + 1), "name": "call", "kind": 3, "attributes": attributes(pairs),
            "startTimeUnixNano": str(end - int(rng.lognormvariate(19, 1))), "endTimeUnixNano": str(end), "status": {"code": 2 if rng.random() < 0.02 else 0}}


def requests(rng, begin):
    """(path, body) in order: traces, logs and metrics of the same time."""
    for batch in range(BATCHES):
        ends = [begin + (batch * ITEMS + i) * STEP_NS for i in range(ITEMS)]
        moved = batch > BATCHES // 2
        spans = [span(rng, batch * ITEMS + i, end) for i, end in enumerate(ends)]
        logs = [{"timeUnixNano": str(end), "severityText": rng.choice(["info", "warn", "error"][moved:]), "body": {"stringValue": "x"},
                 "attributes": attributes([("size", rng.gauss(100 + 30 * moved, 20))])} for end in ends]
        total = 10 * ITEMS * (batch + 1)
        points = [{"timeUnixNano": str(end), "asDouble": rng.gauss(5 + moved, 1)} for end in ends]
        shares = [total // 2 - moved * (batch - BATCHES // 2), total // 4, total - total // 2 - total // 4 + moved * (batch - BATCHES // 2)]
        histogram = {"startTimeUnixNano": str(begin), "timeUnixNano": str(ends[-1]), "count": str(total), "bucketCounts": [str(s) for s in shares],
                     "explicitBounds": [1, 2], "sum": 1.5 * total}
        yield "traces", {"resourceSpans": [{"resource": {"attributes": attributes([("service.name", "s")])}, "scopeSpans": [{"spans": spans}]}]}
        yield "logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}
        yield "metrics", {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "load", "gauge": {"dataPoints": points}},
            {"name": "length", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [histogram]}}]}]}]}


def configuration(work, side, port):
    exporters = {"file/" + name: {"path": "%s/%s_%s.jsonl" % (work, side, name)} for name in ("results", "events", "passed")}
    if side == "inside":
        exporters = {name: {**settings, "flush_interval": "100ms"} for name, settings in exporters.items()}
    return {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % port}}}}, "connectors": CONNECTORS, "processors": {"drift": PASS},
            "exporters": exporters, "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["drift/ml", "latency"]},
                "logs": {"receivers": ["otlp"], "exporters": ["drift/logs"]},
                "metrics": {"receivers": ["otlp"], "processors": ["drift"], "exporters": ["file/passed"]},
                "metrics/results": {"receivers": ["drift/ml", "drift/logs", "latency"], "exporters": ["file/results"]},
                "logs/events": {"receivers": ["drift/ml", "drift/logs"], "exporters": ["file/events"]}}}}


def without_time(value):
    """A point or record without what differs from run to run: times, and the span that an exemplar happened to draw."""
    return {k: v for k, v in value.items() if k not in ("timeUnixNano", "startTimeUnixNano", "observedTimeUnixNano", "exemplars")}


def last_told(path):
    """Series -> its last value; the resources that results carry, but for those of the program."""
    found, resources = {}, set()
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f if line.endswith("\n")]
    for resource in (r for line in lines for r in line.get("resourceMetrics", [])):
        pairs = {a["key"]: a["value"] for a in resource.get("resource", {}).get("attributes", [])}
        resources.add(tuple(sorted(pairs)))
        for scope in resource["scopeMetrics"]:
            for metric in scope.get("metrics", []):
                kind = next(k for k in ("sum", "gauge", "histogram", "exponentialHistogram", "summary") if k in metric)
                head = {k: v for k, v in metric.items() if k != kind}, {k: v for k, v in metric[kind].items() if k != "dataPoints"}
                for point in metric[kind]["dataPoints"]:
                    point = without_time(collector.canonical(point))
                    # The hash of a learned reference is of the time too.
                    labels = [a for a in point.pop("attributes", []) if a["key"] != "ml.drift.reference"]
                    key = json.dumps([collector.canonical(scope.get("scope", {})), *head, labels], sort_keys=True)
                    found[key] = numbers(point)
    # A series that ended says so once; whether it was told before depends on when results were sent.
    return {key: point for key, point in found.items() if not int(point.get("flags", 0)) & 1}, resources


def numbers(point):
    """Counts are texts in one JSON, and nothing is left of a zero in the other."""
    kept = {k: float(v) if isinstance(v, (str, int, float)) else json.dumps(v).replace('"', "") for k, v in point.items()}
    return {k: v for k, v in kept.items() if v}


def events(path):
    found = []
    for item in collector.items(path):
        _, scope, record = json.loads(item)
        found.append(json.dumps([scope, without_time(record)], sort_keys=True))
    return sorted(found)


def same(name, theirs, ours):
    for key in sorted(set(theirs) | set(ours)):
        a, b = theirs.get(key), ours.get(key)
        equal = a is not None and b is not None and a.keys() == b.keys() and all(
            a[k] == b[k] or (isinstance(a[k], float) and isinstance(b[k], float) and math.isclose(a[k], b[k], rel_tol=1e-12)) for k in a)
        check("%s: %s" % (name, key), equal, "sidecar %s, inside %s" % (b, a))


def drifted(results):
    """Some features have drifted: these are not the first results."""
    return sum('"ml.drift.detected"' in key and bool(point) for key, point in results.items()) >= 3


def same_analysis(otelcol):
    begin = (time.time_ns() // 60_000_000_000 - BATCHES * ITEMS // 60 - 2) * 60_000_000_000
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as stack:
        sides = dict(zip(("inside", "sidecar"), free_ports(2)))
        for side, program in (("inside", otelcol), ("sidecar", collector.BIN)):
            stack.enter_context(collector.running(program, configuration(work, side, sides[side]), "%s/%s.log" % (work, side)))
        for path, document in requests(random.Random(7), begin):
            body = json.dumps(document).encode()
            for side, port in sides.items():
                status, _, answer = collector.post("http://127.0.0.1:%d/v1/%s" % (port, path), body)
                if status != 200:
                    check("%s takes %s" % (side, path), False, answer)

        def read():
            return {side: (last_told("%s/%s_results.jsonl" % (work, side))[0], last_told("%s/%s_passed.jsonl" % (work, side))[0],
                           events("%s/%s_events.jsonl" % (work, side))) for side in sides}

        found = {}

        def all_told():  # what it read is what is compared: another reading could lie between one side's results and the other's
            found.update(read())
            return found["inside"] == found["sidecar"] and all(found["inside"]) and drifted(found["inside"][0])

        collector.wait_for(all_told, 12)
        stack.close()  # both stop
        for index, name in enumerate(("results", "passed")):
            told_ = {side: len(found[side][index]) for side in sides}
            check(name + ": series", min(told_.values()) >= 2, told_)
            same(name, found["inside"][index], found["sidecar"][index])
            at_end = [last_told("%s/%s_%s.jsonl" % (work, side, name)) for side in sides]
            same(name + " at the end", at_end[0][0], at_end[1][0])
            check(name + ": resources", at_end[0][1] == at_end[1][1], "inside %s, sidecar %s" % (at_end[0][1], at_end[1][1]))
        check("events", found["inside"][2] == found["sidecar"][2] and found["inside"][2], collector.first_difference(found["inside"][2], found["sidecar"][2]))
        check("something drifted", drifted(found["inside"][0]), sorted(found["inside"][0]))
        for side in sides:
            if failures:
                with open("%s/%s.log" % (work, side), encoding="utf-8", errors="replace") as f:
                    print("---- %s.log\n%s" % (side, f.read()[-3000:]))


def main():
    global passed
    otelcol = build()
    if not otelcol:
        return 0
    go_tests()
    stands_alone(otelcol)
    example_runs(otelcol)
    plugins(otelcol)
    same_errors(otelcol)
    same_expansions(otelcol)
    same_analysis(otelcol)
    for different, equal in (collector_compare.compared(otelcol, [case for case in collector_compare.CASES if case != "batch"],
                                                        lambda name: "aimon_" + name if name in BESIDE else name),
                             span_metrics.compared(otelcol, "aimon_span_metrics")):
        failures.extend(different)
        passed += equal
    for failure in failures[:30]:
        print("FAILED: " + failure)
    print("%d passed, %d failed" % (passed, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
