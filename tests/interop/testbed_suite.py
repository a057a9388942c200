# SPDX-License-Identifier: Apache-2.0
"""What the Collector's testbed says: its configurations, word for word, and the limits of its tests, read from its own module; and the
items that its load generator makes, as dicts that say what OTLP/JSON says, with their protobuf."""

import os
import random
import re
import struct
import subprocess

import collector
import go_peer
import wire

MODULE, VERSION = collector.CONTRIB + "testbed", "v0.148.0"  # the newest that the Go module proxies have
FILES = ("testbed/senders.go", "testbed/receivers.go", "tests/scenarios.go", "tests/trace_test.go", "tests/metric_test.go",
         "tests/log_test.go", "tests/batcher_test.go", "tests/e2e_test.go", "tests/resource_processor_test.go",
         "tests/testdata/k8s-metrics.yaml")
SIGNALS = {"Trace": "traces", "Metric": "metrics", "Logs": "logs"}
SENDER = r'testbed\.NewOTLP(HTTP)?(Trace|Metric|Logs)DataSender\(testbed\.DefaultHost, testutil\.GetAvailablePort\(t\)(?:, "(\w*)")?\)'
RECEIVER = r'testbed\.NewOTLP(HTTP)?DataReceiver\(testutil\.GetAvailablePort\(t\)\)(?:\.WithCompression\("(\w+)"\))?'
LIMITS = r"ExpectedMaxCPU:\s*(\d+),\s*ExpectedMaxRAM:\s*(\d+)"


class Case:
    """A test of the testbed: how it sends, what the configuration is made of, and its limits, in percent of a core and MiB."""

    def __init__(self, name, sender, receiver, limits, **more):
        self.name, self.signal = name, SIGNALS[sender[2]]
        # The testbed's gRPC sender has the Collector's default, gzip, its HTTP sender what is said, nothing else.
        self.sender, self.send_compression = ("http", sender[3] or "none") if sender[1] else ("grpc", "gzip")
        self.exporter, self.compression = "http" if receiver[1] else "grpc", receiver[2] or "none"
        self.cpu, self.ram = (int(n) for n in limits)
        self.processors, self.options = more.get("processors", []), more.get("options", {})  # [(name, text)]; {"Retry": text, …}
        self.per_batch, self.rate = more.get("per_batch", 100), more.get("rate", 10_000)
        self.parallel, self.attributes = more.get("parallel", 1), more.get("attributes", {})
        self.json, self.messages = False, []


