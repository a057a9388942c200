#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gates on costs that the rest of the machine cannot change: instructions a span (callgrind), bytes a series, allocations and system
calls a request. Each figure is compared with the one in baselines.txt: worse by more than its tolerance fails, better by more asks for a
new baseline (--fix writes them all).

    tests/bench/gates.py --build build/release [--fix] [--only SUBSTRING]

Instructions depend on the compiler: with another major version than the recorded one, or another machine architecture, nothing is
compared."""
import argparse
import concurrent.futures
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import e2e

HERE = os.path.dirname(os.path.abspath(__file__))
BASELINES = os.path.join(HERE, "baselines.txt")
INSTRUCTIONS = 3  # per cent; the same build gives the same figure to some parts in ten thousand
ALLOCATIONS = 3
BYTES = 3
SYSTEM_CALLS = 3
MODES = ("in", "stats", "http", "forward")
# How often threads wait for each other and wake each other (gRPC: by writing to an eventfd) is the scheduler's doing.
UNCOUNTED = "epoll_wait epoll_pwait poll ppoll futex restart_syscall sched_yield read write".split()


def instruction_gates():
    """{name: (program, its arguments, how often, of how many each, what one is called)}"""
    gates = {}
    for workload in ("W2", "W5"):
        for what in ("walk", "bare", "admit"):
            gates[f"{what} {workload}"] = ("walk_bench", [workload, what], 20, 100, "span")
        for what in ("drift", "latency", "span_metrics"):
            gates[f"{what} {workload}"] = ("pipeline_bench", [workload, what], 20, 100, "span")
        for what in ("gunzip", "attributes", "resource", "batch", "split", "message", "gzip"):
            gates[f"{what} {workload}"] = ("forward_bench", [workload, what], 20, 100, "span")
        for what in ("json", "to_json"):
            gates[f"{what} {workload}"] = ("forward_bench", [workload, what], 2, 100, "span")
    gates["span_metrics W2-series"] = ("pipeline_bench", ["W2-series", "span_metrics"], 200, 100, "span")
    gates["drift W5-presets"] = ("pipeline_bench", ["W5-presets", "drift"], 20, 100, "span")
    for what, times in (("find", 10000), ("ks", 2), ("p_value", 2), ("histogram", 10000)):
        gates[what] = ("stats_bench", [what], times, 1, "call")
    gates["insert"] = ("drift_bench", ["insert"], 1000, 64, "value")
    for what, times in (("evaluate", 2), ("category", 10000), ("adwin", 10000), ("page_hinkley", 10000), ("kswin", 100)):
        gates[what] = ("drift_bench", [what], times, 1, "call")
    return gates


def instructions(build, program, arguments, times, of):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=bench_counted",
               f"{build}/tests/bench/{program}", *arguments, str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found or int(found.group(1)) == 0:
        sys.exit(f"gates: {' '.join(command)} counted nothing:\n{done.stderr[-1000:]}")
    return int(found.group(1)) / (times * of)


def series_bytes(build):
    """What malloc gave out for a series of span_metrics."""
    done = subprocess.run([f"{build}/tests/bench/series_memory"], capture_output=True, text=True, check=True)
    return float(re.search(r"^allocated (\d+) bytes", done.stdout, re.M).group(1))


# ---- A running sidecar: one request at a time, so that requests do not share system calls, and all of it on one CPU, so that one
# ---- thread after the other runs: on how many a request is spread depends on the machine and on what else runs there.

HTTP = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{nop: }}
service:
  telemetry: {{logs: {{level: error}}, metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
"""
PLAIN = HTTP.replace("http:", "grpc:")
SPANS = 10  # a request: 4 kB, which arrive in one piece
SHORT, LONG = 200, 700


def send_http(port, body, requests):
    out = subprocess.run(["h2load", "--h1", "-t1", "-c1", f"-n{requests}", f"-d{body}", "-Hcontent-type: application/x-protobuf",
                          f"http://127.0.0.1:{port}/v1/traces"], capture_output=True, text=True, check=True).stdout
    if f"{requests} succeeded" not in out:
        sys.exit(f"gates: h2load did not succeed:\n{out}")


def send_grpc(port, body, requests):
    e2e.load(port, body, requests, clients=1, streams=1)


