# SPDX-License-Identifier: Apache-2.0
"""What else a pipeline costs: the time to an acknowledgement at fixed rates, memory, start, size, allocations and system calls a
request, and what becomes of items when the backend is slow."""

import contextlib
import http.client
import os
import socket
import statistics
import threading
import time

import gates
from peers import load
from peers.program import Absent, Failed, Setup, wait_for

RATES = (10000, 100000, 400000)  # spans a second of W2, 100 a request
FORWARDED = Setup(forward="none")
SERIES, SERIES_A_REQUEST = 100000, 5000
SHORT, LONG = 200, 700  # requests: what is counted is the difference
BACKEND_BYTES_S = 8 << 20
SLOW_SPANS = 400000


def each(peers, say, what, do):
    """{peer: do(peer), or why not}"""
    found = {}
    for peer in peers:
        try:
            found[peer.name] = do(peer)
        except (Absent, Failed, OSError) as error:
            found[peer.name] = {"skipped": str(error)}
        say(f"{what}: {peer.name} {found[peer.name]}")
    return found


# ---- Acknowledgements ----------------------------------------------------------------------------------


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def at_rate(program, request, rate, seconds, where):
    log = os.path.join(where.folder, "acknowledgements")
    requests = max(20, int(rate / request.items * seconds))
    arrived, cpu, began = where.sink.accepted("traces"), program.cpu_s(), time.monotonic()
    took = load.send(program, request, requests, rate=rate / request.items, log=log, streams=32)
    cpu = (program.cpu_s() - cpu) / (time.monotonic() - began)
    wait_for(lambda: where.sink.accepted("traces") - arrived >= requests * request.items, "every span to arrive", 20)
    times = load.acknowledgements(log)
    os.unlink(log)
    return {"reached": requests * request.items / took, "core": cpu, **{
        name: percentile(times[len(times) // 10:], share) for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))}}


def keeps_up(runs, rate):
    """Whether a program reached the rate: one that did not is measured once at it, and at no higher one."""
    return bool(runs) and statistics.median(one["reached"] for one in runs) >= 0.9 * rate


def latency(peers, where, plan, say):
    """[{"rate", "peers": {name: [what each round gave]}}]: forwarded without compression, acknowledged when the queue has it."""
    request, rows = load.request(where, "W2", 100), []
    with contextlib.ExitStack() as stack:
        programs = {}
        for peer in peers:
            with contextlib.suppress(Absent, Failed):
                programs[peer.name] = stack.enter_context(peer.start(FORWARDED, where))
        for rate in RATES:
            keeping = [name for name in programs if not rows or keeps_up(rows[-1]["peers"].get(name, []), rows[-1]["rate"])]
            row = {"rate": rate, "peers": {name: [] for name in keeping}}
            for _ in range(plan.latency_rounds):
                for name, program in programs.items():
                    if name not in keeping or (row["peers"][name] and not keeps_up(row["peers"][name], rate)):
                        continue
                    try:
                        row["peers"][name].append(at_rate(program, request, rate, plan.latency_s, where))
                    except Failed as error:
                        say(f"acknowledgement at {rate} a second: {name}: {error}")
            rows.append(row)
            say(f"acknowledgement at {rate} spans a second: " + ", ".join(
                f"{name} p50 {1e3 * statistics.median(one['p50'] for one in runs):.2f} ms, p99 {1e3 * statistics.median(one['p99'] for one in runs):.2f} ms"
                for name, runs in row["peers"].items() if runs))
    return rows


# ---- Memory, start, size -------------------------------------------------------------------------------


def resident(program):
    return {"rss": program.kib("VmRSS"), "private": program.kib("RssAnon"), "peak": program.kib("VmHWM")}


def memory(peers, where, plan, say):
    def one(peer):
        with peer.start(FORWARDED, where) as program:
            time.sleep(1)
            found = {"idle": resident(program)}
            for workload in ("W2", "W5"):
                request = load.request(where, workload, 100)
                for _ in range(3):
                    load.send(program, request, max(100, int(3000 * plan.round_s)))
                found[workload] = resident(program)
            return found
    return each(peers, say, "memory, KiB", one)


def series(peers, where, plan, say):
    """Resident memory a series of span_metrics: 100,000 of 5,000 resources, proven by the points that come out."""
    requests = [load.request(where, "W11", SERIES_A_REQUEST, seed=seed) for seed in range(plan.series // SERIES_A_REQUEST)]

    def one(peer):
        with peer.start(Setup(stages="span_metrics", workload="W11"), where) as program:
            before, points = resident(program), where.sink.accepted("metrics")
            cpu = program.cpu_s()
            for request in requests:
                load.send(program, request, 1)
            rate = plan.series / (program.cpu_s() - cpu)
            # Each series is told as calls and as a duration.
            wait_for(lambda: where.sink.accepted("metrics") - points >= 2 * plan.series, "the metrics of every series", 40)
            after = resident(program)
            return {"series": plan.series, "rate": rate, "before": before, "after": after,
                    "bytes": (after["rss"] - before["rss"]) * 1024 / plan.series}
    return each(peers, say, f"{plan.series} series", one)


def accepted_at(peer, where, body):
    """Milliseconds from the start of a program to its first accepted request."""
    with peer.start(Setup(), where) as program:
        for _ in range(2000):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", program.http, timeout=5)
                connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
                if connection.getresponse().status == 200:
                    return (time.monotonic() - program.began) * 1e3
            except OSError:
                time.sleep(0.001)
    raise Failed("it accepted nothing")


def start(peers, where, plan, say):
    """{peer: milliseconds of each round}"""
    with open(load.request(where, "W2", 10, "http").body, "rb") as f:
        body = f.read()
    rounds = [each(peers, lambda text: None, "start", lambda peer: accepted_at(peer, where, body)) for _ in range(plan.rounds)]
    found = {peer.name: [one[peer.name] for one in rounds if not isinstance(one[peer.name], dict)] for peer in peers}
    say("start, ms: " + ", ".join(f"{name} {statistics.median(values):.0f}" for name, values in found.items() if values))
    return found


def sizes(peers, say):
    return each(peers, say, "size, bytes", lambda peer: dict(zip(("binary", "libraries"), peer.sizes())))


# ---- Allocations and system calls ----------------------------------------------------------------------


def a_request(peer, setup, request, where):
    with peer.start(setup, where, counted=True) as program:
        def send(requests):
            load.send(program, request, requests, clients=1, streams=1)
        send(LONG)
        counts = []
        for requests in (SHORT, LONG):
            before = program.allocated()
            send(requests)
            after = program.allocated()
            calls = gates.system_calls(program.child.pid, lambda n=requests: send(n))
            counts.append((None if before is None else after - before, calls and sum(n for n, _ in calls.values())))
    return {name: None if None in (low, high) else (high - low) / (LONG - SHORT)
            for name, low, high in zip(("allocations", "calls"), *counts)}


def requests(peers, where, say):
    """{mode: {peer: {"allocations", "calls"}}} a request of W2 of 100 spans and of 10."""
    found = {}
    for name, setup, items in (("in, 10 spans", Setup(extra="pprof"), 10), ("in, 100 spans", Setup(extra="pprof"), 100),
                               ("forwarded, 100 spans", Setup(forward="none", extra="pprof"), 100)):
        request = load.request(where, "W2", items)
        found[name] = each(peers, say, f"a request {name}", lambda peer, s=setup, r=request: a_request(peer, s, r, where))
    return found


# ---- W12: a slow backend -------------------------------------------------------------------------------


class SlowWay:
    """A TCP proxy to the sink that lets so many bytes a second through, all connections together."""

    def __init__(self, port, bytes_s):
        self.target, self.bytes_s, self.lock, self.free_at = port, bytes_s, threading.Lock(), time.monotonic()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                server = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self.pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self.pump, args=(server, client, False), daemon=True).start()

    def wait_turn(self, length):
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + length / self.bytes_s
            until = self.free_at
        time.sleep(max(0.0, until - time.monotonic()))

    def pump(self, source, target, slow):
        with contextlib.suppress(OSError):
            while data := source.recv(32768):
                if slow:
                    self.wait_turn(len(data))
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


def slow_backend(peers, where, plan, say):
    """More than the backend takes, for as long as it takes to send: what arrives, what is told as refused or dropped, memory."""
    request, count = load.request(where, "W2", 100), plan.slow_spans // 100

    def one(peer):
        way = SlowWay(where.sink.grpc, BACKEND_BYTES_S)
        where.backend = way.port
        try:
            with peer.start(Setup(forward="none", extra="small_queue"), where) as program:
                idle, arrived = resident(program), where.sink.accepted("traces")
                took = load.send(program, request, count)
                where.sink.settle()
                refused = program.counters("otelcol_receiver_refused_spans", "otelcol_receiver_failed_spans")
                dropped = program.counters("otelcol_exporter_send_failed_spans", "aimon_exporter_dropped_items")
                return {"sent": count * 100, "arrived": where.sink.accepted("traces") - arrived, "refused": refused,
                        "dropped": dropped, "seconds": took, "idle": idle, "after": resident(program)}
        finally:
            where.backend = 0
            way.close()
    return each(peers, say, "slow backend", one)