class Source:
    """The module's files."""

    def __init__(self, folder):
        self.text = {}
        for name in FILES:
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                self.text[os.path.basename(name)] = f.read()
        senders, receivers = (re.findall(r"Sprintf\(`(.*?)`", self.text[n], re.S) for n in ("senders.go", "receivers.go"))
        self.receiver_text = {how: next(t for t in senders if " %s:\n" % how in t) for how in ("http", "grpc")}
        self.exporter_text, self.compression_text = receivers
        self.exporter_types = dict(zip(("grpc", "http"), re.findall(r'exporterType:\s+"(\w+)"', self.text["receivers.go"])))
        self.format = re.search(r"format := `(.*?)`", self.text["scenarios.go"], re.S)[1].replace("%v", "%s")

    def configuration(self, case, port, backend, results):
        """As the testbed's createConfigYaml puts it together."""
        kind = self.exporter_types[case.exporter]
        address = ("http://" if case.exporter == "http" else "") + "127.0.0.1:%d" % backend
        options = tuple(case.options.get(name, "") for name in ("Retry", "Queue", "Timeout", "Batcher"))
        exporter = self.exporter_text % ((kind, address) + options) + self.compression_text % case.compression
        bodies = "".join(text + "\n" for _, text in case.processors)
        return self.format % (self.receiver_text[case.sender] % ("127.0.0.1:%d" % port), exporter, bodies, results, "", "", case.signal, "otlp",
                              ",".join(name for name, _ in case.processors), kind)

    def function(self, file, name):
        return re.search(r"\nfunc %s\(.*?\n}\n" % name, self.text[file], re.S)[0]

    def table(self, text):
        """The cases of a table of tests: those that send and receive OTLP."""
        for block in re.findall(r"\n\t\t\{\n(.*?)\n\t\t\},", text, re.S):
            sender, receiver = re.search(SENDER, block), re.search(RECEIVER, block)
            if sender and receiver:
                yield re.search(r'"([^"]+)"', block)[1], sender, receiver, re.search(LIMITS, block).groups()

    def ten_thousand(self, file, test):
        """Tests of 10,000 items a second."""
        text = self.function(file, test)
        return [Case("%s/%s" % (test, name), *rest, processors=processors(text)) for name, *rest in self.table(text)]

    def batched(self, test, leave_out=None):
        """Tests of batching, but those with `batcher`, a key that the Collector has no more. `leave_out`: a line of a processor."""
        text, made = self.function("batcher_test.go", test), []
        queue, retry = option(text, "Queue"), option(text, "Retry")
        batch = re.search(r"Sprintf\(`(\n  batch:.*?)`", text, re.S)[1]
        first, names = text.index("tests :="), dict(processors(text[:text.index("tests :=")]))
        for block in re.findall(r"\n\t\t\{\n(.*?)\n\t\t\},", text[first:], re.S):
            if "withExporterBatcher" in block:
                continue
            found = list(names.items())
            if leave_out:
                found = [(name, re.sub(r"\n[^\n]*%s[^\n]*" % leave_out, "", body)) for name, body in found]
            if "withBatchProcessor" in block:
                found.insert(0, ("batch", batch % int(re.search(r"batchSize:\s*(\d+)", block)[1])))
            made.append(Case("%s/%s" % (test, re.search(r'name:\s*"([^"]+)"', block)[1]), re.search(SENDER, text), re.search(RECEIVER, text),
                             re.search(LIMITS, block).groups(), processors=found, per_batch=10, parallel=10,
                             options={"Retry": retry, **({"Queue": queue} if "withQueue" in block else {})}))
        return made

    def with_attributes(self):
        """1,000 spans a second of four sizes."""
        text, scenario = self.function("trace_test.go", "TestTrace1kSPSWithAttrs"), self.function("scenarios.go", "Scenario1kSPSWithAttrs")
        numbers = re.findall(r"attrCount:\s*(\d+),\s*attrSizeByte:\s*(\d+),\s*expectedMaxCPU:\s*(\d+),\s*expectedMaxRAM:\s*(\d+)", text)
        return [Case("TestTrace1kSPSWithAttrs/%s*%sbytes" % (count, size), re.search(SENDER, scenario), re.search(RECEIVER, scenario), limits,
                     per_batch=10, rate=1000, attributes=attributes(int(count), int(size))) for count, size, *limits in numbers]

    def no_backend(self):
        text = self.function("trace_test.go", "TestTraceNoBackend10kSPS")
        cpu, limiter = re.search(r"ExpectedMaxCPU: (\d+)", text)[1], processors(text)
        for name, ram in re.findall(r'Name:\s*"(\w+)",\s*Processor:.*?ExpectedMaxRAM:\s*(\d+)', text, re.S):
            yield Case("TestTraceNoBackend10kSPS/" + name, re.search(SENDER, text), re.search(RECEIVER, text), (cpu, ram), per_batch=10,
                       processors=limiter if name == "MemoryLimit" else [])

    def from_file(self):
        text = self.function("metric_test.go", "TestMetricsFromFile")
        return Case("TestMetricsFromFile", re.search(SENDER, text), re.search(RECEIVER, text), re.search(LIMITS, text).groups(), rate=1000)

    def idle(self):
        text = self.function("e2e_test.go", "TestIdleMode")
        return Case("TestIdleMode", re.search(SENDER, text), re.search(RECEIVER, text), re.search(LIMITS, text).groups(), rate=0)

    def attributes_processor(self):
        text = self.function("trace_test.go", "TestTraceAttributesProcessor")
        return Case("TestTraceAttributesProcessor", re.search(SENDER, text), re.search(RECEIVER, text), (0, 0), processors=processors(text))

    def resource_processor(self):
        text = self.function("resource_processor_test.go", "TestMetricResourceProcessor")
        tables = self.function("resource_processor_test.go", "getResourceProcessorTestCases")
        for name, body in re.findall(r'name: "(\w+)",\s*resourceProcessorConfig: `(.*?)`', tables, re.S):
            yield Case("TestMetricResourceProcessor/" + name, re.search(SENDER, text), re.search(RECEIVER, text), (0, 0),
                       processors=[("resource", body)])

    def sending_queues(self):
        text = self.function("log_test.go", "TestLogOtlpSendingQueue")
        receivers = re.split(r"\n\n", text)
        for name, part in re.findall(r't\.Run\("OTLP-(sending-queue-[a-z-]+)".*?otlpreceiver(\d+),', text, re.S):
            own = next(p for p in receivers if "otlpreceiver%s :=" % part in p) if part != "10" else text[:text.index("t.Run")]
            yield Case("TestLogOtlpSendingQueue/" + name, re.search(SENDER, text), re.search(RECEIVER, text), re.search(LIMITS, text).groups(),
                       options={"Retry": option(text, "Retry"), "Queue": option(own, "Queue")}, per_batch=10, rate=100)

    def memory_limiter(self):
        text = self.function("log_test.go", "TestMemoryLimiterHit")
        options = {name: option(text, name) for name in ("Retry", "Queue", "Timeout")}
        options["Retry"] = re.search(r"otlpreceiver\.WithRetry\(`(.*?)`", text, re.S)[1]
        return Case("TestMemoryLimiterHit", re.search(SENDER, text), re.search(RECEIVER, text), (0, 0), options=options, per_batch=1000,
                    rate=100_000, processors=processors(text))


