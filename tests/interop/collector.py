# SPDX-License-Identifier: Apache-2.0
"""A real Collector for the interop tests: built once with its own builder from the Go module proxy, and kept in
${XDG_CACHE_HOME:-~/.cache}/otelcol-aimon. Which release, and with which components, is said here alone."""

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import go_peer
from go_peer import CACHE

BIN = os.environ.get("AIMON_BIN", "")
VERSION, PROVIDERS = "v0.159.0", "v1.65.0"
CORE, CONTRIB = "go.opentelemetry.io/collector/", "github.com/open-telemetry/opentelemetry-collector-contrib/"
# Left out because their modules are not on every proxy: receiver/nop, receiver/otlpjsonfile, extension/basicauth.
COMPONENTS = {
    "connectors": [CONTRIB + "connector/spanmetricsconnector", CORE + "connector/forwardconnector"],
    "receivers": [CORE + "receiver/otlpreceiver"],
    "processors": [CORE + "processor/batchprocessor", CORE + "processor/memorylimiterprocessor",
                   CONTRIB + "processor/attributesprocessor", CONTRIB + "processor/resourceprocessor",
                   CONTRIB + "processor/filterprocessor", CONTRIB + "processor/redactionprocessor",
                   CONTRIB + "processor/probabilisticsamplerprocessor", CONTRIB + "processor/transformprocessor"],
    "exporters": [CORE + "exporter/otlpexporter", CORE + "exporter/otlphttpexporter", CORE + "exporter/debugexporter",
                  CORE + "exporter/nopexporter", CONTRIB + "exporter/fileexporter", CONTRIB + "exporter/prometheusexporter",
                  CONTRIB + "exporter/prometheusremotewriteexporter"],
    "extensions": [CONTRIB + "extension/healthcheckextension", CONTRIB + "extension/storage/filestorage",
                   CONTRIB + "extension/bearertokenauthextension", CORE + "extension/zpagesextension",
                   CONTRIB + "extension/pprofextension"],
}
SIGNALS = {"traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"}


def manifest():
    made = {kind: [{"gomod": "%s %s" % (module, VERSION)} for module in modules] for kind, modules in COMPONENTS.items()}
    made["providers"] = [{"gomod": "%sconfmap/provider/%sprovider %s" % (CORE, name, PROVIDERS)} for name in ("file", "env", "yaml")]
    return made


# Another set of components is another binary.
COLLECTOR = os.path.join(CACHE, "otelcol-%s-%s" % (VERSION[1:], hashlib.sha256(json.dumps(manifest()).encode()).hexdigest()[:8]))


def build():
    """True when the Collector is there, or could be built; else the reason is printed as `skipped: …`."""
    return build_as(manifest(), COLLECTOR)


def build_as(wanted, path, **dist):
    """The same for a manifest of one's own, kept as `path`; `dist`: further keys of its `dist`."""
    return go_peer.once(path, lambda work: build_in(work, wanted, dist))


def build_in(work, wanted, dist):
    with open(os.path.join(work, "build.yaml"), "w", encoding="utf-8") as f:
        json.dump({"dist": {"name": "otelcol", "output_path": work + "/out", **dist}, "conf_resolver": {"default_uri_scheme": "env"},
                   **wanted}, f)
    go_peer.go(work, "run", CORE + "cmd/builder@" + VERSION, "--config", f.name)
    return work + "/out/otelcol"


@contextlib.contextmanager
def running(program, config, log):
    """Runs a program (COLLECTOR or BIN) with a configuration (a dict, or YAML) until the block ends; `log` gets what it says."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        f.write(config if isinstance(config, str) else json.dumps(config))
        f.flush()
        with open(log, "wb") as out, subprocess.Popen([program, "--config", f.name], stdout=out, stderr=out) as process:
            try:
                wait_ready(process, log)
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def wait_ready(process, log):
    for _ in range(300):
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        if "Everything is ready." in text:
            return
        if process.poll() is not None:
            raise RuntimeError("%s ended: %s" % (process.args[0], text[-2000:]))
        time.sleep(0.1)
    raise RuntimeError("%s did not become ready: %s" % (process.args[0], text[-2000:]))


def post(url, body, headers=None):
    """(status, headers, body) of a POST."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def wait_for(condition, seconds=20):
    """True as soon as the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


# ---- What comes out ----------------------------------------------------------------------------------------


def canonical(value):
    """Attributes in order of their keys, numbers as numbers."""
    if isinstance(value, dict):
        made = {k: v.lower() if k in ("traceId", "spanId", "parentSpanId") else canonical(v) for k, v in sorted(value.items())}
        return {k: v for k, v in made.items() if v not in ([], {}, "", 0, None) or k.endswith("Value")}
    if isinstance(value, list):
        made = [canonical(v) for v in value]
        keyed = made and all(isinstance(v, dict) and "key" in v for v in made)
        return sorted(made, key=lambda v: v["key"]) if keyed else made
    return value


def items(path):
    """Every item with its resource and scope, sorted: how they are grouped into requests makes no difference."""
    found = []
    if not os.path.exists(path):
        return found
    inner = {"resourceSpans": ("scopeSpans", "spans"), "resourceLogs": ("scopeLogs", "logRecords"), "resourceMetrics": ("scopeMetrics", "metrics")}
    with open(path, encoding="utf-8") as f:
        for line in f:
            if not line.endswith("\n"):
                break  # still being written
            for key, groups in json.loads(line).items():
                for group in groups:
                    for scope in group.get(inner[key][0], []):
                        for item in scope.get(inner[key][1], []):
                            found += points(canonical(group.get("resource", {})), canonical(scope.get("scope", {})), item)
    return sorted(found)


def points(resource_, scope, item):
    kind = next((k for k in ("sum", "gauge", "histogram", "exponentialHistogram", "summary") if k in item), None)
    if not kind:
        return [json.dumps([resource_, scope, canonical(item)], sort_keys=True)]
    head = {k: v for k, v in item.items() if k != kind}
    head[kind] = {k: v for k, v in item[kind].items() if k != "dataPoints"}
    return [json.dumps([resource_, scope, canonical(head), canonical(point)], sort_keys=True) for point in item[kind].get("dataPoints", [])]


def first_difference(theirs, ours):
    """Two lists of items differ: where the first of those that only one has do."""
    only = [[i for i in a if i not in b] for a, b in ((theirs, ours), (ours, theirs))]
    left, right = ((side + ["(nothing)"])[0] for side in only)
    at = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), 0)
    return ":\n    theirs … %s\n    ours   … %s" % (left[max(0, at - 60):at + 100], right[max(0, at - 60):at + 100])