def system_calls(pid, during):
    """{name: (calls, how many of them failed)} of all threads of a process meanwhile; None where strace may not attach."""
    with tempfile.NamedTemporaryFile("r") as report:
        with subprocess.Popen(["strace", "-f", "-c", "-qq", "-o", report.name, "-p", str(pid)], stderr=subprocess.PIPE) as tracer:
            e2e.wait_for(lambda: all(traced(pid, task) for task in os.listdir(f"/proc/{pid}/task")) or tracer.poll() is not None,
                         "strace to attach")
            if tracer.poll() is not None:
                return None
            during()
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
        # % time, seconds, usecs/call, calls, errors (may be empty), name
        rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(\d*)\s+(\w+)$", report.read(), re.M)
    if not rows:
        sys.exit("gates: strace counted nothing")
    return {name: (int(calls), int(errors or 0)) for calls, errors, name in rows if name != "total"}


def acting(calls):
    """How many of them did something; None of None."""
    return calls and sum(n - failed for name, (n, failed) in calls.items() if name not in UNCOUNTED)


def traced(pid, task):
    with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
        return not re.search(r"^TracerPid:\s+0$", status.read(), re.M)


def request_costs(sut, report, port, body, send):
    """(allocations, system calls) a request, the latter None where strace may not attach: differences between two lengths."""
    send(port, body, LONG)
    counts = []
    for requests in (SHORT, LONG):
        before = e2e.allocated(sut, report)
        send(port, body, requests)
        middle = e2e.allocated(sut, report)
        counts.append((middle - before, acting(system_calls(sut.child.pid, lambda n=requests: send(port, body, n)))))
    allocated = (counts[1][0] - counts[0][0]) / (LONG - SHORT)
    if None in (counts[0][1], counts[1][1]):
        return allocated, None
    return allocated, (counts[1][1] - counts[0][1]) / (LONG - SHORT)


def request_gates(build, want):
    """{name: (figure, tolerance, unit)} of a running sidecar, and why some are missing."""
    figures, skipped = {}, []
    options = argparse.Namespace(binary=f"{build}/bin/otelcol-aimon", payload=f"{build}/tests/bench/payload", features="", log="", env={})
    with tempfile.TemporaryDirectory() as folder:
        framed, _ = e2e.payload(options, "W2", folder, SPANS)
        bare = os.path.join(folder, "bare")
        with open(framed, "rb") as source, open(bare, "wb") as out:
            out.write(source.read()[5:])
        grpc, metrics = e2e.free_port(), e2e.free_port()
        sink = e2e.Process(options.binary, e2e.SINK.format(grpc=grpc, metrics=metrics), grpc, metrics)
        for mode in MODES:
            if want not in f"allocations {mode}" and want not in f"system calls {mode}":
                continue
            report = os.path.join(folder, mode)
            open(report, "w", encoding="ascii").close()
            options.env = {"LD_PRELOAD": os.path.abspath(f"{build}/tests/bench/malloc_count.so"), "MALLOC_COUNT_FILE": report}
            if mode in ("in", "http"):
                port, metrics = e2e.free_port(), e2e.free_port()
                config = (HTTP if mode == "http" else PLAIN).format(port=port, metrics=metrics)
                sut = e2e.Process(options.binary, config, port, metrics, env=options.env)
            else:
                sut = e2e.start(options, mode, "W2", grpc)
            costs = request_costs(sut, report, sut.grpc, bare if mode == "http" else framed, send_http if mode == "http" else send_grpc)
            sut.stop()
            figures[f"allocations {mode}"] = (costs[0], ALLOCATIONS, "request")
            if costs[1] is None:
                skipped.append(f"system calls {mode}: strace cannot attach to a process here")
            else:
                figures[f"system calls {mode}"] = (costs[1], SYSTEM_CALLS, "request")
        sink.stop()
    return figures, skipped


# ---- Baselines -----------------------------------------------------------------------------------------------


def compiler(build):
    """The compiler that built the binary, and the architecture: what instructions depend on."""
    with open(f"{build}/bin/otelcol-aimon", "rb") as binary:
        found = re.findall(rb"GCC: \([^)]*\) (\d+)|clang version (\d+)", binary.read())
    majors = sorted({"gcc " + g.decode() if g else "clang " + c.decode() for g, c in found})
    return f"{' and '.join(majors) or 'unknown'}, {platform.machine()}"


