# SPDX-License-Identifier: Apache-2.0
"""The configurations that the sidecar and the Collector share: the same YAML for both wherever both have what it takes."""

import json

import e2e
import span_metrics_peer
from peers.program import Absent

RESULTS_S = 5  # how often metrics that were made are sent on
QUEUE = {"sizer": "items", "queue_size": 400000, "block_on_overflow": True}
# W12: what a queue may hold; who sends more is refused.
SMALL_QUEUE = {"sizer": "items", "queue_size": 100000}
LOG_FEATURES = [e2e.feature("size", "http.response.body.size"), e2e.feature("code", "http.response.status_code"),
                e2e.feature("method", "http.request.method", "categorical")]


def statistics(workload):
    """drift with five features of the workload (of log records three), and latency."""
    if workload.startswith("W9"):
        presets, features = "[]", f"[{', '.join(LOG_FEATURES)}]"
    else:
        presets, features = e2e.watched(workload, "")
    window = {"length": "1m", "pane": "5s", "time": "arrival"}
    drift = (f"{{presets: {presets}, features: {features}, window: {json.dumps(window)}, "
             "reference: {learn: {observations: 5000, duration: 1s}}}")
    return f'"drift": {drift}, "latency": {json.dumps({"window": window})}'


def span_metrics(workload):
    more = ["client.id"] if workload == "W11" else []
    settings = {"dimensions": [{"name": name} for name in span_metrics_peer.DIMENSIONS.get(workload, []) + more],
                "metrics_flush_interval": f"{RESULTS_S}s", "aggregation_cardinality_limit": 0}
    return f'"span_metrics": {json.dumps(settings)}'


def exporters(setup, where, backend):
    made = {"nop": None}
    target = {"endpoint": f"127.0.0.1:{where.sink.grpc}", "tls": {"insecure": True}}
    if setup.forward:
        made["otlp_grpc"] = {**target, "endpoint": f"127.0.0.1:{backend}", "compression": setup.forward,
                             "sending_queue": SMALL_QUEUE if setup.extra == "small_queue" else QUEUE}
    if setup.stages:
        made["otlp_grpc/results"] = target
    return made


def configuration(setup, where, grpc, http, metrics):
    """The YAML of a setup: otlp, and what it asks for behind it."""
    tls = {"tls": {"cert_file": str(where.cert[0]), "key_file": str(where.cert[1])}} if setup.tls else {}
    receiver = {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{grpc}", "max_recv_msg_size_mib": 64, **tls},
                              "http": {"endpoint": f"127.0.0.1:{http}", "max_request_body_size": 64 << 20, **tls}}}
    connectors, stages = "{}", []
    if setup.stages == "statistics":
        connectors, stages = "{" + statistics(setup.workload) + "}", ["drift", "latency"]
        if setup.workload.startswith("W9"):
            stages = ["drift"]
    elif setup.stages == "span_metrics":
        connectors, stages = "{" + span_metrics(setup.workload) + "}", ["span_metrics"]
    elif setup.stages:
        raise Absent(f"no {setup.stages}")
    behind = stages + (["otlp_grpc"] if setup.forward else [] if stages else ["nop"])
    signals = ("traces", "metrics", "logs") if not stages else ("logs",) if setup.workload.startswith("W9") else ("traces",)
    pipelines = {signal: {"receivers": ["otlp"], "processors": ["batch"] if setup.batch else [], "exporters": behind}
                 for signal in signals}
    if stages:
        pipelines["metrics/results"] = {"receivers": stages, "exporters": ["otlp_grpc/results"]}
    reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics}}}}
    service = {"telemetry": {"logs": {"level": "error"}, "metrics": {"readers": [reader]}}, "pipelines": pipelines}
    extensions = {}
    if setup.extra == "pprof":
        extensions = {"pprof": {"endpoint": f"127.0.0.1:{e2e.free_port()}"}}
        service["extensions"] = ["pprof"]
    parts = {"receivers": {"otlp": receiver}, "processors": {"batch": {}} if setup.batch else {},
             "exporters": exporters(setup, where, where.backend or where.sink.grpc), "extensions": extensions, "service": service}
    return ("# " + str(setup) + "\nconnectors: " + connectors + "\n" +
            "".join(f"{key}: {json.dumps(value)}\n" for key, value in parts.items() if value))
