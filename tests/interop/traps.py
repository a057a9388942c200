#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Traps of compatibility that concern the whole binary: what breaks a platform team's configuration, chart or probe when it is
nearly right. tests/interop/TRAPS.md says which test holds which trap.

    AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/traps.py
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from free_ports import free_port, free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.realpath(os.environ.get("AIMON_BIN", os.path.join(ROOT, "build/debug/bin/otelcol-aimon")))
READY = "Everything is ready. Begin running and processing data."
NOP = "receivers: {nop: }\nexporters: {nop: }\n"
PIPELINE = "service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}\n"


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def command(folder, *arguments, config=None, env=None):
    """Runs to the end; (exit code, stdout, stderr)."""
    if config is not None:
        with open(os.path.join(folder, "c.yaml"), "w") as file:
            file.write(config)
    done = subprocess.run([BIN, *arguments], cwd=folder, capture_output=True, text=True, timeout=20,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def valid(folder, config, env=None):
    code, out, err = command(folder, "validate", "--config", "c.yaml", config=config, env=env)
    expect(code == 0 and out == "" and err == "", f"not silently valid: {code} {out}{err}\n{config}")


def refused(folder, config, text):
    code, _, err = command(folder, "validate", "--config", "c.yaml", config=config)
    expect(code == 1 and text in err, f"expected {text!r}, got {code} {err!r}")


def resolved(folder, config, env=None, *more):
    """The resolved configuration, as JSON has it."""
    code, out, err = command(folder, "print-config", "--config", "c.yaml", "--mode", "unredacted", "--format", "json",
                             "--validate=false", *more, config=config, env=env)
    expect(code == 0, err)
    return json.loads(out)


class Running:
    """The service until the end of a `with`; then SIGTERM, exit code 0, at most 10 s."""

    def __init__(self, folder, config, arguments=("--config=c.yaml",), env=None):
        self.folder, self.path = folder, os.path.join(folder, "run.log")
        with open(os.path.join(folder, "c.yaml"), "w") as file:
            file.write(config)
        self.arguments, self.env = arguments, {**os.environ, **(env or {})}

    def __enter__(self):
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen([BIN, *self.arguments], cwd=self.folder, stderr=log, stdout=subprocess.DEVNULL,
                                            env=self.env)
        for _ in range(200):
            if READY in self.log():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.process.kill()
        raise AssertionError(f"does not start: {self.log()}")

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(10)
        finally:
            self.process.kill()
        expect(kind is not None or code == 0, f"exit code {code}: {self.log()}")

    def log(self):
        with open(self.path) as file:
            return file.read()


def get(where, data=None, kind="application/json"):
    """(status, content type, body)"""
    request = urllib.request.Request(where, data=data, headers={"Content-Type": kind} if data is not None else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def telemetry(self_port):
    return ("telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}" % self_port)


def trap_01_aliases_and_ids_as_the_user_wrote_them(folder):
    http, mine = free_ports(2)
    for exporter, connector in (("otlp", "spanmetrics"), ("otlp_grpc", "span_metrics")):
        config = f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
connectors: {{{connector}/red: }}
exporters: {{{exporter}/up: {{endpoint: "127.0.0.1:1", tls: {{insecure: true}}}}}}
service:
  {telemetry(mine)}
  pipelines:
    traces: {{receivers: [otlp], exporters: [{exporter}/up, {connector}/red]}}
    metrics: {{receivers: [{connector}/red], exporters: [{exporter}/up]}}
"""
        with Running(folder, config) as running:
            page = get(f"http://127.0.0.1:{mine}/metrics")[2]
            expect(f'otelcol_exporter_queue_capacity{{data_type="traces",exporter="{exporter}/up"}}' in page
                   or re.search(rf'otelcol_exporter_queue_capacity{{[^}}]*exporter="{exporter}/up"', page), page)
            old = exporter == "otlp"
            expect(('"otlp" alias is deprecated; use "otlp_grpc" instead' in running.log()) == old, running.log())
            expect(('"spanmetrics" alias is deprecated; use "span_metrics" instead' in running.log()) == old, running.log())


def trap_02_a_protocol_is_on_when_it_is_there(folder):
    for protocols, grpc, http in (("{grpc: }", True, False), ("{http: {}}", False, True), ("{grpc: , http: null}", True, True)):
        code, out, err = command(folder, "print-config", "--config", "c.yaml", "--format", "json", config=f"""
receivers: {{otlp: {{protocols: {protocols}}}}}
exporters: {{nop: }}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}
""")
        expect(code == 0, err)
        on = json.loads(out)["receivers"]["otlp"]["protocols"]
        expect(("grpc" in on, "http" in on) == (grpc, http), on)


def trap_03_empty_processors(folder):
    for top in ("processors:\n", "processors: {}\n", ""):
        for inner in ("processors: [ ], ", "processors: , ", ""):
            valid(folder, NOP + top + "service: {pipelines: {traces: {receivers: [nop], " + inner + "exporters: [nop]}}}\n")


def trap_04_trailing_commas_anchors_and_merges(folder):
    valid(folder, """
extensions: {health_check: }
receivers: {nop: , otlp: {protocols: {grpc: &base {max_recv_msg_size_mib: 8, endpoint: "127.0.0.1:0"}, http: }}}
exporters:
  debug: &d {verbosity: normal}
  debug/2: {<<: *d, sampling_initial: 5}
service:
  extensions: [health_check, ]
  pipelines: {traces: {receivers: [nop, otlp, ], exporters: [debug, debug/2, ]}}
""")


def trap_05_dollars(folder):
    config = NOP + PIPELINE + 'exporters2: {a: "$${1}", b: "$$", c: "$X"}\n'
    expect(resolved(folder, config.replace("exporters2", "extensions"))["extensions"]
           == {"a": "${1}", "b": "$", "c": "$X"}, "dollars")
    refused(folder, NOP + 'processors: {memory_limiter: {check_interval: "${1}"}}\n' + PIPELINE,
            'environment variable "1" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$')


def trap_06_merging(folder):
    with open(os.path.join(folder, "more.yaml"), "w") as file:
        file.write("receivers: {otlp: {protocols: {http: }}}\nexporters:\n"
                   "service: {pipelines: {traces: {receivers: [otlp]}}}\n")
    merged = resolved(folder, NOP + PIPELINE, None, "--config", "more.yaml", "--set=service.telemetry.logs.level=debug")
    expect(set(merged["receivers"]) == {"nop", "otlp"}, "maps are merged")
    expect(merged["service"]["pipelines"]["traces"] == {"receivers": ["otlp"], "exporters": ["nop"]}, "lists are replaced")
    expect(merged["exporters"] is None, "null replaces a map")
    expect(merged["service"]["telemetry"]["logs"]["level"] == "debug", "--set comes last")


def trap_07_durations(folder):
    limiter = NOP + PIPELINE.replace("exporters:", "processors: [memory_limiter], exporters:")
    code, out, err = command(folder, "print-config", "--config", "c.yaml", "--format", "json",
                             config=limiter + "processors: {memory_limiter: {check_interval: 1000000000, limit_mib: 100}}\n")
    expect(code == 0 and json.loads(out)["processors"]["memory_limiter"]["check_interval"] == "1s", err + out)
    refused(folder, limiter + 'processors: {memory_limiter: {check_interval: "10", limit_mib: 100}}\n',
            "'check_interval' time: missing unit in duration \"10\"")


def trap_08_unknown_keys_in_every_component(folder):
    kinds = {"receivers": "nop", "processors": None, "exporters": "nop", "connectors": None, "extensions": None}
    listed = command(folder, "components")[1]
    n = 0
    for section in kinds:
        block = re.search(rf"^{section}:\n((?:    .*\n)*)", listed, re.M).group(1)
        for name in re.findall(r"- name: (\S+)", block):
            config = f"{section}: {{{name}/x: {{no_such_key: 1}}}}\n"
            for base in ("receivers", "exporters"):
                config += f"{base}: {{nop: }}\n" if base != section else ""
            refused(folder, config + PIPELINE, "has invalid keys: no_such_key")
            n += 1
    expect(n >= 10, f"{n} components")


def trap_09_validate_is_silent(folder):
    valid(folder, NOP + PIPELINE)
    valid(folder, NOP + PIPELINE.replace("[nop]", "[nop]") + "extensions: {health_check: }\n")


def trap_10_unset_variables_are_a_warning(folder):
    config = NOP + "service: {telemetry: {resource: {region: '${env:AIMON_NOT_SET}'}, metrics: {level: none}}, " \
        "pipelines: {traces: {receivers: [nop], exporters: [nop]}}}\n"
    valid(folder, config)
    with Running(folder, config) as running:
        expect(re.search(r"\twarn\t\S+\tConfiguration references unset environment variable\t"
                         r'\{"name":"AIMON_NOT_SET"\}', running.log()), running.log())


def trap_11_signals_that_are_not_wired(folder):
    http = free_port()
    with Running(folder, f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
exporters: {{nop: }}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}
"""):
        expect(get(f"http://127.0.0.1:{http}/v1/traces", b"{}")[0] == 200, "traces")
        expect(get(f"http://127.0.0.1:{http}/v1/metrics", b"{}")[0] == 404, "metrics")
        expect(get(f"http://127.0.0.1:{http}/v1/logs", b"{}")[0] == 404, "logs")


