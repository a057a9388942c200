#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's SDKs as clients: Python, JavaScript and Go, each with every OTLP exporter it has, and a GenAI application with
OpenTelemetry's instrumentation of the OpenAI client. Everything that they send comes out of the pipeline; of the GenAI calls also
what `latency` makes of them.

The SDKs are installed once, from their registries, into ${XDG_CACHE_HOME:-~/.cache}/otelcol-aimon/sdk-….

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/sdks.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import collector
from free_ports import free_ports

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk")
PYTHON = ["httpx", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-grpc", "opentelemetry-exporter-otlp-proto-http", "openai",
          "opentelemetry-instrumentation-openai-v2==2.4b0", "opentelemetry-util-genai==1.0b0"]
NODE = ["@opentelemetry/" + name for name in ["api", "api-logs", "resources", "sdk-trace-base", "sdk-metrics", "sdk-logs"] + [
    "exporter-%s-otlp-%s" % (signal, kind) for signal in ("trace", "metrics", "logs") for kind in ("grpc", "proto", "http")]]
EXPECTED = {"python": ["grpc", "http", "http_gzip"], "go": ["grpc", "http"],
            "javascript": [kind + how for kind in ("grpc", "proto", "http") for how in ("", "_gzip")]}

failures = []
skipped = []


def run(command, cwd=None, timeout=300):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(command)[:80], done.stdout.decode(errors="replace")[-1500:]))


def installed(name, make):
    """A folder that `make` fills once."""
    folder = os.path.join(collector.CACHE, "sdk-" + name)
    if not os.path.exists(folder + "/done"):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        make(folder)
        with open(folder + "/done", "w", encoding="ascii"):
            pass
    return folder


def install_python(folder):
    run([sys.executable, "-m", "venv", folder + "/venv"])
    run([folder + "/venv/bin/pip", "-q", "install", *PYTHON])


def install_node(folder):
    with open(folder + "/package.json", "w", encoding="ascii") as f:
        f.write("{}")
    run(["npm", "install", "--silent", "--no-fund", "--no-audit", *NODE], folder)


def install_go(folder):
    shutil.copy(HERE + "/send.go", folder)
    with open(folder + "/go.mod", "w", encoding="ascii") as f:
        f.write("module sender\n\ngo 1.25\n")
    run(["nice", "go", "mod", "tidy"], folder)
    run(["nice", "go", "build", "-o", "send", "."], folder)


def senders(grpc, http):
    """How each SDK is run, or None where its language is not installed."""
    def python(script, *arguments):
        return [installed("python", install_python) + "/venv/bin/python", HERE + "/" + script, *arguments], None

    def node():
        return ["node", HERE + "/send.mjs", "http://127.0.0.1:%d" % grpc, "http://127.0.0.1:%d" % http], installed("node", install_node)

    def go():
        return [installed("go", install_go) + "/send", "127.0.0.1:%d" % grpc, "127.0.0.1:%d" % http], None

    yield "python", lambda: python("send.py", "http://127.0.0.1:%d" % grpc, "http://127.0.0.1:%d" % http)
    yield "javascript", node if shutil.which("npm") else None
    yield "go", go if shutil.which("go") else None
    yield "chat", lambda: python("chat.py", "http://127.0.0.1:%d" % grpc)


def configurations(work, grpc, http, back):
    quiet = {"telemetry": {"metrics": {"level": "none"}}}
    theirs = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % back}}}},
              "exporters": {"file": {"path": work + "/out.jsonl", "flush_interval": "100ms"}},
              "service": {**quiet, "pipelines": {signal: {"receivers": ["otlp"], "exporters": ["file"]} for signal in collector.SIGNALS}}}
    ours = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % grpc}, "http": {"endpoint": "127.0.0.1:%d" % http}}}},
            "connectors": {"latency": {"metrics_flush_interval": "1s"}},
            "exporters": {"otlp_grpc": {"endpoint": "127.0.0.1:%d" % back, "tls": {"insecure": True}}},
            "service": {**quiet, "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc", "latency"]}, "logs": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]},
                "metrics": {"receivers": ["otlp", "latency"], "exporters": ["otlp_grpc"]}}}}
    return theirs, ours


def check(items, sent):
    """Counts what is there of what each SDK sent."""
    text, passed = "\n".join(items), 0
    for language in sent:
        for exporter in EXPECTED.get(language, []):
            for what in ('"name": "%s %s"' % (language, exporter), '"name": "%s.%s"' % (language, exporter),
                         '"body": {"stringValue": "%s %s"}' % (language, exporter)):
                found = text.count(what)
                most = 2 if "." in what else 1  # a metric is told again at the end
                passed += 1 <= found <= most
                if not 1 <= found <= most:
                    failures.append("%s: %d times %s" % (language, found, what))
    if "chat" in sent:
        calls = [item for item in items if '"name": "chat gpt-4o-mini"' in item and '"spanId"' in item]
        usage = [json.loads(item) for item in items if '"gen_ai.client.token.usage"' in item and "otelcol-aimon/latency" in item]
        tokens = {a["value"]["stringValue"]: (int(item[3]["count"]), item[3]["sum"]) for item in usage for a in item[3]["attributes"]
                  if a["key"] == "gen_ai.token.type"}
        if len(calls) != 5 or tokens != {"input": (5, 55), "output": (5, 35)}:
            failures.append("chat: %d spans of 5, tokens %s" % (len(calls), tokens))
        passed += len(calls)
    return passed


def main():
    if not collector.build():
        return 0
    grpc, http, back = free_ports(3)
    sent = []
    with tempfile.TemporaryDirectory() as work:
        theirs, ours = configurations(work, grpc, http, back)
        with collector.running(collector.COLLECTOR, theirs, work + "/theirs.log"):
            with collector.running(collector.BIN, ours, work + "/ours.log"):
                for name, command in senders(grpc, http):
                    if not command:
                        skipped.append(name)
                        continue
                    try:
                        arguments, folder = command()
                        run(arguments, folder, 60)
                        sent.append(name)
                    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                        failures.append("%s: %s" % (name, error))
                path = work + "/out.jsonl"
                collector.wait_for(lambda: "gen_ai.client.token.usage" in "".join(i for i in collector.items(path) if "aimon/latency" in i), 10)
            passed = check(collector.items(path), sent)
    for failure in failures[:20]:
        print(failure[:2000])
    if skipped:
        print("skipped: not installed here: " + ", ".join(skipped))
    print("%d passed, %d failed" % (passed, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
