# SPDX-License-Identifier: Apache-2.0
"""Requests that are made before a clock starts, and h2load, which replays them."""

import dataclasses
import gzip
import os
import re
import struct
import subprocess
import time

from peers.program import Failed

SERVICES = {"traces": "trace.v1.Trace", "metrics": "metrics.v1.Metrics", "logs": "logs.v1.Logs"}


# Workloads that are others in requests of another size, or with other statistics.
BYTES_OF = {"W3": "W2", "W4": "W2", "W5P": "W5"}


def signal_of(workload):
    return {"W8": "metrics", "W9": "logs"}.get(workload[:2], "traces")


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as a file of what is sent, and how it is sent."""
    body: str
    items: int
    size: int  # bytes before compression
    signal: str
    transport: str
    compressed: bool

    def arguments(self, program, tls):
        host = f"http{'s' if tls else ''}://{'localhost' if tls else '127.0.0.1'}"
        if self.transport == "grpc":
            service = f"/opentelemetry.proto.collector.{SERVICES[self.signal]}Service/Export"
            return ["-Hcontent-type: application/grpc", "-Hte: trailers", *(["-Hgrpc-encoding: gzip"] if self.compressed else []),
                    f"{host}:{program.grpc}{service}"]
        kind = "json" if self.transport == "json" else "x-protobuf"
        return ["--h1", f"-Hcontent-type: application/{kind}", *(["-Hcontent-encoding: gzip"] if self.compressed else []),
                f"{host}:{program.http}/v1/{self.signal}"]


def request(where, workload, items, transport="grpc", compressed=False, seed=1):
    workload = BYTES_OF.get(workload, workload)
    body = os.path.join(where.folder, f"{workload}-{items}-{transport}-{int(compressed)}-{seed}")
    done = subprocess.run([where.payload, workload, body, str(items), str(seed)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"payload {workload}: {done.stderr.strip()}")
    with open(body, "rb") as f:
        message = f.read()
    size = len(message)
    if compressed:
        message = gzip.compress(message, 6, mtime=0)
    if transport == "grpc":
        message = struct.pack(">BI", compressed, len(message)) + message
    with open(body, "wb") as f:
        f.write(message)
    return Request(body, items, size, signal_of(workload), transport, compressed)


def send(program, what, requests, tls=False, rate=0, log="", clients=0, streams=0, timeout=120):
    """Replays a request; returns the seconds it took. `rate`: requests a second; `log`: gets a line a request. `clients` and `streams`: connections,
    and requests under way at a time on each, unless 4 (HTTP/1.1: 8) and what 64 MiB allow up to 8."""
    clients = min(clients or (4 if what.transport == "grpc" else 8), requests)
    streams = streams or max(1, min(8, (64 << 20) // (what.size * clients)))
    command = ["h2load", "-t1", f"-c{clients}", f"-m{streams}", "-w24", "-W24", f"-n{requests}", f"-d{what.body}",
               *([f"--rps={rate / clients:.3f}"] if rate else []), *([f"--log-file={log}"] if log else []), *what.arguments(program, tls)]
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{program.name}: {requests} requests took more than {timeout} s") from error
    seconds = time.monotonic() - began
    found = re.search(r"^finished in ([\d.]+)(us|ms|s)", done.stdout, re.M)
    if f"{requests} succeeded" not in done.stdout or not found:
        told = re.search(r"^requests: .*$|^status codes: .*$", done.stdout, re.M)
        raise Failed(f"{program.name}: {told.group(0) if told else (done.stdout + done.stderr).strip()[-200:]}")
    return min(seconds, float(found.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1}[found.group(2)])


def acknowledgements(log):
    """The seconds from each request to its answer, in order of the answers."""
    with open(log, encoding="ascii") as lines:
        rows = [line.split("\t") for line in lines]
    return [int(row[2]) / 1e6 for row in rows if row[1] == "200"]