def option(text, name):
    return re.search(r"\.With%s\(`(.*?)`" % name, text, re.S)[1]


def processors(text):
    return re.findall(r'Name:\s+"(\w+)",\s+Body: `(.*?)`', text, re.S)


def source():
    """None: the module cannot be had, and `skipped: …` was printed."""
    def make(work):
        go_peer.go(work, "mod", "download", "%s@%s" % (MODULE, VERSION))
        cache = subprocess.run(["go", "env", "GOMODCACHE"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        origin = os.path.join(cache, "%s@%s" % (MODULE, VERSION))
        for name in FILES:
            os.makedirs(os.path.dirname(os.path.join(work, "suite", name)), exist_ok=True)
            with open(os.path.join(origin, name), "rb") as read, open(os.path.join(work, "suite", name), "wb") as write:
                write.write(read.read())
        return work + "/suite"

    folder = os.path.join(go_peer.CACHE, "testbed-" + VERSION[1:])
    return Source(folder) if go_peer.once(folder, make) else None


# ---- What its load generator makes ---------------------------------------------------------------------------

ANY = {"stringValue": (1, "text"), "boolValue": (2, "number"), "intValue": (3, "number"), "doubleValue": (4, "double")}
PAIR = {"key": (1, "text"), "value": (2, ANY)}
RESOURCE = {"attributes": (1, PAIR)}
SPAN = {"traceId": (1, "hex"), "spanId": (2, "hex"), "name": (5, "text"), "kind": (6, "number"), "startTimeUnixNano": (7, "fixed64"),
        "endTimeUnixNano": (8, "fixed64"), "attributes": (9, PAIR)}
POINT = {"startTimeUnixNano": (2, "fixed64"), "timeUnixNano": (3, "fixed64"), "asInt": (6, "fixed64"), "attributes": (7, PAIR)}
METRIC = {"name": (1, "text"), "description": (2, "text"), "unit": (3, "text"), "gauge": (5, {"dataPoints": (1, POINT)})}
RECORD = {"timeUnixNano": (1, "fixed64"), "severityNumber": (2, "number"), "severityText": (3, "text"), "body": (5, ANY), "attributes": (6, PAIR),
          "flags": (8, "fixed32")}
REQUEST = {"resourceSpans": (1, {"resource": (1, RESOURCE), "scopeSpans": (2, {"scope": (1, {}), "spans": (2, SPAN)})}),
           "resourceMetrics": (1, {"resource": (1, RESOURCE), "scopeMetrics": (2, {"scope": (1, {}), "metrics": (2, METRIC)})}),
           "resourceLogs": (1, {"resource": (1, RESOURCE), "scopeLogs": (2, {"scope": (1, {}), "logRecords": (2, RECORD)})})}
NOW_NS = 1_764_000_000_000_000_000


def encode(message, table=None):
    """The protobuf of a message of OTLP/JSON."""
    out = []
    for key, values in message.items():
        number, kind = (table or REQUEST)[key]
        for value in values if isinstance(values, list) else [values]:
            if isinstance(kind, dict):
                out.append(wire.field(number, encode(value, kind) if value else b""))
            elif kind in ("text", "hex"):
                out.append(wire.field(number, value.encode() if kind == "text" else bytes.fromhex(value)))
            elif kind == "number":
                out.append(wire.number_field(number, int(value)))
            elif kind == "double":
                out.append(wire.double(number, value))
            elif kind == "fixed64":
                out.append(wire.fixed64(number, int(value)))
            else:
                out.append(wire.varint(number << 3 | 5) + struct.pack("<I", int(value)))
    return b"".join(out)


def pair(key, value):
    kind = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def pairs(values):
    return [pair(key, value) for key, value in values.items()]


def attributes(count, size):
    """`count` attributes of random names and texts, these of `size` bytes on average."""
    source_ = random.Random(1)

    def text(most):
        return "".join(chr(source_.randrange(128)) for _ in range(source_.randrange(most) + 1))
    return {text(199): text(2 * size - 1) for _ in range(count)}


def spans(count, more):
    made = [{"traceId": "%032x" % 1, "spanId": "%016x" % (i + 1), "name": "load-generator-span%d" % (i + 1001), "kind": 3,
             "startTimeUnixNano": str(NOW_NS + i * 10**9), "endTimeUnixNano": str(NOW_NS + i * 10**9 + 10**6),
             "attributes": pairs({"load_generator.span_seq_num": i + 1, "load_generator.trace_seq_num": 1, **more})} for i in range(count)]
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": made}]}]}


def metrics(count, _more):
    """Seven points a metric, as there: "10,000 a second" are metrics. The time is ours: points without one are refused here."""
    made = [{"name": "load_generator_%d" % i, "description": "Load Generator Counter #%d" % i, "unit": "1", "gauge": {"dataPoints": [
        {"startTimeUnixNano": str(NOW_NS), "timeUnixNano": str(NOW_NS), "asInt": str(7 * i + j + 1),
         "attributes": pairs({"item_index": "item_%d" % j, "batch_index": "batch_%d" % (i + 1)})} for j in range(7)]}} for i in range(count)]
    return {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"scope": {}, "metrics": made}]}]}


def log_record(i, batch, item):
    return {"timeUnixNano": str(NOW_NS), "severityNumber": 11, "severityText": "INFO3", "body": {"stringValue": "Load Generator Counter #%d" % i},
            "attributes": pairs({"batch_index": "batch_%s" % batch, "item_index": "item_%s" % item, "a": "test", "b": 5.0, "c": 3, "d": True}),
            "flags": 1}


def logs(count, _more):
    made = [log_record(i, 1, i + 1) for i in range(count)]
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": made}]}]}


def request(case):
    """A request of a case, as OTLP/JSON, and how many items it has."""
    made = {"traces": spans, "metrics": metrics, "logs": logs}[case.signal](case.per_batch, case.attributes)
    return made, case.per_batch * (7 if case.signal == "metrics" else 1)