def trap_21_25_26_self_metrics_log_line_and_health(folder):
    health, mine = free_ports(2)
    with Running(folder, f"""
extensions: {{health_check: {{endpoint: "127.0.0.1:{health}"}}}}
receivers: {{nop: }}
exporters: {{nop: }}
service:
  extensions: [health_check]
  {telemetry(mine)}
  pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}
""") as running:
        expect(re.search(rf"^\S+Z\tinfo\t\S+:\d+\t{re.escape(READY)}$", running.log(), re.M), running.log())
        status, kind, body = get(f"http://127.0.0.1:{health}/")
        expect(status == 200 and kind == "application/json", (status, kind))
        expect(json.loads(body)["status"] == "Server available", body)
        page = get(f"http://127.0.0.1:{mine}/metrics")[2]
        names = set(re.findall(r"^(otelcol_\w+)[ {]", page, re.M))
        expect({"otelcol_process_uptime", "otelcol_process_cpu_seconds", "otelcol_process_memory_rss"} <= names, names)
        expect(not [name for name in names if name.endswith("_total")], names)


def trap_27_memory_limiter_takes_gc_keys(folder):
    valid(folder, NOP + PIPELINE.replace("exporters:", "processors: [memory_limiter], exporters:") + """
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 25
    min_gc_interval_when_soft_limited: 10s
    min_gc_interval_when_hard_limited: 0s
    max_gc_interval_when_soft_limited: 30s
    max_gc_interval_when_hard_limited: 30s
""")


