#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP under load, against a real client that keeps its connections: nothing is lost, nobody is refused a connection,
statistics and files go on, a bad configuration changes nothing, a changed port moves, and one that cannot be had is given up.

    AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/reload.py
"""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import collector
from free_ports import free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.realpath(os.environ.get("AIMON_BIN", os.path.join(ROOT, "build/debug/bin/otelcol-aimon")))
SENDERS = 4
RELOADS = 5

CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
connectors: {{drift: {{presets: [ml], window: {{time: arrival}}, metrics_flush_interval: 1s}}}}
exporters:
  prometheus: {{endpoint: "127.0.0.1:{page}"}}
  debug: {{verbosity: normal, sampling_initial: 1000000, use_internal_logger: false, output_paths: [spans.txt]}}
  file: {{path: spans.json, flush_interval: 50ms}}
service:
  telemetry: {{logs: {{output_paths: [stderr, own.log]}}, metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug, file, drift]}}
    metrics: {{receivers: [drift], exporters: [prometheus]}}
"""


def span(name):
    now = time.time_ns()
    return json.dumps({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "scorer"}}]},
        "scopeSpans": [{"spans": [{
            "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": name,
            "startTimeUnixNano": str(now), "endTimeUnixNano": str(now),
            "attributes": [{"key": "ml.feature.age", "value": {"doubleValue": 30.5}}]}]}]}]})


class Sender(threading.Thread):
    """One client: a span a request on one connection; what has no answer is sent again."""

    def __init__(self, number, port):
        super().__init__(daemon=True)
        self.number, self.port = number, port
        self.sent, self.refused, self.repeated = [], 0, 0
        self.stop = threading.Event()

    def send(self, connection, name):
        connection.request("POST", "/v1/traces", span(name), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200

    def run(self):
        connection = None
        while not self.stop.is_set():
            name = f"s{self.number}-{len(self.sent):06d}"
            done = False
            while not done:
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                    done = self.send(connection, name)
                except ConnectionRefusedError:
                    self.refused += 1
                except (OSError, http.client.HTTPException):
                    pass
                if not done:
                    self.repeated += 1
                    connection = None
            self.sent.append(name)


class Service:
    def __init__(self, folder, http_port, page):
        self.folder, self.page = folder, page
        self.log = os.path.join(folder, "run.log")
        self.write(CONFIG.format(http=http_port, page=page))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([BIN, "--config", "live.yaml"], cwd=folder, stderr=log,
                                            stdout=subprocess.DEVNULL)

    def write(self, text):
        with open(os.path.join(self.folder, "live.yaml"), "w") as file:
            file.write(text)

    def logged(self, text):
        with open(self.log) as file:
            return file.read().count(text)

    def reload(self, text, times):
        self.process.send_signal(signal.SIGHUP)
        self.wait(text, times)

    def wait(self, text, times):
        for _ in range(200):
            if self.logged(text) >= times:
                return
            time.sleep(0.1)
        fail(f"not logged: {text}")

    def records(self):
        page = http.client.HTTPConnection("127.0.0.1", self.page, timeout=10)
        page.request("GET", "/metrics")
        found = re.search(r"^ml_inference_records_total\{[^\n]*\} ([0-9.e+]+)$", page.getresponse().read().decode(), re.M)
        return int(float(found.group(1))) if found else 0

    def lines(self):
        with open(os.path.join(self.folder, "spans.txt")) as file:
            return re.findall(r"^(s[0-9]-[0-9]{6}) ", file.read(), re.M)

    def written(self):
        with open(os.path.join(self.folder, "spans.json")) as file:
            return re.findall(r'"name":"(s[0-9]-[0-9]{6})"', file.read())


def fail(text):
    raise SystemExit(f"FAILED: {text}")


def answers(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/v1/traces", "{}", {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False


READY = "Everything is ready. Begin running and processing data."


def under_load(service, http_port):
    senders = [Sender(i, http_port) for i in range(SENDERS)]
    for sender in senders:
        sender.start()
    for i in range(RELOADS):
        time.sleep(0.4)
        service.reload(READY, 2 + i)
    # A bad one changes nothing.
    good = CONFIG.format(http=http_port, page=service.page)
    service.write("receivers: {nosuch: }\n")
    service.reload("Reload failed, the running configuration stays", 1)
    before = sum(len(sender.sent) for sender in senders)
    time.sleep(0.4)
    service.write(good)
    for sender in senders:
        sender.stop.set()
    for sender in senders:
        sender.join(30)
    sent = [name for sender in senders for name in sender.sent]
    lines = service.lines()
    if len(sent) <= before:
        fail("nothing was taken after the bad configuration")
    if set(sent) - set(lines):
        fail(f"{len(set(sent) - set(lines))} of {len(sent)} spans are lost")
    if any(sender.refused for sender in senders):
        fail(f"connections refused: {[sender.refused for sender in senders]}")
    for _ in range(50):
        if service.records() == len(lines):
            break
        time.sleep(0.2)
    else:
        fail(f"the statistics count {service.records()} records, {len(lines)} came")
    repeated = sum(sender.repeated for sender in senders)
    print(f"{len(sent)} spans through {RELOADS} reloads, {repeated} requests sent again, none lost")


def moving(service, http_port, other_port):
    service.write(CONFIG.format(http=other_port, page=service.page))
    service.reload(READY, RELOADS + 2)
    if not answers(other_port):
        fail("nobody at the new port")
    if answers(http_port):
        fail("somebody still at the old port")
    # One that somebody else has: back to the former configuration.
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", http_port))
        holder.listen()
        service.write(CONFIG.format(http=http_port, page=service.page))
        service.reload("Reload failed, going back to the former configuration", 1)
        service.wait(READY, RELOADS + 3)
    if not answers(other_port):
        fail("nobody at the former port after a reload that failed")
    print("a changed port moves, one in use is given up")


def files_go_on(service):
    """Over every reload so far, the one that went back among them."""
    lines = set(service.lines())
    if not collector.wait_for(lambda: set(service.written()) == lines):
        fail(f"{len(lines - set(service.written()))} of {len(lines)} spans are not in the file")
    print("the file goes on")


def rotation(service):
    own = os.path.join(service.folder, "own.log")
    os.rename(own, own + ".1")
    service.reload(READY, service.logged(READY) + 1)
    if not os.path.exists(own):
        fail("a log file that was moved away is not made again")
    print("the log's files are opened again")


def main():
    http_port, page, other_port = free_ports(3)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(folder, http_port, page)
        try:
            service.wait(READY, 1)
            under_load(service, http_port)
            moving(service, http_port, other_port)
            files_go_on(service)
            rotation(service)
            service.process.send_signal(signal.SIGTERM)
            if service.process.wait(10) != 0:
                fail(f"exit code {service.process.returncode}")
        except BaseException:
            sys.stdout.write(open(service.log).read()[-4000:])
            raise
        finally:
            service.process.kill()
    print("4 passed")


main()
