# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry Collector: the one that tests/interop/collector.py builds with the official builder from the Go module proxy."""

import json
import re
import subprocess
import urllib.request

import collector
import e2e
from peers import pipelines
from peers.program import Absent, Program, configured, size_of

NAME = "otelcol"


class Counted(Program):
    """Its allocations are the runtime's own count."""
    pprof = ""

    def allocated(self):
        if not self.pprof:
            return None
        with urllib.request.urlopen(f"http://{self.pprof}/debug/pprof/allocs?debug=1", timeout=10) as answer:
            return int(re.search(r"^# Mallocs = (\d+)", answer.read().decode(), re.M).group(1))


class Collector:
    name = NAME

    def __init__(self, _options):
        self.binary = collector.COLLECTOR

    def prepare(self):
        if not collector.build():
            raise Absent("Go or a module that the Collector needs is not there")

    def version(self):
        return collector.VERSION + ", " + subprocess.run(
            ["go", "version", self.binary], capture_output=True, text=True, check=False).stdout.strip().rsplit(" ", 1)[-1]

    def sizes(self):
        return size_of(self.binary)

    def start(self, setup, where, counted=False):
        if setup.stages == "statistics":
            raise Absent("it has none")
        grpc, http, metrics = e2e.free_port(), e2e.free_port(), e2e.free_port()
        text = pipelines.configuration(setup, where, grpc, http, metrics)
        path = configured(where.folder, text)
        program = Counted(NAME, [self.binary, "--config", path], grpc, http, metrics, log=path + ".log")
        program.config = path
        found = re.search(r"^extensions: (.*)$", text, re.M)
        if counted and found:
            program.pprof = json.loads(found.group(1))["pprof"]["endpoint"]
        return program.wait_ready()