def trap_28_secrets_are_not_told(folder):
    secret = "s3cr3t-t0k3n"
    for headers in (f"{{authorization: {secret}}}", f"[{{name: authorization, value: {secret}}}]"):
        config = "receivers: {nop: }\nexporters: {otlp_grpc: {endpoint: '127.0.0.1:1', tls: {insecure: true}, headers: " \
            + headers + "}}\nservice: {telemetry: {logs: {level: debug}, metrics: {level: none}}, pipelines: {traces: " \
            "{receivers: [nop], exporters: [otlp_grpc]}}}\n"
        code, out, err = command(folder, "print-config", "--config", "c.yaml", config=config)
        expect(code == 0 and "[REDACTED]" in out and secret not in out + err, out + err)
        expect(secret in command(folder, "print-config", "--config", "c.yaml", "--mode", "unredacted")[1], "unredacted")
        with Running(folder, config) as running:
            expect(secret not in running.log(), running.log())
        refused(folder, config.replace("endpoint:", "endpiont:"), "has invalid keys: endpiont")
        expect(secret not in command(folder, "validate", "--config", "c.yaml")[2], "in an error")


def trap_30_level_none_and_a_port_in_use(folder):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        config = NOP + "service:\n  " + telemetry(taken) + "\n  pipelines: {traces: {receivers: [nop], exporters: [nop]}}\n"
        code, _, err = command(folder, "--config", "c.yaml", config=config)
        expect(code == 1 and f"listen tcp 127.0.0.1:{taken}: bind: address already in use" in err, err)
        with Running(folder, config.replace("metrics: {", "metrics: {level: none, ")):
            pass


def trap_32_only_listed_extensions_start(folder):
    listed, unlisted = free_ports(2)
    with Running(folder, f"""
extensions:
  health_check: {{endpoint: "127.0.0.1:{listed}"}}
  health_check/unused: {{endpoint: "127.0.0.1:{unlisted}"}}
receivers: {{nop: }}
exporters: {{nop: }}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}
"""):
        expect(get(f"http://127.0.0.1:{listed}/")[0] == 200, "the listed one")
        try:
            get(f"http://127.0.0.1:{unlisted}/")
        except urllib.error.URLError:
            return
        raise AssertionError("one that is not listed runs")


def the_chart_and_the_unit_start_it(folder):
    """Helm: [binary, --config=/conf/relay.yaml] with MY_POD_IP; systemd: ExecStart=… $OTELCOL_OPTIONS; both with gates."""
    http = free_port()
    config = f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "${{env:MY_POD_IP}}:{http}"}}}}}}}}
