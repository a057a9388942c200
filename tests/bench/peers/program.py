# SPDX-License-Identifier: Apache-2.0
"""A program under test that runs, and what it costs: its CPU time, its memory, its allocations."""

import dataclasses
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.error

import e2e

# What the self-metrics call items of a signal.
ITEMS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}


class Absent(Exception):
    """A peer that cannot be had here, or a mode that it does not have; why, for the reader of the table."""


class Failed(Exception):
    """A measurement that did not come out."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """How a program is set up: what a process is started for."""
    stages: str = ""  # "statistics" (drift and latency), "span_metrics"
    forward: str = ""  # compression of what is sent on: "none", "gzip"; "": nothing is
    batch: bool = False
    tls: bool = False
    workload: str = ""  # of whose attributes statistics are made
    extra: str = ""  # "pprof", "small_queue"


@dataclasses.dataclass
class Surroundings:
    """What every program is started with."""
    folder: str
    binary: str
    payload: str
    sink: object = None
    cert: tuple = ()
    backend: int = 0  # the port to forward to in the place of the sink's


def wait_for(condition, what, limit_s=30.0):
    """The condition's value as soon as it has one."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise Failed(f"waited {limit_s:.0f} s for {what}")


class Program:
    """A running program: `metrics` is the port of its self-metrics, 0 when it has none."""

    def __init__(self, name, command, grpc, http, metrics=0, env=None, log=os.devnull):
        self.name, self.grpc, self.http, self.metrics = name, grpc, http, metrics
        self.log, self.report = log, (env or {}).get("MALLOC_COUNT_FILE")
        with open(log, "wb") as out:
            self.began = time.monotonic()
            self.child = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ready(self):
        if self.child.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                last = (log.read().strip().splitlines() or ["without a word"])[-1][:300]
            raise Failed(f"{self.name} ended with {self.child.returncode}: {last}")
        try:
            for port in {self.grpc, self.metrics or self.grpc}:
                socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def wait_ready(self):
        try:
            wait_for(self.ready, f"{self.name} to listen")
        except Failed:
            self.stop()
            raise
        return self

    def cpu_s(self):
        """User and system time of all its threads, those that ended too: the clock of another process (clock_getcpuclockid)."""
        return time.clock_gettime((~self.child.pid << 3) | 2)

    def kib(self, key):
        """A line of /proc/PID/status: VmRSS, VmHWM, RssAnon."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"^{key}:\s+(\d+)", status.read(), re.M).group(1))

    def counters(self, *names):
        """The sums of some self-metrics; None: it has none."""
        if not self.metrics:
            return None
        try:
            text = e2e.scrape(self.metrics)
        except (OSError, urllib.error.URLError) as error:
            raise Failed(f"self-metrics of {self.name}: {error}") from error
        return sum(e2e.counter(text, name) for name in names)

    def accepted(self, signal):
        return self.counters(f"otelcol_receiver_accepted_{ITEMS[signal]}")

    def allocated(self):
        """How many allocations it has made so far; None where nothing counts them."""
        if not self.report:
            return None
        try:
            return e2e.allocated(self, self.report)
        except SystemExit:  # the counter is not loaded
            return None

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def configured(folder, text):
    """The path of a configuration with this text."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=folder, delete=False, encoding="utf-8") as f:
        f.write(text)
    return f.name


def size_of(binary):
    """(bytes of a binary, bytes of the shared libraries that it loads)"""
    done = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False)
    libraries = {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", done.stdout)}
    return os.path.getsize(binary), sum(os.path.getsize(path) for path in libraries)
