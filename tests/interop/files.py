#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The file exporter beside the Collector's: with `group_by` both write the same items into the same files, whatever the attribute
says. And what the Collector wrote is read again by otlp_json_file, plain, renamed and compressed, over kills: every item once.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/files.py
"""

import collections
import gzip
import json
import os
import shutil
import sys
import tempfile

import collector
from free_ports import free_port

KEY = "fileexporter.path_segment"
SEGMENTS = ["a", "b/c", "", "/rooted", "./here", "../up", "../../../etc/passwd", "x/../y", "x/../../../z", "d//e/./f", "..", ".hidden", "sp ace", "ü",
            "b\\c", "b/c", "a", None, 7]
WROTE = []


def log_request(segments, mark):
    def one(segment):
        value = {} if segment is None else {"intValue": segment} if isinstance(segment, int) else {"stringValue": segment}
        attributes = [{"key": "n", "value": {"stringValue": mark}}] + ([{"key": KEY, "value": value}] if segment is not None else [])
        return {"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [
            {"timeUnixNano": "1", "body": {"stringValue": "%s of %r" % (mark, segment)}}]}]}
    return {"resourceLogs": [one(segment) for segment in segments]}


def tree(folder):
    """Every file below a folder, and its items."""
    return {os.path.relpath(os.path.join(at, name), folder): collector.items(os.path.join(at, name))
            for at, _, names in os.walk(folder) for name in names}


def send(port, document):
    status, _, answer = collector.post("http://127.0.0.1:%d/v1/logs" % port, json.dumps(document).encode())
    assert status == 200, answer


def configuration(port, exporter):
    return {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % port}}}}, "exporters": {"file": exporter},
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["file"]}}}}


def grouped(work, name, pattern, settings):
    """Differences between what both write."""
    trees = []
    for side, program in (("theirs", collector.COLLECTOR), ("ours", collector.BIN)):
        folder = "%s/%s_%s" % (work, name, side)
        os.makedirs(folder + "/in")
        port = free_port()
        exporter = {"path": folder + "/in/" + pattern, "append": True, "group_by": {"enabled": True, **settings}}
        with collector.running(program, configuration(port, exporter), folder + ".log"):
            for i in range(3):
                send(port, log_request(SEGMENTS, "m%d" % i))
            for segment in SEGMENTS:
                send(port, log_request([segment], "alone"))
        trees.append(tree(folder))
    theirs, ours = trees
    WROTE.append(sum(len(items) for items in theirs.values()))
    if not any(theirs.values()):
        return ["%s: the Collector wrote nothing" % name]
    return ["%s: %s: theirs %s, ours %s" % (name, path, theirs.get(path, "no file"), ours.get(path, "no file"))
            for path in sorted(set(theirs) | set(ours)) if theirs.get(path) != ours.get(path)]


def bodies(path):
    """How often each body came."""
    found = collections.Counter()
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f.read().split("\n")[:-1]:
                for resource in json.loads(line)["resourceLogs"]:
                    found.update(record["body"]["stringValue"] for scope in resource["scopeLogs"] for record in scope["logRecords"])
    return found


def read_again(work):
    """The Collector writes and renames, ours reads and is killed, into a file that goes on."""
    folder, out = work + "/written", work + "/read.jsonl"
    os.makedirs(folder + "/old")
    os.makedirs(work + "/positions")
    port = free_port()
    reader = {"extensions": {"file_storage": {"directory": work + "/positions"}},
              "receivers": {"otlp_json_file": {"include": [folder + "/**/*.{jsonl,gz}"], "start_at": "beginning", "compression": "auto",
                                               "poll_interval": "20ms", "storage": "file_storage"}},
              "exporters": {"file": {"path": out, "append": True, "flush_interval": "10ms"}},
              "service": {"extensions": ["file_storage"], "telemetry": {"metrics": {"level": "none"}},
                          "pipelines": {"logs": {"receivers": ["otlp_json_file"], "exporters": ["file"]}}}}
    sent, rounds = 0, 6
    for i in range(rounds):
        written = folder + "/now.jsonl"
        if os.path.exists(written):
            if i % 2:
                with open(written, "rb") as f, gzip.open("%s/old/%d.gz" % (folder, i), "wb") as packed:
                    shutil.copyfileobj(f, packed)
                os.unlink(written)
            else:
                os.rename(written, "%s/old/%d.jsonl" % (folder, i))
        with collector.running(collector.COLLECTOR, configuration(port, {"path": written, "flush_interval": "10ms"}), work + "/writer.log"), \
                collector.running(collector.BIN, reader, work + "/reader.log") as process:
            for _ in range(30):
                send(port, log_request(["a"], "r%d-%d" % (i, sent)))
                sent += 1
            # What the file exporter holds is lost with the process, so that it is killed when all was written.
            if not collector.wait_for(lambda n=sent: len(bodies(out)) == n):
                return ["read again: %d of %d came" % (len(bodies(out)), sent)]
            if i < rounds - 1:
                process.kill()
                process.wait()
    WROTE.append(sent)
    found = bodies(out)
    twice = sum(n - 1 for n in found.values())
    print("read again: %d items, %d kills, %d came twice" % (len(found), rounds - 1, twice))
    return ["read again: %d came twice" % twice] if twice else []


def main():
    if not collector.build():
        return 0
    with tempfile.TemporaryDirectory() as work:
        failures = (grouped(work, "names", "*.json", {}) + grouped(work, "folders", "base/*/logs.json", {"max_open_files": 2})
                    + grouped(work, "prefix", "pre*", {"resource_attribute": "n"}) + read_again(work))
    for failure in failures[:30]:
        print(failure)
    print("%d passed, %d different" % (sum(WROTE), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
