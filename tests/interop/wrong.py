#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The binary on every wrong configuration of tests/wrong: `validate`, and a start. Exit code 1, in less than a second, one
error on stderr that names the file, line and column, and nothing on stdout.

    AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/wrong.py
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.realpath(os.environ.get("AIMON_BIN", os.path.join(ROOT, "build/debug/bin/otelcol-aimon")))


def cases():
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/wrong/*.txt"))):
        with open(path, "rb") as file:
            for case in file.read().split(b"=== ")[1:]:
                head, at, yaml = re.match(rb"(.*?)\nat: ([0-9:]+)\n(.*)", case, re.S).groups()
                name, *errors = head.decode().split("\nerror: ")
                yield name, errors, at.decode(), yaml


def judge(arguments, prefix, errors, at, folder):
    started = time.monotonic()
    try:
        done = subprocess.run([BIN, *arguments], cwd=folder, capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        return "still runs"
    took = time.monotonic() - started
    text = done.stderr.decode(errors="replace")
    places = re.findall(r"wrong\.yaml:([0-9]+:[0-9]+)", text)
    if done.returncode != 1:
        return f"exit code {done.returncode}"
    if done.stdout:
        return f"stdout: {done.stdout!r}"
    if not text.startswith(prefix) or text.count(prefix) != 1:
        return f"not one error: {text!r}"
    if any(error not in text for error in errors):
        return f"expected {errors}, got {text!r}"
    if places != [at]:
        return f"expected one error at {at}, got {text!r}"
    if took >= 1:
        return f"took {took:.2f} s"
    return None


def main():
    passed, failed = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name, errors, at, yaml in cases():
            with open(os.path.join(folder, "wrong.yaml"), "wb") as file:
                file.write(yaml)
            why = judge(["validate", "--config", "wrong.yaml"], "Error: ", errors, at, folder)
            why = why or judge(
                ["--config=wrong.yaml"], "collector server run finished with error: ", errors, at, folder
            )
            if why:
                failed.append(f"{name}: {why}")
            else:
                passed += 1
    for line in failed:
        print("FAILED:", line)
    print(f"{passed} passed")
    sys.exit(1 if failed or passed < 200 else 0)


main()
