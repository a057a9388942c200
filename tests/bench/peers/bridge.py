# SPDX-License-Identifier: Apache-2.0
"""Inside one and the same Collector: its own span_metrics in Go beside this project's components behind the bridge (ocb/).

The Collector is built as tests/interop/ocb.py builds its own, with the span metrics connector of the Collector in it."""

import json
import os

import collector
import e2e
from peers import load, pipelines, sidecar, throughput
from peers.program import Absent, Failed, Program, Setup, configured

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
# The stages beside each other: the connector of each; "" is the receiver alone.
STAGES = {"nothing": "", "span_metrics, in Go": "span_metrics", "span_metrics of ours": "aimon_span_metrics", "latency of ours": "latency",
          "drift of ours": "drift"}


def build():
    """The Collector's path; raises Absent."""
    if not os.path.exists(os.path.join(ROOT, "ocb/go.mod")):
        raise Absent("the module ocb/ is not in this tree")
    import ocb  # pylint: disable=import-outside-toplevel,import-error
    theirs = {"receivers": [collector.CORE + "receiver/otlpreceiver"], "exporters": [collector.CORE + "exporter/nopexporter"],
              "connectors": [collector.CONTRIB + "connector/spanmetricsconnector"]}
    made = {kind: [{"gomod": f"{module} {collector.VERSION}"} for module in modules] for kind, modules in theirs.items()}
    made["connectors"] += [{"gomod": ocb.MODULE + " v0.1.0", "import": f"{ocb.MODULE}/connector/{name}", "path": os.path.join(ROOT, "ocb")}
                           for name in ("drift", "latency", "aimon_span_metrics")]
    made["providers"] = collector.manifest()["providers"]
    state, text = ocb.run("make", "-s", "bridge")
    if state != 0:
        raise Absent("make bridge: " + text.strip().splitlines()[-1])
    path = os.path.join(collector.CACHE, "otelcol-bridge-" + ocb.content())
    if not collector.build_as(made, path, cgo_enabled=True):
        raise Absent("it cannot be built here")
    return path


def configuration(stage, workload, grpc, metrics):
    """All the connectors, of which one is used; the settings are those of throughput.py's modes."""
    spans = pipelines.span_metrics(workload)
    connectors = ", ".join((spans, spans.replace('"span_metrics"', '"aimon_span_metrics"'), pipelines.statistics(workload)))
    ways = {"traces": {"receivers": ["otlp"], "exporters": [stage or "nop"]}}
    if stage:
        ways["metrics"] = {"receivers": [stage], "exporters": ["nop"]}
    reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics}}}}
    parts = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{grpc}", "max_recv_msg_size_mib": 64}}}},
             "exporters": {"nop": None},
             "service": {"telemetry": {"logs": {"level": "error"}, "metrics": {"readers": [reader]}}, "pipelines": ways}}
    return f"connectors: {{{connectors}}}\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in parts.items())


def start(binary, name, workload, where):
    """A Collector with this stage; drift has learned its reference."""
    grpc, metrics = e2e.free_port(), e2e.free_port()
    path = configured(where.folder, configuration(STAGES[name], workload, grpc, metrics))
    program = Program(name, [binary, "--config", path], grpc, 0, metrics, log=path + ".log").wait_ready()
    if STAGES[name] == "drift":
        sidecar.Sidecar.learn(program, Setup(workload=workload), where)
    return program


def run(binary, where, plan, say):
    """{"workloads": {workload: {stage: {"rates", "rss"} or {"skipped"}}}}: in turns."""
    found = {}
    for workload in ("W2", "W5"):
        request, row = load.request(where, workload, 100), {}
        with throughput.processes() as running:
            cells = {}
            for name in STAGES:
                try:
                    running[name] = start(binary, name, workload, where)
                    cells[name] = throughput.Cell(running[name], request, Setup(), where)
                    cells[name].attempt(cells[name].calibrate, plan.round_s)
                except Failed as error:
                    row[name] = {"skipped": str(error)}
            for _ in range(plan.rounds):
                for cell in cells.values():
                    got = cell.attempt(cell.measure, cell.requests)
                    if got:
                        cell.rates.append(got[0])
            for name, cell in cells.items():
                row[name] = {"skipped": cell.failed} if cell.failed else {"rates": cell.rates, "rss": running[name].kib("VmRSS")}
        found[workload] = row
        say(f"bridge, {workload}: " + ", ".join(f"{name} {sorted(one['rates'])[len(one['rates']) // 2] / 1e6:.3f} M"
                                                for name, one in row.items() if "rates" in one))
    return {"workloads": found}
