#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A component of somebody else's: the example of otel-config-examples/plugin, copied out of the tree, built with the installed headers
alone, loaded by `service::plugins`, and sent GenAI spans. Then everything that is no plug-in, or not of this version, is refused.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/plugin.py
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from collector import BIN, post, running, wait_for
from free_ports import free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(ROOT, "otel-config-examples/plugin")
CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
connectors: {{refusals: {settings}}}
exporters: {{prometheus: {{endpoint: "127.0.0.1:{page}"}}}}
service:
  plugins: [{plugins}]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [refusals]}}
    metrics: {{receivers: [refusals], exporters: [prometheus]}}
"""
passed, failed = 0, 0


def check(name, ok, why=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED: %s %s" % (name, why))


def install(folder, what="install-headers"):
    """What `make install` installs of headers; the binary is the one under test."""
    done = subprocess.run(["make", "-s", what, "PREFIX=" + folder], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")})
    if done.returncode != 0:
        sys.exit("make %s: %s" % (what, done.stderr))


def another_version(prefix):
    """The installed headers as those of version 2 of the interface: the folder."""
    shutil.copytree(prefix, prefix + "2", symlinks=True)
    for path, old, new in ((prefix + "2/include/otelcol-aimon/common/base/status.h", "#define OTC_ABI_VERSION 1u", "#define OTC_ABI_VERSION 2u"),
                           (prefix + "2/lib/pkgconfig/otelcol-aimon.pc", prefix, prefix + "2")):
        with open(path, encoding="ascii") as f:
            text = f.read()
        with open(path, "w", encoding="ascii") as f:
            f.write(text.replace(old, new))
    return prefix + "2"


def build(folder, prefix, name, source=None):
    """A shared object of the example's source (or of another), outside the tree."""
    path = os.path.join(folder, name)
    shutil.copytree(EXAMPLE, path, ignore=shutil.ignore_patterns("*.so"))
    if source:
        with open(os.path.join(path, "refusals.c"), "w", encoding="ascii") as f:
            f.write(source)
    done = subprocess.run(["make", "-s"], cwd=path, capture_output=True, text=True, check=False,
                          env={**os.environ, "PKG_CONFIG_PATH": prefix + "/lib/pkgconfig", "MAKEFLAGS": ""})
    check("builds " + name, done.returncode == 0 and not done.stderr, done.stderr)
    return os.path.join(path, "refusals.so")


def span(number, model, reasons):
    attributes = [{"key": "gen_ai.request.model", "value": {"stringValue": model}},
                  {"key": "gen_ai.response.finish_reasons", "value": {"arrayValue": {"values": [{"stringValue": r} for r in reasons]}}}]
    return {"traceId": "%032x" % (number + 1), "spanId": "%016x" % (number + 1), "name": "chat " + model, "kind": 3,
            "startTimeUnixNano": "1000", "endTimeUnixNano": "2000", "attributes": attributes}


def counts(program, config, folder, check):
    """Sends GenAI spans to a program with the example in it; `config`: a text as CONFIG is."""
    http, page = free_ports(2)
    config = config.format(http=http, page=page, settings="{reasons: [content_filter, refusal], models: 2, metrics_flush_interval: 1s}")
    spans = [span(i, model, reasons) for i, (model, reasons) in enumerate(
        [("a", ["stop"])] * 5 + [("a", ["content_filter"])] * 3 + [("b", ["stop", "refusal"])] * 2 + [("c", ["stop"])] * 4 + [("d", ["refusal"])])]
    wanted = {("responses", "a"): 8, ("refusals", "a"): 3, ("responses", "b"): 2, ("refusals", "b"): 2,
              ("responses", "overflow"): 5, ("refusals", "overflow"): 1}

    def told():
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % page, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found = {}
        for line in lines:
            if line.startswith("gen_ai_") and "_total" in line:
                name, rest = line.split("{", 1)
                found[(name[7:-6], rest.split('gen_ai_request_model="')[1].split('"')[0])] = float(line.rsplit(" ", 1)[1])
        return found

    with running(program, config, os.path.join(folder, "log")):
        status, _, _ = post("http://127.0.0.1:%d/v1/traces" % http, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode())
        check("spans are taken", status == 200, status)
        wait_for(lambda: told() == wanted, 10)
        check("the plug-in's counts", told() == wanted, told())


def refused(name, folder, plugins, wanted, settings="{}"):
    """`validate` and a start end with one error that says `wanted`, the place with it."""
    path = os.path.join(folder, "wrong.yaml")
    with open(path, "w", encoding="ascii") as f:
        f.write(CONFIG.format(http=1, page=2, plugins=json.dumps(plugins), settings=settings))
    for arguments in (["validate"], []):
        done = subprocess.run([BIN, *arguments, "--config", path], capture_output=True, text=True, timeout=20, check=False)
        check(name, done.returncode == 1 and wanted in done.stderr and "wrong.yaml:" in done.stderr, (done.returncode, done.stderr))


def main():
    if not shutil.which("pkg-config") or not shutil.which("cc"):
        print("skipped: neither pkg-config nor a compiler is here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "prefix")
        install(prefix)
        so = build(folder, prefix, "good")
        counts(BIN, CONFIG.replace("{plugins}", json.dumps(so)), folder, check)
        done = subprocess.run([BIN, "validate", "--config", "refusals.yaml"], cwd=os.path.dirname(so), capture_output=True, text=True, check=False)
        check("the example's configuration", done.returncode == 0, done.stderr)
        refused("a setting of the plug-in is checked by its table", folder, so, "connectors::refusals::models: must be between 1 and 10000, got 0", "{models: 0}")
        refused("an unknown key", folder, so, "has invalid keys: modles (did you mean \"models\"?)", "{modles: 3}")
        refused("a file that is not there", folder, folder + "/absent.so", "cannot open shared object file")
        refused("a name without a path", folder, "refusals.so", "must be a path with a slash")
        refused("no plug-in", folder, build(folder, prefix, "other", "int otc_other = 1;\n"), "exports no otc_plugin_factories")
        with open(os.path.join(EXAMPLE, "refusals.c"), encoding="ascii") as f:
            source = f.read()
        refused("a function that is not here", folder, build(folder, prefix, "newer", source.replace("otc_projection_free(", "otc_from_the_future(")
                .replace("#define NAME_MAX_BYTES", "void otc_from_the_future(struct otc_projection *projection);\n#define NAME_MAX_BYTES")),
                "undefined symbol: otc_from_the_future")
        refused("a type that is there already", folder, build(folder, prefix, "twice", source.replace('.type = "refusals"', '.type = "drift"')),
                "there is a connector \"drift\" already")
        refused("another version of the interface", folder, build(folder, another_version(prefix), "version"),
                "is built for version 2 of the component interface, this program has version 1: build it with the headers of otelcol-aimon")
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
