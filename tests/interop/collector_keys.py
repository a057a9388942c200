#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every setting of ours that docs/compatibility.md calls the Collector's is known to the real Collector, with the default it has there, and
what the page calls ours or the Collector's alone is unknown to the other; and every setting that the Collector prints is known here. The differences are in tests/check/compatibility.txt.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/collector_keys.py
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import collector

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/check"))
import compatibility  # pylint: disable=wrong-import-position

# What a component is called in a configuration, where its folder does not say it.
SECTIONS = {"span_metrics": "connectors", "forward": "connectors"}
# What a component must have to be valid.
NEEDS = {"exporters/otlp_grpc": {"endpoint": "localhost:1"}, "exporters/otlp_http": {"endpoint": "http://localhost:1"},
         "exporters/prometheus": {"endpoint": "localhost:1"}, "exporters/prometheus_remote_write": {"endpoint": "http://localhost:1"},
         "exporters/file": {"path": "/tmp/nothing"}, "processors/memory_limiter": {"check_interval": "1s", "limit_mib": 100},
         "processors/attributes": {"actions": [{"key": "a", "action": "delete"}]},
         "processors/resource": {"attributes": [{"key": "a", "action": "delete"}]},
         "receivers/otlp": {"protocols": {"grpc": None, "http": None}}, "extensions/file_storage": {"directory": "/tmp"},
         "extensions/bearer_token_auth": {"token": "t"}}
# Printed otherwise by the Collector than it is meant: a secret that is unset, and an enumeration that it prints as nothing.
PRINTED = ("hmac_key", "sizer")


def place(folder):
    kind, name = folder.split("/")
    return SECTIONS.get(name, kind), name


def types(program):
    """{(section, type)}"""
    text = subprocess.run([program, "components"], stdout=subprocess.PIPE, check=True).stdout.decode()
    within, found = "", set()
    for line in text.splitlines():
        if line and line[0] not in " -":
            within = line.strip(":")
        elif "name:" in line:
            found.add((within, line.split("name:")[1].strip()))
        elif "deprecatedAlias:" in line or "deprecated_alias" in line:
            found.add((within, line.split(":")[1].strip()))
    return found


def nested(key):
    value = None
    for part in reversed(key.split(".")):
        value = {part[:-2]: [value]} if part.endswith("[]") else {part: value}
    return value


def unknown(program, wanted, work):
    """Those of [(folder, type, key)] that a program calls invalid keys. Each is a component of its own in one configuration; a program
    that tells the first error of a section alone is asked again without it."""
    ids = {"%s/k%d" % (name, i): (folder, key) for i, (folder, name, key) in enumerate(wanted)}
    invalid = set()
    for _ in range(len(wanted)):
        config = {}
        for name, (folder, key) in ids.items():
            config.setdefault(place(folder)[0], {})[name] = nested(key)
        with open(work + "/keys.yaml", "w", encoding="utf-8") as f:
            json.dump(config, f)
        done = subprocess.run([program, "validate", "--config", f.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        parts = re.split(r'error reading configuration for "([^"]+)"', done.stdout.decode())
        told = [(name, what) for name, what in zip(parts[1::2], parts[2::2]) if name in ids]
        if not told:
            return invalid
        told = told[:-1] or told  # a text may be cut at its end
        invalid |= {ids[name] for name, what in told if "has invalid keys" in what}
        for name, _ in told:
            ids.pop(name, None)
    raise RuntimeError(program + " does not come to an end")


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in leaves(inner, path + "." + key if path else key).items()}
    return {path: "" if value in (None, [], {}, "") else json.dumps(value)}


def plain(value):
    """Durations as nanoseconds; "" for zero values."""
    m = re.fullmatch(r'"(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?(?:(\d+)ms)?"', value)
    if m and value != '""':
        value = str(round(sum(float(n or 0) * unit for n, unit in zip(m.groups(), (3600, 60, 1, 0.001))) * 10**9))
    return "" if value in ("0", "false") else value


def defaults(program, folders, work):
    config = {"receivers": {"otlp": {"protocols": {"grpc": None}}}, "exporters": {"debug": None},
              "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}}}}
    for folder, name in folders.items():
        config.setdefault(place(folder)[0], {})[name] = NEEDS.get(folder)
    with open(work + "/defaults.yaml", "w", encoding="utf-8") as f:
        json.dump(config, f)
    done = subprocess.run([program, "print-config", "--format", "json", "--validate=false", "--config", f.name],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError(program + ": " + done.stderr.decode()[-1000:])
    made = json.loads(done.stdout)
    return {folder: leaves(made[place(folder)[0]].get(name) or {}) for folder, name in folders.items()}


def main():
    os.chdir(ROOT)
    if not collector.build():
        return 0
    theirs, known = types(collector.COLLECTOR), compatibility.differences()
    folders = {f: place(f)[1] for f in compatibility.components() if f not in compatibility.OWN and place(f) in theirs}
    ours = [(f, name, key) for f, name in folders.items() for key, *_ in compatibility.settings(collector.BIN, f)]
    alone = [(f, name, key) for f, name in folders.items() for key, (way, _) in known.get(f, {}).items() if way == "theirs"]
    failures = []
    with tempfile.TemporaryDirectory() as work:
        not_theirs = unknown(collector.COLLECTOR, ours + alone, work)
        not_ours = unknown(collector.BIN, ours + alone, work)
        both = [defaults(program, folders, work) for program in (collector.COLLECTOR, collector.BIN)]
    said = {(f, key) for f in folders for key, (way, _) in known.get(f, {}).items() if way == "ours"}
    failures += ["+%s %s: the Collector does not know it" % pair for pair in sorted(not_theirs - said)]
    failures += ["%s %s: called ours, but the Collector knows it" % pair for pair in sorted(said - not_theirs)]
    failures += ["%s %s: called the Collector's alone, but is known here" % pair for pair in sorted({(f, k) for f, _, k in alone} - not_ours)]
    failures += ["%s %s: not known here" % pair for pair in sorted(not_ours - {(f, k) for f, _, k in alone})]
    inert = {(f, key) for f in folders for key, _, _, meaning in compatibility.settings(collector.BIN, f) if "without effect" in meaning}
    compared = 0
    for f in folders:
        mine = {key for key, *_ in compatibility.settings(collector.BIN, f)} | {key for key, (way, _) in known.get(f, {}).items() if way == "theirs"}
        failures += ["-%s %s: the Collector has it" % (f, key) for key in both[0][f] if key and not any(
            key == k or key.startswith(k + ".") or k.startswith(key + ".") or k.startswith(key + "[]") for k in mine)]
        for key in both[0][f].keys() & both[1][f].keys():
            if key.split(".")[0] in NEEDS.get(f, {}) and isinstance(NEEDS[f][key.split(".")[0]], list) or key.endswith(PRINTED):
                continue
            compared += 1
            a, b = (side[f][key] for side in both)
            listed = known.get(f, {}).get(key, ("", ""))
            if plain(a) != plain(b) and listed[0] != "default" and (f, key) not in inert:
                failures.append("=%s %s: %s instead of %s" % (f, key, b or "unset", a or "unset"))
            if plain(a) == plain(b) and listed[0] == "default":
                failures.append("=%s %s: is the same" % (f, key))
    for failure in sorted(failures):
        print(failure)
    print("%d passed, %d failed (%d settings, %d defaults)" % (len(ours) + len(alone) + compared - len(failures), len(failures), len(ours) + len(alone), compared))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
