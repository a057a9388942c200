# SPDX-License-Identifier: Apache-2.0
"""Foreign programs in Go for the interop tests: each is built once from the Go module proxy and kept in
${XDG_CACHE_HOME:-~/.cache}/otelcol-aimon."""

import fcntl
import os
import shutil
import subprocess
import tempfile

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "otelcol-aimon")


def once(program, make):
    """True when the program (a path) is there, or `make(work)`, which returns the path of what it built in the folder `work`, could
    build it; else the reason is printed as `skipped: …`. Tests that run at the same time build it once."""
    os.makedirs(CACHE, exist_ok=True)
    with open(program + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.access(program, os.X_OK):
            return True
        name = os.path.basename(program)
        if not shutil.which("go"):
            print("skipped: Go is not installed")
            return False
        with tempfile.TemporaryDirectory() as work:
            try:
                shutil.move(make(work), program)
            except subprocess.TimeoutExpired as error:
                print("skipped: %s was not built within %d s" % (name, error.timeout))
                return False
            except subprocess.CalledProcessError as error:
                print("skipped: %s cannot be built: %s" % (name, error.stdout.decode().strip().splitlines()[-1]))
                return False
    return True


def go(work, *arguments):
    subprocess.run(["nice", "go", *arguments], cwd=work, timeout=570, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)


def command(name, module, version, package, directives="", tags=""):
    """The path of a command of a module, built when it is not there yet; None: it cannot be, and `skipped: …` was printed. The
    `replace` and `exclude` directives of a module count for nothing in others: `directives` repeats those that it needs."""
    def make(work):
        with open(work + "/go.mod", "w", encoding="ascii") as f:
            f.write("module peer\n\ngo 1.26.0\n\nrequire %s %s\n%s" % (module, version, directives))
        go(work, "build", "-mod=mod", "-ldflags=-s -w", "-tags", tags, "-o", "peer-program", package)
        return work + "/peer-program"

    program = os.path.join(CACHE, "%s-%s" % (name, version[1:]))
    return program if once(program, make) else None
