# SPDX-License-Identifier: Apache-2.0
"""The sidecar as a program under test, and as the sink behind every program that forwards."""

import json
import os
import subprocess
import tempfile
import time

import e2e
from peers import load, pipelines
from peers.program import ITEMS, Program, configured, size_of

NAME = "otelcol-aimon"
LEARN_ITEMS = 6000


class Sidecar:
    name = NAME

    def __init__(self, options, name=NAME):
        self.binary, self.malloc_count, self.name = options.binary, options.malloc_count, name

    def prepare(self):
        pass

    def version(self):
        told = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        commit = subprocess.run(["git", "-C", os.path.dirname(os.path.abspath(__file__)), "describe", "--always", "--dirty"],
                                capture_output=True, text=True, check=False).stdout.strip()
        return told.rsplit(" ", 1)[-1] + (f", commit {commit}" if commit else "")

    def sizes(self):
        return size_of(self.binary)

    def start(self, setup, where, counted=False):
        grpc, http, metrics = e2e.free_port(), e2e.free_port(), e2e.free_port()
        env = {}
        if counted:
            descriptor, report = tempfile.mkstemp(dir=where.folder)
            os.close(descriptor)
            env = {"LD_PRELOAD": os.path.abspath(self.malloc_count), "MALLOC_COUNT_FILE": report}
        path = configured(where.folder, pipelines.configuration(setup, where, grpc, http, metrics))
        program = Program(self.name, [self.binary, "--config", path], grpc, http, metrics, env, path + ".log").wait_ready()
        program.config = path
        if setup.stages == "statistics":
            self.learn(program, setup, where)
        return program

    @staticmethod
    def learn(program, setup, where):
        """drift gets its reference from other items than those it will be measured with."""
        request = load.request(where, setup.workload, LEARN_ITEMS)
        for _ in range(2):
            load.send(program, request, 1)
            time.sleep(1.1)


class Sink(Program):
    """Counts what arrives of each signal."""

    def __init__(self, binary, folder, metrics_level="normal"):
        grpc, http, metrics = e2e.free_port(), e2e.free_port(), e2e.free_port()
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics}}}}
        config = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{grpc}", "max_recv_msg_size_mib": 512}}}},
                  "exporters": {"nop": None},
                  "service": {"telemetry": {"logs": {"level": "error"}, "metrics": {"level": metrics_level, "readers": [reader]}},
                              "pipelines": {signal: {"receivers": ["otlp"], "exporters": ["nop"]} for signal in ITEMS}}}
        path = configured(folder, json.dumps(config))
        super().__init__("the sink", [binary, "--config", path], grpc, http, metrics, log=path + ".log")
        self.wait_ready()

    def settle(self, quiet_s=1.5, limit_s=60.0):
        """Returns when nothing more has arrived for a while."""
        last, since, end = -1, time.monotonic(), time.monotonic() + limit_s
        while time.monotonic() < end and time.monotonic() - since < quiet_s:
            now = sum(self.accepted(signal) for signal in ITEMS)
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.1)
