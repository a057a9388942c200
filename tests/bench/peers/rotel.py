# SPDX-License-Identifier: Apache-2.0
"""Rotel, a pipeline in Rust, from the npm registry: PyPI has no package of it, and the crate of that name is another program."""

import os
import shutil
import subprocess
import tempfile

import e2e
from go_peer import CACHE
from peers.program import Absent, Program, size_of

NAME = "Rotel"
PACKAGE, VERSION = "@streamfold/rotel-linux-x64", "0.0.8-alpha"


class Rotel:
    name = NAME
    note = "Rotel's OTLP exporter compresses with gzip whatever it is told: with `none` as many bytes left it as with `gzip`."

    def __init__(self, options):
        self.malloc_count = options.malloc_count
        self.folder = os.path.join(CACHE, "rotel-" + VERSION)
        self.binary = os.path.join(self.folder, "node_modules", PACKAGE, "bin/rotel-agent")

    def prepare(self):
        if os.uname().machine != "x86_64":
            raise Absent("the npm registry has it for x86-64 alone")
        if not os.path.exists(self.binary):
            if not shutil.which("npm"):
                raise Absent("npm is not installed")
            os.makedirs(self.folder, exist_ok=True)
            done = subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", self.folder, f"{PACKAGE}@{VERSION}"],
                                  capture_output=True, text=True, timeout=300, check=False)
            if not os.path.exists(self.binary):
                raise Absent(f"npm cannot install {PACKAGE}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")

    def version(self):
        told = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        return f"{told} (npm {PACKAGE} {VERSION})"

    def sizes(self):
        return size_of(self.binary)

    def start(self, setup, where, counted=False):
        if setup.stages:
            raise Absent("it has none")
        if setup.tls:
            raise Absent("its receiver has no TLS")
        grpc, http = e2e.free_port(), e2e.free_port()
        work = tempfile.mkdtemp(dir=where.folder)
        env = {}
        if counted:
            open(work + "/allocations", "w", encoding="ascii").close()
            env = {"LD_PRELOAD": os.path.abspath(self.malloc_count), "MALLOC_COUNT_FILE": work + "/allocations"}
        command = [self.binary, "start", "--pid-file", work + "/pid", "--log-file", work + "/log",
                   "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}",
                   "--otlp-grpc-max-recv-msg-size-mib", "64"]
        if setup.forward:
            command += ["--exporter", "otlp", "--otlp-exporter-protocol", "grpc", "--otlp-exporter-compression", setup.forward,
                        "--otlp-exporter-endpoint", f"http://127.0.0.1:{where.backend or where.sink.grpc}"]
            if not setup.batch:
                command.append("--disable-batching")
        else:
            command += ["--exporter", "blackhole"]
        program = Program(NAME, command, grpc, http, env=env, log=work + "/log.out").wait_ready()
        program.config = " ".join(command[1:])
        return program
