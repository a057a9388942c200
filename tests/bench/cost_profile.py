#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the time of a running sidecar goes: user and system time a span, and the instructions a span by part (callgrind).

The same processes and requests as e2e.py's. Time is measured first, without callgrind; instructions are counted after the
references are learned, over requests in steady state, all threads together. What the kernel does is in the system time alone.

    tests/bench/cost_profile.py --binary build/release/bin/otelcol-aimon --payload build/release/tests/bench/payload
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import e2e

# Part, and what of "file:function [object]" belongs to it; the first that is found counts.
PARTS = (
    ("admission", r"common/otlp/admit|:otc_admit|:plain_row"),
    ("walker", r"common/otlp/(walk|wire|value|plain)|:walk_"),
    ("drift", r"processors/drift|common/analysis|common/stats/cells|common/base/map|xxhash"),
    ("latency", r"processors/latency|common/stats/exponential"),
    ("receiver and HTTP/2 of ours", r"receivers/|common/net/"),
    ("nghttp2, libevent", r"nghttp2|libevent"),
    ("gRPC C core (sending)", r"grpc|absl|libgpr|upb"),
    ("exporter and its queue", r"exporters/|common/component/(exporter|gather|queue)"),
    ("copies", r"mem(cpy|move|set)|memmove-"),
    ("allocator", r"malloc|calloc|realloc|free|operator (new|delete)"),
    ("locks, threads", r"pthread|nptl|lowlevellock|libpthread"),
    ("the rest of ours", r"common/|sidecar/|extensions/"),
)
REST = "other libraries"
CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-instr=no"]


def part_of(line):
    return next((part for part, pattern in PARTS if re.search(pattern, line)), REST)


def by_part(annotated, spans):
    """{part: instructions a span} of what callgrind_annotate prints."""
    found = {}
    for line in annotated.splitlines():
        row = re.match(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(\S.*)", line)
        if row and ":" in row[2] and "PROGRAM TOTALS" not in row[2]:
            part = part_of(row[2])
            found[part] = found.get(part, 0) + int(row[1].replace(",", "")) / spans
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def times(pid):
    """(user, system) seconds of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return tuple(int(value) / e2e.TICKS for value in fields[11:13])


def time_a_span(options, mode, workload, sink, body):
    """Medians of (user, system) ns a span."""
    sut = e2e.start(options, mode, workload, sink.grpc)
    behind, rounds = sink if mode == "forward" else None, []
    e2e.measure(sut, behind, body, 500, options.spans)
    for _ in range(options.rounds):
        before = times(sut.child.pid)
        e2e.measure(sut, behind, body, options.requests, options.spans)
        rounds.append([(b - a) * 1e9 / (options.requests * options.spans) for a, b in zip(before, times(sut.child.pid))])
    sut.stop()
    return [statistics.median(column) for column in zip(*rounds)]


def control(sut, *what):
    subprocess.run(["callgrind_control", *what, str(sut.child.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def instructions_a_span(options, mode, workload, sink, body):
    """{part: instructions a span}: the process runs under callgrind, which counts from the moment it is told."""
    with tempfile.TemporaryDirectory() as folder:
        wrapper = os.path.join(folder, "counted")
        with open(wrapper, "w", encoding="utf-8") as out:
            out.write(f"#!/bin/sh\nexec {' '.join(CALLGRIND)} --callgrind-out-file={folder}/out {os.path.abspath(options.binary)} \"$@\"\n")
        os.chmod(wrapper, 0o755)
        sut = e2e.start(argparse.Namespace(**{**vars(options), "binary": wrapper}), mode, workload, sink.grpc)
        behind = sink if mode == "forward" else None
        e2e.measure(sut, behind, body, 20, options.spans)
        control(sut, "-i", "on")
        e2e.measure(sut, behind, body, options.counted, options.spans)
        control(sut, "-i", "off")
        control(sut, "-d")
        dump = os.path.join(folder, "out.1")
        e2e.wait_for(lambda: os.path.exists(dump), "callgrind's report")
        annotated = subprocess.run(["callgrind_annotate", "--threshold=99.9", "--auto=no", dump], capture_output=True, text=True, check=True).stdout
        sut.stop()
    return by_part(annotated, options.counted * options.spans)


def table(columns):
    """Markdown: a row for each part, a column for each (workload, mode)."""
    names = [f"{workload} {mode}" for workload, mode in columns]
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for i, what in enumerate(("user", "system")):
        lines.append(f"| {what} time, ns a span | " + " | ".join(f"{cell['times'][i]:.0f}" for cell in columns.values()) + " |")
    lines.append("| instructions a span | " + " | ".join(f"{sum(cell['parts'].values()):,.0f}" for cell in columns.values()) + " |")
    parts = {}
    for cell in columns.values():
        for part, figure in cell["parts"].items():
            parts[part] = max(parts.get(part, 0), figure)
    for part in sorted(parts, key=lambda name: -parts[name]):
        lines.append(f"| {part} | " + " | ".join(f"{cell['parts'].get(part, 0):,.0f}" for cell in columns.values()) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--payload", required=True)
    parser.add_argument("--workloads", default="W2,W5")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=5000, help="a round of the time")
    parser.add_argument("--counted", type=int, default=200, help="requests whose instructions are counted")
    parser.add_argument("--spans", type=int, default=100, help="spans a request")
    options = parser.parse_args()
    options.env, options.log, options.features = {}, "", ""
    missing = [tool for tool in ("valgrind", "h2load") if not shutil.which(tool)]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed")
        return 0
    grpc, metrics, columns = e2e.free_port(), e2e.free_port(), {}
    sink = e2e.Process(options.binary, e2e.SINK.format(grpc=grpc, metrics=metrics), grpc, metrics)
    with tempfile.TemporaryDirectory() as folder:
        for workload in options.workloads.split(","):
            body, _ = e2e.payload(options, workload, folder, options.spans)
            for mode in e2e.MODES:
                print(f"{workload} {mode} …", file=sys.stderr, flush=True)
                columns[workload, mode] = {"times": time_a_span(options, mode, workload, sink, body),
                                           "parts": instructions_a_span(options, mode, workload, sink, body)}
    sink.stop()
    print(table(columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