exporters: {{debug: {{}}}}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{logs: {{receivers: [otlp], exporters: [debug]}}}}}}
"""
    absolute = os.path.join(folder, "c.yaml")
    options = f"--config={absolute} --set=service.telemetry.logs.encoding=json --feature-gates=-x.y,+confmap.strictlyTypedInput"
    for arguments in ((f"--config={absolute}",), tuple(options.split()), ("--config", f"file:{absolute}")):
        with Running(folder, config, arguments, {"MY_POD_IP": "127.0.0.1", "GOMEMLIMIT": "400MiB"}) as running:
            expect(get(f"http://127.0.0.1:{http}/v1/logs", b"{}")[0] == 200, "no answer")
            if len(arguments) == 3:
                lines = [json.loads(line) for line in running.log().splitlines()]
                expect(all({"level", "ts", "caller", "msg", "resource"} <= set(line) for line in lines), lines)
                expect(any(line["msg"] == "Feature gate is not known here and has no effect" and line["id"] == "x.y"
                           for line in lines), lines)
    with Running(folder, config, ("--config=env:RELAY",), {"RELAY": config.replace("${env:MY_POD_IP}", "127.0.0.1")}):
        expect(get(f"http://127.0.0.1:{http}/v1/logs", b"{}")[0] == 200, "from a variable")


REFERENCE = """
extensions:
  health_check: {endpoint: "${env:MY_POD_IP:-127.0.0.1}:13133"}
  file_storage/q: {directory: /tmp/q, create_directory: true}
receivers:
  otlp: {protocols: {grpc: {endpoint: 127.0.0.1:4317}, http: {endpoint: 127.0.0.1:4318}}}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 25}
  batch: {}
  redaction/pii: {allow_all_keys: true, blocked_key_patterns: ["(?i).*(email|ssn).*"], blocked_values: ["4[0-9]{12}(?:[0-9]{3})?"], summary: info}
connectors:
  span_metrics:
    dimensions: [{name: gen_ai.request.model}, {name: gen_ai.provider.name, default: unknown}]
    histogram: {unit: s, explicit: {buckets: [10ms, 40ms, 160ms, 640ms, 2560ms, 10240ms, 40960ms]}}
    aggregation_cardinality_limit: 2000
    exemplars: {enabled: true}
exporters:
  otlp_grpc: {endpoint: upstream:4317, tls: {insecure: true}, sending_queue: {storage: file_storage/q, batch: {}}, retry_on_failure: {max_elapsed_time: 0}}
  prometheus: {endpoint: 127.0.0.1:8889, enable_open_metrics: true, resource_to_telemetry_conversion: {enabled: true}}
  debug: {verbosity: basic}
service:
  extensions: [health_check, file_storage/q]
  telemetry: {logs: {level: info, encoding: json}, metrics: {level: normal}}
  pipelines:
    traces:  {receivers: [otlp], processors: [memory_limiter, redaction/pii, batch], exporters: [otlp_grpc, span_metrics]}
    metrics: {receivers: [otlp, span_metrics], processors: [memory_limiter, batch], exporters: [prometheus, otlp_grpc]}
    logs:    {receivers: [otlp], processors: [memory_limiter, redaction/pii], exporters: [otlp_grpc, debug]}
"""

# As contrib's testbed writes it for a child process.
TESTBED = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "127.0.0.1:4317"

exporters:
  otlp:
    endpoint: "127.0.0.1:4318"
    tls:
      insecure: true

processors:

extensions:
  pprof:
    save_to_file: /tmp/agent.prof


service:
  extensions: [pprof, ]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [ ]
      exporters: [otlp]
"""


def the_reference_and_the_testbed_are_valid(folder):
    for config in (REFERENCE, TESTBED):
        valid(folder, config)


def the_table_names_tests_that_exist(_):
    with open(os.path.join(ROOT, "tests/interop/TRAPS.md")) as file:
        rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", file.read(), re.M)
    expect([int(number) for number, _ in rows] == list(range(1, 34)), "33 traps")
    for number, held in rows:
        named = re.findall(r"`([^`]+)`: `([^`]+)`", held)
        expect(named, f"trap {number}: no test")
        for path, name in named:
            with open(os.path.join(ROOT, path)) as file:
                expect(name in file.read(), f"trap {number}: {path} has no {name}")


def main():
    tests = [fn for name, fn in sorted(globals().items()) if name.startswith(("trap_", "the_"))]
    failed = 0
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
            except (AssertionError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED: {test.__name__}: {error}")
    print(f"{len(tests) - failed} passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
