# SPDX-License-Identifier: Apache-2.0
"""A real Collector for the interop tests: built once with its own builder from the Go module proxy, and kept in
${XDG_CACHE_HOME:-~/.cache}/otelcol-aimon. Which release, and with which components, is said here alone."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BIN = os.environ.get("AIMON_BIN", "")
VERSION, PROVIDERS = "v0.159.0", "v1.65.0"
CORE, CONTRIB = "go.opentelemetry.io/collector/", "github.com/open-telemetry/opentelemetry-collector-contrib/"
# Left out because their modules are not on every proxy: receiver/nop, receiver/otlpjsonfile, extension/basicauth.
COMPONENTS = {
    "connectors": [CONTRIB + "connector/spanmetricsconnector", CORE + "connector/forwardconnector"],
    "receivers": [CORE + "receiver/otlpreceiver"],
    "processors": [CORE + "processor/batchprocessor", CORE + "processor/memorylimiterprocessor",
                   CONTRIB + "processor/attributesprocessor", CONTRIB + "processor/resourceprocessor",
                   CONTRIB + "processor/filterprocessor", CONTRIB + "processor/redactionprocessor",
                   CONTRIB + "processor/probabilisticsamplerprocessor", CONTRIB + "processor/transformprocessor"],
    "exporters": [CORE + "exporter/otlpexporter", CORE + "exporter/otlphttpexporter", CORE + "exporter/debugexporter",
                  CORE + "exporter/nopexporter", CONTRIB + "exporter/fileexporter", CONTRIB + "exporter/prometheusexporter",
                  CONTRIB + "exporter/prometheusremotewriteexporter"],
    "extensions": [CONTRIB + "extension/healthcheckextension", CONTRIB + "extension/storage/filestorage",
                   CONTRIB + "extension/bearertokenauthextension", CORE + "extension/zpagesextension",
                   CONTRIB + "extension/pprofextension"],
}
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "otelcol-aimon")


def manifest():
    made = {kind: [{"gomod": "%s %s" % (module, VERSION)} for module in modules] for kind, modules in COMPONENTS.items()}
    made["providers"] = [{"gomod": "%sconfmap/provider/%sprovider %s" % (CORE, name, PROVIDERS)} for name in ("file", "env", "yaml")]
    return made


# Another set of components is another binary.
COLLECTOR = os.path.join(CACHE, "otelcol-%s-%s" % (VERSION[1:], hashlib.sha256(json.dumps(manifest()).encode()).hexdigest()[:8]))


def build():
    """True when the Collector is there, or could be built; else the reason is printed as `skipped: …`."""
    if os.access(COLLECTOR, os.X_OK):
        return True
    if not shutil.which("go"):
        print("skipped: Go is not installed")
        return False
    with tempfile.TemporaryDirectory() as work:
        with open(os.path.join(work, "build.yaml"), "w", encoding="utf-8") as f:
            json.dump({"dist": {"name": "otelcol", "output_path": work + "/out"}, "conf_resolver": {"default_uri_scheme": "env"},
                       **manifest()}, f)
        command = ["nice", "go", "run", CORE + "cmd/builder@" + VERSION, "--config", f.name]
        try:
            done = subprocess.run(command, cwd=work, timeout=570, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired:
            print("skipped: the Collector was not built within 570 s")
            return False
        if done.returncode != 0:
            print("skipped: the Collector cannot be built: " + done.stdout.decode().strip().splitlines()[-1])
            return False
        os.makedirs(CACHE, exist_ok=True)
        shutil.move(work + "/out/otelcol", COLLECTOR)
    return True


def ports(n):
    """Free ports of 127.0.0.1, as far as one can know."""
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    found = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return found


@contextlib.contextmanager
def running(program, config, log):
    """Runs a program (COLLECTOR or BIN) with a configuration (a dict) until the block ends; `log` gets what it says."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        json.dump(config, f)
        f.flush()
        with open(log, "wb") as out, subprocess.Popen([program, "--config", f.name], stdout=out, stderr=out) as process:
            try:
                wait_ready(process, log)
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def wait_ready(process, log):
    for _ in range(300):
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        if "Everything is ready." in text:
            return
        if process.poll() is not None:
            raise RuntimeError("%s ended: %s" % (process.args[0], text[-2000:]))
        time.sleep(0.1)
    raise RuntimeError("%s did not become ready: %s" % (process.args[0], text[-2000:]))


def post(url, body, headers=None):
    """(status, headers, body) of a POST."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def wait_for(condition, seconds=20):
    """True as soon as the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())