def read_baselines():
    """(compiler, {name: (figure, tolerance, unit)})"""
    with open(BASELINES, encoding="utf-8") as source:
        lines = source.read().splitlines()
    built = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("# compiler:"))
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if "|" in line]
    return built, {name: (float(figure), int(tolerance.split()[0]), unit) for name, figure, unit, tolerance in rows}


def fixed(figures, baselines, all_of_them):
    """The new baselines. Instructions that are the same to half a per cent, and counts within their tolerance, stay as they are
    recorded, so that two branches do not change every line."""
    rows = {} if all_of_them else dict(baselines)
    for name, (figure, tolerance, unit) in figures.items():
        known = baselines.get(name, (0,))[0]
        kept = abs(figure - known) <= known * (0.005 if unit != "request" else tolerance / 100)
        rows[name] = (known if kept else figure, tolerance, unit)
    return rows


def write_baselines(built, figures):
    with open(BASELINES, "w", encoding="utf-8") as out:
        out.write("# What `make bench-gates` holds the release build against; `make bench-gates FIX=1` writes it anew.\n"
                  "# Instructions, allocations and system calls; how each is counted: README.md.\n"
                  f"# compiler: {built}\n")
        for name, (figure, tolerance, unit) in figures.items():
            out.write(f"{name:22} | {figure:12.1f} | {unit:7} | {tolerance} %\n")


def judge(figures, baselines):
    """Prints the table; returns the names that are worse and those whose baseline is out of date."""
    worse, stale = [], []
    for name, (figure, tolerance, unit) in figures.items():
        known = baselines.get(name, (None,))[0]
        if known is None:
            state = "no baseline"
            stale.append(name)
        elif figure > known * (1 + tolerance / 100) + 0.06:
            state = "WORSE"
            worse.append(name)
        elif figure < known * (1 - tolerance / 100) - 0.06:
            state = "better: lower the baseline"
            stale.append(name)
        else:
            state = "ok"
        change = f"{100 * (figure / known - 1):+7.2f} %" if known else " " * 9
        print(f"{name:22} {figure:13.1f} a {unit:7} {known or 0:13.1f} recorded {change} (±{tolerance} %)  {state}")
    return worse, stale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the folder of the release variant")
    parser.add_argument("--fix", action="store_true", help="write the figures as the new baselines")
    parser.add_argument("--only", default="", help="gates whose name has this in it; with --fix the others stay")
    options = parser.parse_args()
    built, began = compiler(options.build), time.monotonic()
    recorded, baselines = read_baselines() if os.path.exists(BASELINES) else (built, {})
    missing = [tool for tool in ("valgrind", "h2load", "strace") if not shutil.which(tool)]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed")
        return 0
    if recorded != built and not options.fix:
        print(f"skipped: the baselines are those of {recorded}, this build is of {built}")
        return 0
    gates = {name: gate for name, gate in instruction_gates().items() if options.only in name}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = pool.map(lambda gate: instructions(options.build, *gate[:4]), gates.values())
        figures = {name: (figure, INSTRUCTIONS, gates[name][4]) for name, figure in zip(gates, counted)}
    if options.only in "bytes span_metrics":
        figures["bytes span_metrics"] = (series_bytes(options.build), BYTES, "series")
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    requests, skipped = request_gates(options.build, options.only)
    figures.update(requests)
    worse, stale = judge(figures, baselines)
    for text in skipped:
        print("skipped: " + text)
    if options.fix:
        write_baselines(built, fixed(figures, baselines, recorded != built or not options.only))
        print(f"bench-gates: {len(figures)} baselines written, {time.monotonic() - began:.0f} s")
        return 0
    if stale:
        print(f"bench-gates: better or new: {', '.join(stale)}: `make bench-gates FIX=1` records it")
    if worse:
        print(f"bench-gates: worse than recorded: {', '.join(worse)}; if that is the price of something, FIX=1 records it")
        return 1
    print(f"bench-gates: {len(figures)} ok, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
