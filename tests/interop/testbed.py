#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Collector's testbed: its configurations word for word, its load, and its limits of CPU and memory, for every test of it that needs
no other receiver or exporter than OTLP. The load comes from h2load, paced; the backend is the real Collector, which counts what arrives.
CPU is what the process used, not how long it took, so that tests can run beside each other.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/testbed.py
"""

import concurrent.futures
import contextlib
import gzip
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import collector
from free_ports import free_port, free_ports
import testbed_suite as suite
import wire

try:
    import grpc
    import yaml
except ImportError as error:
    print("skipped: %s is not installed" % {"grpc": "python3-grpcio", "yaml": "python3-yaml"}[error.name])
    sys.exit(0)

SECONDS, TOGETHER = 12, 5  # of load; there 15, one test after another
STOP_S = 10  # after SIGTERM; there the process is killed then
WINDOW_S = 3  # over which the CPU is measured, as there
ITEMS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
SOFT_LIMIT, QUEUE_FULL = "Memory usage is above soft limit. Refusing data.", "sending queue is full"
results, rows = [], []


def check(ok, text):
    results.append(bool(ok) or text)
    return ok


def wait(name, condition, seconds, what):
    return check(collector.wait_for(condition, seconds), "%s: waited %d s until %s" % (name, seconds, what))


def page_of(port):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=20) as page:
        return page.read().decode()


def counted(page, name, label=""):
    return sum(float(m[1]) for m in re.finditer(r"^%s(?:_total)?\{[^}]*%s[^}]*\} ([0-9.e+]+)$" % (name, re.escape(label)), page, re.M))


# ---- The program and its backends ------------------------------------------------------------------------------


class Agent:
    """The program with a configuration of the testbed, as it is; a second one says at which ports it tells about itself, since several
    run."""

    def __init__(self, case, config, work):
        self.name, self.signal = case.name, case.signal
        self.metrics, profiles = free_ports(2)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=work, delete=False, encoding="utf-8") as f:
            f.write(config)
        more = {"extensions": {"pprof": {"endpoint": "localhost:%d" % profiles}},
                "service": {"telemetry": {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.metrics}}}}]}}}}
        self.log = f.name + ".log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([collector.BIN, "--config", f.name, "--config", "yaml:" + json.dumps(more)], stdout=log, stderr=log)
        try:
            collector.wait_ready(self.process, self.log)
        except RuntimeError:
            self.process.kill()
            raise
        self.ram, self.windows, self.begin, self.over = 0, [], self.cpu_s(), threading.Event()
        self.watching = threading.Thread(target=self.watch)
        self.watching.start()

    def cpu_s(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def watch(self):
        then, used = time.monotonic(), self.begin
        while not self.over.wait(0.25):
            with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as f:
                self.ram = max(self.ram, int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
            if time.monotonic() - then >= WINDOW_S:
                now, cpu = time.monotonic(), self.cpu_s()
                self.windows.append((cpu - used) / (now - then) * 100)
                then, used = now, cpu

    def items(self, outcome):
        return counted(page_of(self.metrics), "otelcol_receiver_%s_%s" % (outcome, ITEMS[self.signal]))

    def says(self, text):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return text in f.read()

    def used(self, case, items, seconds):
        """The row of the table, and the limits; `seconds` are those that the load takes at its pace."""
        average = (self.cpu_s() - self.begin) / seconds * 100
        highest = max([average, *self.windows])
        rows.append((self.name, items, average, highest, case.cpu, self.ram, case.ram))
        check(not case.cpu or highest <= case.cpu, "%s: %.1f %% of a core, allowed are %d" % (self.name, highest, case.cpu))
        check(not case.ram or self.ram <= case.ram, "%s: %.1f MiB, allowed are %d" % (self.name, self.ram, case.ram))

    def stop(self):
        self.over.set()
        self.watching.join()
        began = time.monotonic()
        self.process.terminate()
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "nothing, and was killed"
            self.process.wait()
        check(status == 0, "%s: ended %.1f s after SIGTERM with %s" % (self.name, time.monotonic() - began, status))


@contextlib.contextmanager
def agent(case, config, work):
    running = Agent(case, config, work)
    try:
        yield running
    finally:
        running.stop()


class Backend:
    """The real Collector, as in the testbed: a receiver for each case. What comes for `recorded` goes to a file."""

    def __init__(self, cases, recorded, work):
        self.file = work + "/received.jsonl"
        self.metrics, *ports = free_ports(1 + len(cases))
        self.port = dict(zip((case.name for case in cases), ports))
        receivers, pipelines = {}, {}
        for i, case in enumerate(cases):
            receivers["otlp/%d" % i] = {"protocols": {case.exporter: {"endpoint": "127.0.0.1:%d" % self.port[case.name]}}}
            exporter = "file" if case in recorded else "nop"
            pipelines.setdefault("%s/%s" % (case.signal, exporter), {"receivers": [], "exporters": [exporter]})["receivers"].append("otlp/%d" % i)
        self.receiver = {case.name: 'receiver="otlp/%d"' % i for i, case in enumerate(cases)}
        readers = [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.metrics}}}}]
        self.config = {"receivers": receivers, "exporters": {"nop": None, "file": {"path": self.file, "flush_interval": "100ms"}},
                       "service": {"telemetry": {"metrics": {"readers": readers}}, "pipelines": pipelines}}

    def items(self, case):
        return counted(page_of(self.metrics), "otelcol_receiver_accepted_" + ITEMS[case.signal], self.receiver[case.name])


class Refusing(grpc.GenericRpcHandler):
    """A backend that is unavailable until it is told otherwise, and remembers what it refused and what it took."""

    def __init__(self):
        self.refuse, self.refused, self.taken, self.lock = True, set(), [], threading.Lock()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(24), [self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, _details):
        def answer(request, context):
            with self.lock:
                refuse = self.refuse
                if refuse:
                    self.refused.update(re.findall(rb"item_(\d+)", request))
                else:
                    self.taken += re.findall(rb"item_(\d+)", request)
            if refuse:
                context.abort(grpc.StatusCode.UNAVAILABLE, "non permanent error")
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)


# ---- Load ------------------------------------------------------------------------------------------------------


def method(signal):
    return "/opentelemetry.proto.collector.%s/Export" % wire.SERVICES[signal]


def replay(case, body, port, requests):
    """Sends the same bytes, so many requests a second; what they become is told by counters."""
    target, pace = "http://127.0.0.1:%d" % port, case.rate / case.per_batch
    how = ["-m%d" % case.parallel, "-w24", "-W24", "-Hcontent-type: application/grpc", "-Hte: trailers", target + method(case.signal)]
    if case.sender == "grpc":
        how[3:3] = ["-Hgrpc-encoding: " + case.send_compression]
    else:
        how = ["--h1", "-Hcontent-type: " + ("application/json" if case.json else "application/x-protobuf"), target + "/v1/" + case.signal]
        how[1:1] = ["-Hcontent-encoding: " + case.send_compression] if case.send_compression != "none" else []
    done = subprocess.run(["h2load", "-t1", "-c1", "-n%d" % requests, "--rps=%d" % pace, "-d" + body, *how], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
    check("%d succeeded" % requests in done.stdout, "%s: h2load: %s" % (case.name, done.stdout[-600:]))


def body_of(case, message, work):
    """A file with the bytes of a request, compressed as the case says."""
    data = json.dumps(message).encode() if case.json else suite.encode(message)
    if case.send_compression == "gzip":
        data = gzip.compress(data)
    elif case.send_compression == "zstd":
        data = subprocess.run(["zstd", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout
    if case.sender == "grpc":
        data = struct.pack(">BI", case.send_compression != "none", len(data)) + data
    with tempfile.NamedTemporaryFile(dir=work, delete=False) as f:
        f.write(data)
    return f.name


class Sender:
    """Sends requests over gRPC, each with its own items, and sends again what is refused for now, as the testbed's load generator does."""

    def __init__(self, case, port):
        self.case, self.sent, self.tried_again, self.over, self.codes = case, 0, 0, threading.Event(), set()
        self.channel = grpc.insecure_channel("127.0.0.1:%d" % port)
        self.call = self.channel.unary_unary(method(case.signal))
        record = [suite.log_record(i, "B" * 8, "I" * 8) for i in range(case.per_batch)]
        made = suite.encode({"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": record}]}]})
        self.parts = made.split(b"I" * 8)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        began, batch = time.monotonic(), 0
        while not self.over.wait(max(0, began + batch * self.case.per_batch / self.case.rate - time.monotonic())):
            numbers = [b"%08d" % (self.sent + i) for i in range(self.case.per_batch)]
            request = b"".join(a + b for a, b in zip(self.parts, numbers)) + self.parts[-1]
            batch += 1
            self.sent += self.case.per_batch
            self.send(request.replace(b"B" * 8, b"%08d" % batch))

    def send(self, request):
        """One that was begun is sent to its end."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.call(request, timeout=20)
                return
            except grpc.RpcError as error:
                self.codes.add(error.code())
                self.tried_again += 1
                time.sleep(0.05)
        check(False, "%s: a request was refused for 60 s" % self.case.name)

    def stop(self):
        self.over.set()
        self.thread.join()

    def close(self):
        self.stop()
        self.channel.close()


# ---- Scenarios -------------------------------------------------------------------------------------------------


def load(case, source, backend, work):
    """10,000 or 1,000 items a second: as many arrive as were sent."""
    message, items = (source.file_request, source.file_items) if case.name == "TestMetricsFromFile" else suite.request(case)
    if case.name == "TestMetricsFromFile":
        case.per_batch = items
    port, body = free_port(), body_of(case, message, work)
    requests = SECONDS * case.rate // case.per_batch
    with agent(case, source.configuration(case, port, backend.port[case.name], work), work) as program:
        replay(case, body, port, requests)
        sent, offered, end = requests * items, requests, time.monotonic() + 120
        while time.monotonic() < end:  # a queue of ten requests may be full for a moment: as there, what was refused is sent again
            left = requests - int(program.items("accepted")) // items
            if not 0 < left < requests:
                break
            time.sleep(0.2)
            replay(case, body, port, left)
            offered += left
        wait(case.name, lambda: backend.items(case) >= sent, 60, "%d items came, %d did" % (sent, backend.items(case)))
        program.used(case, sent, SECONDS)
        check(program.items("accepted") == sent == backend.items(case),
              "%s: sent %d, accepted %d, came %d" % (case.name, sent, program.items("accepted"), backend.items(case)))
        refused = program.items("refused") + program.items("failed")
        check(sent + refused == offered * items, "%s: offered %d, refused %d" % (case.name, offered * items, refused))


def no_backend(case, source, _backend, work):
    """Nobody is there to send to: what the queue does not hold is refused, and memory stays."""
    (port, nobody), (message, items) = free_ports(2), suite.request(case)
    body, requests = body_of(case, message, work), SECONDS * case.rate // case.per_batch
    with agent(case, source.configuration(case, port, nobody, work), work) as program:
        replay(case, body, port, requests)
        program.used(case, requests * items, SECONDS)
        outcomes = [int(program.items(outcome)) for outcome in ("accepted", "refused", "failed")]
        check(sum(outcomes) == requests * items, "%s: sent %d: accepted, refused, failed %s" % (case.name, requests * items, outcomes))
        check(min(outcomes[0], outcomes[1] + outcomes[2]) > 0, "%s: accepted, refused, failed %s" % (case.name, outcomes))


def idle(case, source, _backend, work):
    port, nobody = free_ports(2)
    with agent(case, source.configuration(case, port, nobody, work), work) as program:
        time.sleep(SECONDS)
        program.used(case, 0, SECONDS)


def queue(case, source, _backend, work):
    """A backend that is unavailable for a while, before a queue of ten and one of a hundred requests."""
    full, target, port = case.name.endswith("-full") and "-not-" not in case.name, Refusing(), free_port()
    with agent(case, source.configuration(case, port, target.port, work), work) as program:
        target.refuse = full
        sender = Sender(case, port)
        try:
            if full:
                wait(case.name, lambda: program.says(QUEUE_FULL), 10, "it said: " + QUEUE_FULL)
                wait(case.name, lambda: sender.tried_again, 10, "it refused")
                check(not target.taken, "%s: %d came" % (case.name, len(target.taken)))
                target.refuse = False
                wait(case.name, lambda: target.taken, 10, "data came")
                wait(case.name, lambda: target.refused <= set(target.taken), 10, "what the backend had refused came")
            else:
                time.sleep(10)
        finally:
            sender.close()
        all_came(case, sender, target)
        check(full or not program.says(QUEUE_FULL) and not sender.tried_again, "%s: it said: %s" % (case.name, QUEUE_FULL))
        program.used(case, sender.sent, sender.sent / case.rate)
    target.server.stop(0)


def all_came(case, sender, target):
    """Each item once."""
    wait(case.name, lambda: len(target.taken) >= sender.sent, 60, "all %d items came, %d did" % (sender.sent, len(target.taken)))
    check(len(target.taken) == sender.sent == len(set(target.taken)) and target.refused <= set(target.taken),
          "%s: sent %d, came %d, of them different %d" % (case.name, sender.sent, len(target.taken), len(set(target.taken))))


def memory_limiter(case, source, _backend, work):
    """100,000 log records a second and nobody who takes them, until the limiter says so; then all that was sent comes."""
    target, port = Refusing(), free_port()
    hard = int(re.search(r"\n +limit_mib: (\d+)", case.processors[0][1])[1])
    with agent(case, source.configuration(case, port, target.port, work), work) as program:
        sender = Sender(case, port)
        try:
            wait(case.name, lambda: program.says(SOFT_LIMIT), 100, "it said: " + SOFT_LIMIT)
            wait(case.name, lambda: sender.tried_again > 20, 10, "it refused")
            check(program.items("refused") >= 20 * case.per_batch, "%s: it counts %d refused" % (case.name, program.items("refused")))
            check(sender.codes == {grpc.StatusCode.UNAVAILABLE}, "%s: refused with %s" % (case.name, sender.codes))
            target.refuse = False
            wait(case.name, lambda: target.taken, 100, "data came")
        finally:
            sender.close()
        all_came(case, sender, target)
        program.used(case, sender.sent, sender.sent / case.rate)
        check(program.ram < hard, "%s: %.0f MiB" % (case.name, program.ram))
    target.server.stop(0)


def processors_do(case, source, backend, work):
    """Single items through a processor; what came out is read at the end."""
    port = free_port()
    with agent(case, source.configuration(case, port, backend.port[case.name], work), work) as program:
        with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
            for message in case.messages:
                channel.unary_unary(method(case.signal))(suite.encode(message), timeout=10)
        wait(case.name, lambda: backend.items(case) == len(case.messages), 10, "all came")
        check(program.items("accepted") == len(case.messages), case.name)


def single_items(cases):
    """Gives the cases what the testbed sends in its tests of processors; what must come, {(service, item's name): attributes}."""
    expected, named = {}, {case.name.split("/")[-1]: case for case in cases}
    spans = {("service-to-add-attr", "span-to-add-attr"): {"new_attr": "string value"}, ("service-not-to-add-attr", "span-to-add-attr"): {},
             ("service-to-add-attr", "span-not-to-add-attr"): {}}
    named["TestTraceAttributesProcessor"].messages = [{"resourceSpans": [{
        "resource": {"attributes": suite.pairs({"service.name": service})},
        "scopeSpans": [{"scope": {}, "spans": [{"traceId": "%032x" % 1, "spanId": "%016x" % 1, "name": name}]}]}]} for service, name in spans]
    for (service, name), added in spans.items():
        expected[service, name] = {"span": added}
    resources = {"update_and_rename_existing_attributes": ({"opencensus.resourcetype": "host", "label-key": "label-value"},
                                                           {"label-key": "new-label-value", "resource-type": "host"}),
                 "set_attribute_on_empty_resource": ({}, {"additional-label-key": "additional-label-value"})}
    for name, (before, after) in resources.items():
        metric = {"name": name, "description": "metric-description", "unit": "metric-unit", "gauge": {"dataPoints": [
            {"asInt": "0", "timeUnixNano": str(suite.NOW_NS)}]}}
        named[name].messages = [{"resourceMetrics": [{"resource": {"attributes": suite.pairs(before)}, "scopeMetrics": [
            {"scope": {}, "metrics": [metric]}]}]}]
        expected[None, name] = {"resource": after}
    check(all(case.messages for case in cases), "the testbed has other tests of processors: %s" % [case.name for case in cases])
    return expected


def check_single_items(expected, file):
    def values(of):
        return {p["key"]: p["value"]["stringValue"] for p in of.get("attributes", [])}
    found = {}
    for line in collector.items(file):
        resource, _, item, *_ = json.loads(line)
        if "traceId" in item:
            found[values(resource)["service.name"], item["name"]] = {"span": values(item)}
        else:
            found[None, item["name"]] = {"resource": values(resource)}
    check(found == expected, "processors made %s, not %s" % (found, expected))


# ---- All of them -----------------------------------------------------------------------------------------------


def refused_by_name(source, work):
    """What is not here is said by name: the extraction of patterns, in one processor of the testbed."""
    case = source.batched("TestLog10kDPSWithProcessors")[0]
    with open(work + "/refused.yaml", "w", encoding="utf-8") as f:
        f.write(source.configuration(case, 1, 2, work))
    done = subprocess.run([collector.BIN, "validate", "--config", f.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == 1 and 'undefined function "ExtractPatterns"' in done.stdout, "ExtractPatterns: %s" % done.stdout)


def scenarios(source):
    """[(what runs it, case)], what takes longest first. JSON is what no test of the testbed sends: no limit of CPU is said for it."""
    loads = source.ten_thousand("trace_test.go", "TestTrace10kSPS") + source.ten_thousand("metric_test.go", "TestMetric10kDPS")
    loads += source.ten_thousand("log_test.go", "TestLog10kDPS") + source.batched("TestLog10kDPSNoProcessors")
    loads += source.batched("TestLog10kDPSWithProcessors", "ExtractPatterns") + source.with_attributes() + [source.from_file()]
    in_json = [case for case in loads if case.sender == "http" and case.send_compression == "none"]
    for case in source.ten_thousand("trace_test.go", "TestTrace10kSPS") + source.ten_thousand("log_test.go", "TestLog10kDPS"):
        if case.sender == "http" and case.send_compression == "none":
            case.json, case.name, case.cpu = True, case.name + ", JSON (ours)", 0
            loads.append(case)
    check(len(loads) == 24 and len(in_json) == 3, "the testbed has other tests: %s" % [case.name for case in loads])
    queues, nobody, resources = list(source.sending_queues()), list(source.no_backend()), list(source.resource_processor())
    check([len(queues), len(nobody), len(resources)] == [2, 2, 2], "the testbed has other tests: %s" % [
        case.name for case in queues + nobody + resources])
    made = [(memory_limiter, source.memory_limiter())] + [(queue, case) for case in queues]
    made += [(load, case) for case in loads] + [(no_backend, case) for case in nobody] + [(idle, source.idle())]
    single = [source.attributes_processor(), *resources]
    return made + [(processors_do, case) for case in single], single


def main():
    missing = [program for program in ("h2load", "zstd") if not shutil.which(program)]
    if missing:
        print("skipped: %s is not installed" % missing[0])
        return 0
    source = suite.source()
    if not source or not collector.build():
        return 0
    source.file_request = yaml.safe_load(source.text["k8s-metrics.yaml"])
    source.file_items = source.text["k8s-metrics.yaml"].count("asInt")
    with tempfile.TemporaryDirectory() as work:
        refused_by_name(source, work)
        all_of_them, single = scenarios(source)
        expected, backend = single_items(single), Backend([case for _, case in all_of_them], single, work)
        with collector.running(collector.COLLECTOR, backend.config, work + "/backend.log"), concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
            for _ in pool.map(lambda one: one[0](one[1], source, backend, work), all_of_them):
                pass
            collector.wait_for(lambda: len(collector.items(backend.file)) >= len(expected), 10)
            check_single_items(expected, backend.file)
    print("| test | items | CPU, average | CPU, highest %d s | allowed | memory | allowed |\n|---|---|---|---|---|---|---|" % WINDOW_S)
    order = [case.name for _, case in all_of_them]
    for name, items, average, highest, cpu, ram, most in sorted(rows, key=lambda row: order.index(row[0])):
        print("| %s | %s | %.1f %% | %.1f %% | %s | %.0f MiB | %s |" % (name, format(items, ","), average, highest, "%d %%" % cpu if cpu else "", ram,
                                                               "%d MiB" % most if most else ""))
    failures = [text for text in results if text is not True]
    for failure in failures[:30]:
        print("FAILED:", failure)
    print("%d passed, %d failed (%d tests of the testbed)" % (len(results) - len(failures), len(failures), len(all_of_them)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
