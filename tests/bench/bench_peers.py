#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sidecar beside other pipelines for OTLP, its statistics beside other libraries, its components inside the Collector beside the
Collector's own: one command that installs or builds them, measures, and writes tables and charts.

    tests/bench/bench_peers.py --build build/release [--quick] [--only SUBSTRING] [--results build/peers.json]

Writes the results as JSON, and unless --quick or --only the part of docs/performance.md between its markers and docs/img/peers-*.svg
(with --quick: build/peers-trial.md and build/peers-*.svg, not to be quoted). --render: only writes these again from the results. A peer that
is not there is a row `skipped: …`. After --minutes what is left is skipped and what there is is written."""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
import certs  # noqa: E402
from peers import UNPUBLISHED, analysis, bridge, charts, costs, otelcol, report, rotel, sidecar, throughput  # noqa: E402
from peers.program import Absent, Surroundings  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs/performance.md")


@dataclasses.dataclass
class Plan:
    """How much is measured."""
    rounds: int = 7
    round_s: float = 0.3
    latency_rounds: int = 3
    latency_s: float = 3.0
    rows: int = 400000
    analysis_rounds: int = 3
    series: int = costs.SERIES
    slow_spans: int = costs.SLOW_SPANS
    only: str = ""
    until: float = 0.0

    def wants(self, name):
        return self.only in name and time.monotonic() < self.until


QUICK = {"rounds": 2, "round_s": 0.1, "latency_rounds": 1, "latency_s": 1.0, "rows": 50000, "analysis_rounds": 1, "series": 20000,
         "slow_spans": 200000}


class Say:
    """Progress lines with the time since the start."""

    def __init__(self):
        self.began = time.monotonic()

    def __call__(self, text):
        seconds = int(time.monotonic() - self.began)
        print(f"[{seconds // 60:02}:{seconds % 60:02}] {text}", flush=True)


def machine(plan):
    with open("/proc/cpuinfo", encoding="ascii") as f:
        cpu = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.M)
    h2load = subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=False).stdout.split()
    return {"date": datetime.date.today().isoformat(), "cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, "h2load": h2load[-1] if h2load else "unknown",
            "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}", "load": f"{os.getloadavg()[0]:.1f}", "rounds": plan.rounds,
            "round_s": plan.round_s, "minutes": 0.0}


def prepared(options, say):
    """The peers that are here, and {name: why} of those that are not."""
    here, absent = [], dict(UNPUBLISHED)
    for make in (sidecar.Sidecar, otelcol.Collector, rotel.Rotel):
        peer = make(options)
        say(f"preparing {peer.name} …")
        try:
            peer.prepare()
            here.append(peer)
        except (Absent, OSError, subprocess.SubprocessError) as error:
            absent[peer.name] = str(error)
            say(f"{peer.name}: skipped: {error}")
    say("preparing the libraries …")
    options.pythons = analysis.environments()
    say("preparing the Collector with the bridge …")
    try:
        options.bridge = bridge.build()
    except (Absent, OSError, subprocess.SubprocessError) as error:
        options.bridge, absent["bridge"] = None, str(error)
        say(f"bridge: skipped: {error}")
    return here, absent


def parts(options, peers, absent, where, plan, say):
    """{part: what measures it}, in the order of what matters."""
    def itself():
        return throughput.beside_itself(lambda name: sidecar.Sidecar(options, name), where, plan, say)
    return {
        "itself": itself,
        "throughput": lambda: throughput.run(peers, where, plan, say),
        "latency": lambda: costs.latency(peers, where, plan, say),
        "memory": lambda: costs.memory(peers, where, plan, say),
        "start": lambda: costs.start(peers, where, plan, say),
        "size": lambda: costs.sizes(peers, say),
        "requests": lambda: costs.requests(peers, where, say),
        "slow": lambda: costs.slow_backend(peers, where, plan, say),
        "series": lambda: costs.series(peers, where, plan, say),
        "bridge": lambda: bridge.run(options.bridge, where, plan, say) if options.bridge else {"skipped": absent["bridge"]},
        "analysis": lambda: analysis.compare(options.drift_bench, options.pythons, plan.rows, plan.analysis_rounds, say),
    }


def nothing_yet(peers, absent, plan):
    """The results before anything is measured."""
    return {"about": machine(plan), "versions": {peer.name: peer.version() for peer in peers}, "absent": absent,
            "notes": [peer.note for peer in peers if getattr(peer, "note", "")], "itself": {"peers": {"one": {}, "again": {}}},
            "throughput": [], "latency": [], "memory": {}, "start": {}, "size": {}, "requests": {}, "slow": {}, "series": {},
            "bridge": {}, "analysis": {}}


def measured(options, plan, say):
    peers, absent = prepared(options, say)
    plan.until = time.monotonic() + options.minutes * 60
    found, folder = nothing_yet(peers, absent, plan), tempfile.mkdtemp(prefix="aimon-peers-")
    try:
        cert = certs.Authority(os.path.join(folder, "ca")).sign("server")
        with sidecar.Sink(options.binary, folder) as sink:
            where = Surroundings(folder, options.binary, options.payload, sink, cert)
            for name, measure in parts(options, peers, absent, where, plan, say).items():
                if name != "throughput" and not plan.wants(name):
                    if not plan.only:
                        absent[name] = f"the {options.minutes:.0f} minutes were over"
                    continue
                try:
                    found[name] = measure()
                # What one part runs into does not cost the others, nor an hour's wait for the next quiet machine.
                except (Exception, SystemExit) as error:  # pylint: disable=broad-exception-caught
                    absent[name] = f"{type(error).__name__}: {error}"
                    say(f"{name}: skipped:\n{traceback.format_exc()}")
    finally:
        shutil.rmtree(folder)
    found["about"]["minutes"] = (time.monotonic() - plan.until) / 60 + options.minutes
    return found


def render(found, options):
    """Writes charts and tables: into docs/, or, of what must not be quoted, beside the results."""
    trial = options.quick or options.only
    base = os.path.dirname(options.results)
    figures = charts.write(found, base if trial else os.path.join(ROOT, "docs/img"))
    home = base if trial else os.path.join(ROOT, "docs")
    part = report.document(found, [(os.path.relpath(path, home), what) for path, what in figures])
    path = os.path.join(base, "peers-trial.md") if trial else DOCUMENT
    if not trial:
        with open(DOCUMENT, encoding="utf-8") as f:
            part = report.spliced(f.read(), part)
    with open(path, "w", encoding="utf-8") as out:
        out.write(part)
    return [path, *(figure for figure, _ in figures)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the folder of the release variant")
    parser.add_argument("--quick", action="store_true", help="a trial: little of everything, nothing in docs/")
    parser.add_argument("--only", default="", help="parts, or modes and workloads, whose name has this in it; nothing in docs/")
    parser.add_argument("--minutes", type=float, default=23, help="after them, without the time to build and install, what is left is skipped")
    parser.add_argument("--results", default=os.path.join(ROOT, "build/peers.json"))
    parser.add_argument("--render", action="store_true", help="only write tables and charts again from the results")
    options = parser.parse_args()
    options.binary, options.payload, options.drift_bench = (
        os.path.join(options.build, name) for name in ("bin/otelcol-aimon", "tests/bench/payload", "tests/bench/drift_bench"))
    options.malloc_count = os.path.join(options.build, "tests/bench/malloc_count.so")
    options.results = os.path.abspath(options.results)
    if options.quick or options.only:
        options.results = options.results.replace(".json", "-trial.json")
    say = Say()
    if options.render:
        with open(options.results, encoding="utf-8") as f:
            found = json.load(f)
    else:
        if not shutil.which("h2load"):
            print("skipped: h2load is not installed")
            return 0
        plan = Plan(**(QUICK if options.quick else {}), only=options.only)
        found = measured(options, plan, say)
        with open(options.results, "w", encoding="utf-8") as out:
            json.dump(found, out, indent=1)
    for path in render(found, options):
        say("written: " + os.path.relpath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
