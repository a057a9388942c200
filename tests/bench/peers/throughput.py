# SPDX-License-Identifier: Apache-2.0
"""Items per CPU-second of each pipeline's process, workload by workload and mode by mode, in turns."""

import contextlib
import dataclasses

from peers import load
from peers.program import Absent, Failed, Setup, wait_for

IN, STATISTICS, SPAN_METRICS = Setup(), Setup(stages="statistics"), Setup(stages="span_metrics")
FORWARDED, GZIP = Setup(forward="none"), Setup(forward="gzip")


@dataclasses.dataclass(frozen=True)
class Mode:
    """A row's first column, and what it means."""
    name: str
    setup: Setup
    workloads: tuple  # (workload, items a request)
    transport: str = "grpc"
    compressed: bool = False


SPANS = (("W1", 100), ("W2", 100), ("W3", 10), ("W4", 512), ("W4", 1000), ("W5", 100), ("W6", 100), ("W7a", 100), ("W7b", 10))
OTHERS = (("W8a", 200), ("W8b", 200), ("W9a", 100), ("W9b", 100))
SOME = (("W2", 100), ("W5", 100), ("W8a", 200), ("W9a", 100))
MODES = (
    Mode("in", IN, SPANS + OTHERS),
    Mode("in, statistics", STATISTICS, (("W2", 100), ("W3", 10), ("W4", 1000), ("W5", 100), ("W5P", 100), ("W9a", 100))),
    Mode("in, span_metrics", SPAN_METRICS, (("W2", 100), ("W3", 10), ("W5", 100))),
    Mode("forwarded", FORWARDED, SPANS + OTHERS),
    Mode("forwarded in batches", Setup(forward="none", batch=True), (("W1", 100), ("W2", 100), ("W3", 10), ("W5", 100), ("W9a", 100))),
    Mode("forwarded, statistics", Setup(stages="statistics", forward="none"), (("W2", 100), ("W5", 100), ("W5P", 100))),
    Mode("forwarded, span_metrics", Setup(stages="span_metrics", forward="none"), (("W2", 100), ("W5", 100))),
    Mode("gzip in", IN, SOME, compressed=True),
    Mode("gzip in, statistics", STATISTICS, (("W2", 100), ("W5", 100)), compressed=True),
    Mode("gzip in, forwarded with gzip", GZIP, SOME, compressed=True),
    Mode("TLS in", Setup(tls=True), SOME),
    Mode("HTTP in", IN, SOME, transport="http"),
    Mode("HTTP with JSON in", IN, (("W10", 100),), transport="json"),
)


class Cell:
    """A program with a workload: how many requests a round has, and what the rounds gave."""

    def __init__(self, program, request, setup, where):
        self.program, self.request, self.setup, self.where = program, request, setup, where
        self.requests, self.rates, self.failed = 0, [], ""

    def measure(self, requests):
        """(items per CPU-second, seconds of sending or of the program's CPU, whichever are more) of so many requests; every item is proven
        at the sink, or by the program's own counter. That a batch waits for more to come is no work."""
        want = requests * self.request.items
        sink = self.where.sink if self.setup.forward else None
        before, arrived = self.program.accepted(self.request.signal), sink and sink.accepted(self.request.signal)
        cpu = self.program.cpu_s()
        seconds = load.send(self.program, self.request, requests, self.setup.tls)
        if sink:
            wait_for(lambda: sink.accepted(self.request.signal) - arrived >= want,
                     f"{want} items of {self.program.name} to arrive behind it", 20)
        cpu = self.program.cpu_s() - cpu
        if before is not None:
            got = self.program.accepted(self.request.signal) - before
            if got != want:
                raise Failed(f"{self.program.name} was sent {want} items and accepted {got:.0f}")
        if sink and sink.accepted(self.request.signal) - arrived != want:
            raise Failed(f"{self.program.name} was sent {want} items, {sink.accepted(self.request.signal) - arrived:.0f} arrived behind it")
        return want / cpu, max(seconds, cpu)

    def calibrate(self, seconds):
        """Warms up, and finds how many requests take about so long."""
        requests, took = 8, 0.0
        while took < 0.12:
            requests = min(requests * 4, int(requests * 0.15 / took) + 8) if took > 0.001 else requests * 4
            took = self.measure(requests)[1]
        self.requests = max(8, int(requests * seconds / took))

    def attempt(self, what, *arguments):
        """Calls a method unless one failed before."""
        if self.failed:
            return None
        try:
            return what(*arguments)
        except Failed as error:
            self.failed = str(error)
            self.program.stop()  # what it still holds would arrive among what others send
            self.where.sink.settle()
            return None


def setup_of(mode, workload):
    return dataclasses.replace(mode.setup, workload=workload) if mode.setup.stages else mode.setup


def run_workload(mode, workload, items, peers, running, where, plan, say):
    """The row of one workload: {"mode", "workload", "items", "bytes", "unit", "peers": {name: {"rates"} or {"skipped"}}}"""
    setup = setup_of(mode, workload)
    request = load.request(where, workload, items, mode.transport, mode.compressed)
    row = {"mode": mode.name, "workload": workload, "items": items, "bytes": request.size, "signal": request.signal, "peers": {}}
    cells = {}
    for peer in peers:
        try:
            if (peer.name, setup) not in running:
                running[peer.name, setup] = peer.start(setup, where)
            cells[peer.name] = Cell(running[peer.name, setup], request, setup, where)
        except (Absent, Failed) as error:
            row["peers"][peer.name] = {"skipped": str(error)}
    for cell in cells.values():
        cell.attempt(cell.calibrate, plan.round_s)
    for _ in range(plan.rounds):
        for cell in cells.values():
            got = cell.attempt(cell.measure, cell.requests)
            if got:
                cell.rates.append(got[0])
    for name, cell in cells.items():
        row["peers"][name] = {"skipped": cell.failed} if cell.failed else {"rates": cell.rates, "config": str(setup)}
        if cell.failed:
            del running[name, setup]
    say(f"{mode.name}, {workload} of {items}: " + ", ".join(
        f"{name} {sorted(one['rates'])[len(one['rates']) // 2] / 1e6:.3f} M" if "rates" in one else f"{name} skipped: {one['skipped']}"
        for name, one in row["peers"].items()))
    return row


@contextlib.contextmanager
def processes():
    """{(peer, setup): program}, all ended at the end."""
    running = {}
    try:
        yield running
    finally:
        for program in running.values():
            program.stop()


def run(peers, where, plan, say):
    """The rows; `peers` are those that are here. A setup's processes serve all the modes that share it."""
    rows, setups = {}, list(dict.fromkeys(mode.setup for mode in MODES))
    for setup in setups:
        with processes() as running:
            for mode in (m for m in MODES if m.setup == setup):
                for workload, items in mode.workloads:
                    if not plan.wants(f"{mode.name} {workload}"):
                        continue
                    if setup.stages:  # statistics of another workload are another process
                        for program in running.values():
                            program.stop()
                        running.clear()
                    rows[mode.name, workload, items] = run_workload(mode, workload, items, peers, running, where, plan, say)
    return [rows[key] for key in ((mode.name, *w) for mode in MODES for w in mode.workloads) if key in rows]


def beside_itself(make, where, plan, say):
    """The same program twice, in turns: how far ratios of one and the same thing are from 1."""
    with processes() as running:
        row = run_workload(MODES[0], "W2", 100, [make("this build"), make("this build again")], running, where, plan, say)
    return row
