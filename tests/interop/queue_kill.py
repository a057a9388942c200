#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A queue on disk, and one in memory, against kills, outages, damage and a full disk.

Every item is stamped. Clients note what was acknowledged, a backend of Python's grpcio notes what arrived. What was
acknowledged and never arrives is lost, what arrives and was never sent is made up: both must be 0. Items that arrive
twice are counted. What is refused must be so that a client may come again.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/queue_kill.py [ROUNDS] [SEED] [SECONDS]

40 rounds of kill and restart by default, and half as many with `sync: interval`; 200 take 5 times as long. SECONDS: how long a
backend is away at least before a queue in memory is sent; by default until the queue is full.
"""

import atexit
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from free_ports import free_port

try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(0)

BIN = os.environ["AIMON_BIN"]
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9)
AWAY_S = float(sys.argv[3]) if len(sys.argv) > 3 else 0
STAMP = re.compile(rb"stamp-[0-9]+-")
CLIENTS = 3
CONFIG = """
extensions: {{file_storage: {{directory: "{folder}/queue", max_queue_size: {max_size}, min_free_bytes: 0, sync: {sync}}}}}
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
processors: {{batch: {{timeout: 20ms, send_batch_size: 50, send_batch_max_size: 60}}}}
exporters:
  otlp_grpc:
    endpoint: "127.0.0.1:{backend}"
    compression: none
    tls: {{insecure: true}}
    timeout: 1s
    sending_queue: {queue}
    retry_on_failure: {{initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0}}
service:
  extensions: [file_storage]
  telemetry: {{metrics: {{level: none, readers: []}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp_grpc]}}
    logs: {{receivers: [otlp], exporters: [otlp_grpc]}}
"""
DURABLE = "{storage: file_storage, queue_size: 100000}"


def fail(text):
    sys.exit(f"FAILED: {text} (seed {SEED})")


class Backend(grpc.GenericRpcHandler):
    """Notes what arrives; while it is `down` it refuses, and now and then without being down."""

    def __init__(self):
        self.seen = collections.Counter()
        self.down = False
        self.rejects = False
        self.odds = 0.05
        self.lock = threading.Lock()
        self.rng = random.Random(SEED)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), [self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def arrived(self):
        with self.lock:
            return collections.Counter(self.seen)

    def service(self, details):
        def answer(request, context):
            with self.lock:
                if self.rejects:
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not wanted")
                if self.down or self.rng.random() < self.odds:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
                self.seen.update(STAMP.findall(request))
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)


class Ledger:
    """What was sent, acknowledged and refused."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.sent, self.acknowledged = set(), set()
        self.refused = collections.Counter()

    def stamps(self, n):
        with self.lock:
            made = [b"stamp-%d-" % (self.next + i) for i in range(n)]
            self.next += n
            self.sent.update(made)
        return made


def request_of(stamps, kind):
    texts = [s.decode() for s in stamps]
    if kind == "logs":
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": t}} for t in texts]}]}]}
    spans = [{"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": t} for t in texts]
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}


class Service:
    def __init__(self, folder, backend, queue=DURABLE, processors="batch", max_size="1GiB", sync="group"):
        self.folder = pathlib.Path(folder)
        self.http = free_port()
        self.log = open(self.folder / "log", "ab")
        (self.folder / "c.yaml").write_text(CONFIG.format(folder=folder, http=self.http, backend=backend.port, queue=queue,
                                                          processors=processors, max_size=max_size, sync=sync))
        self.process = None

    def start(self):
        self.process = subprocess.Popen([BIN, "--config", str(self.folder / "c.yaml")], stderr=self.log)
        atexit.register(self.process.kill)  # after a failure nobody else ends it
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.http)) == 0:
                    return
            if self.process.poll() is not None:
                fail(f"the service does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)
        fail("the service is not ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        begin = time.monotonic()
        self.process.terminate()
        if self.process.wait(20) != 0:
            fail("exit code")
        return time.monotonic() - begin

    def send(self, ledger, n, kind):
        """True when acknowledged, False when refused or cut off."""
        stamps = ledger.stamps(n)
        body = json.dumps(request_of(stamps, kind)).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/v1/{kind}", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
            with ledger.lock:
                ledger.acknowledged.update(stamps)
            return True
        except urllib.error.HTTPError as error:
            with ledger.lock:
                ledger.refused[error.code] += 1
        except OSError:
            pass
        return False


def load(service, ledger, stop, size=5):
    """Clients that send as fast as they are answered until `stop`."""
    def client(number):
        kind = "logs" if number % 2 else "traces"
        while not stop.is_set():
            if not service.send(ledger, size, kind):
                time.sleep(0.01)
    threads = [threading.Thread(target=client, args=(i,), daemon=True) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    return threads


def settle(backend, ledger, what, lost_allowed=0):
    """Waits until all that was acknowledged arrived, and gives the verdict."""
    end = time.monotonic() + 30
    while time.monotonic() < end and not ledger.acknowledged <= backend.arrived().keys():
        time.sleep(0.05)
    arrived = backend.arrived()
    lost = ledger.acknowledged - arrived.keys()
    made_up = arrived.keys() - ledger.sent
    wrong = {code: n for code, n in ledger.refused.items() if code not in (429, 502, 503, 504)}
    twice = sum(n - 1 for n in arrived.values())
    print(f"{what}: {len(ledger.acknowledged)} acknowledged, {len(lost)} lost, {twice} more than once, "
          f"{sum(ledger.refused.values())} requests refused")
    if len(lost) > lost_allowed or made_up or wrong:
        fail(f"{what}: {len(lost)} lost {sorted(lost)[:3]}, {len(made_up)} made up, refused with {wrong}")
    return len(lost), twice


def kills(rng, rounds, sync):
    with tempfile.TemporaryDirectory() as folder:
        backend, ledger, stop = Backend(), Ledger(), threading.Event()
        service = Service(folder, backend, sync=sync)
        service.start()
        threads = load(service, ledger, stop)
        for _ in range(rounds):
            backend.down = rng.random() < 0.3
            time.sleep(rng.random() * 0.25)
            service.kill()
            service.start()
        backend.down = False
        stop.set()
        for thread in threads:
            thread.join()
        settle(backend, ledger, f"{rounds} kills, sync: {sync}")
        backend.odds = 0
        time.sleep(0.5)  # for what was refused last
        service.stop()
        if list((service.folder / "queue").glob("*.segment")):
            fail("a queue that was emptied has segments")
        backend.server.stop(0)


def termination_while_the_backend_is_down():
    with tempfile.TemporaryDirectory() as folder:
        backend, ledger = Backend(), Ledger()
        service = Service(folder, backend)
        service.start()
        backend.down = True
        for i in range(60):
            if not service.send(ledger, 5, "logs" if i % 2 else "traces"):
                fail("refused with room in the queue")
        took = service.stop()
        if took > 10:
            fail(f"the end took {took:.1f} s")
        backend.down = False
        service.start()
        _, twice = settle(backend, ledger, "SIGTERM while the backend is down")
        if twice:
            fail("what never arrived arrives twice")
        service.stop()
        backend.server.stop(0)


def reload():
    """SIGHUP under load: the new service takes the queue over from the old one."""
    with tempfile.TemporaryDirectory() as folder:
        backend, ledger, stop = Backend(), Ledger(), threading.Event()
        service = Service(folder, backend)
        service.start()
        threads = load(service, ledger, stop)
        for i in range(3):
            backend.down = i == 1
            time.sleep(0.4)
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.6)
        backend.down = False
        stop.set()
        for thread in threads:
            thread.join()
        settle(backend, ledger, "3 reloads")
        service.stop()
        backend.server.stop(0)


def damage(rng):
    """Bits flipped all over the store of a stopped service: it starts, and loses what was damaged at most."""
    with tempfile.TemporaryDirectory() as folder:
        backend, ledger = Backend(), Ledger()
        service = Service(folder, backend, processors="")
        service.start()
        backend.down = True
        for _ in range(100):
            if not service.send(ledger, 1, "logs"):
                fail("refused with room in the queue")
        service.kill()
        segment = next((service.folder / "queue").glob("*logs*.segment"))
        bytes_ = bytearray(segment.read_bytes())
        places = [m.start() for m in re.finditer(rb"stamp-", bytes_)]
        flips = [rng.choice(places) + rng.randrange(-40, 10) for _ in range(5)] + [rng.randrange(20000) for _ in range(5)]
        for at in flips:
            bytes_[at] ^= 1 << rng.randrange(8)
        segment.write_bytes(bytes_)
        backend.down = False
        service.start()
        end, arrived = time.monotonic() + 15, 0
        while arrived < len(ledger.acknowledged) - 5 and time.monotonic() < end:
            time.sleep(0.2)
            arrived = sum(1 for stamp in ledger.acknowledged if stamp in backend.seen)
        print(f"damage: {len(places)} records, 10 bits flipped, {arrived} arrived")
        if arrived < len(ledger.acknowledged) - 5:
            fail("more lost than damaged")
        service.stop()
        backend.server.stop(0)


def full_disk():
    """False when it was not run."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/queue")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder + "/queue"], capture_output=True,
                          check=False).returncode:
            print("full disk: not run, it takes the right to mount")
            return False
        service = None
        try:
            backend, ledger = Backend(), Ledger()
            service = Service(folder, backend, processors="")
            service.start()
            backend.down = True
            filler = 0
            while service.send(ledger, 2000, "logs") and filler < 2000:
                filler += 1
            if not ledger.refused[503]:
                fail(f"a full disk refused with {dict(ledger.refused)}")
            backend.down = False
            service.send(ledger, 5, "logs")
            settle(backend, ledger, "full disk")
            if not service.send(ledger, 5, "logs"):
                fail("refused although the disk has room again")
            settle(backend, ledger, "full disk, afterwards")
            service.stop()
            backend.server.stop(0)
        finally:
            if service and service.process:
                service.kill()
            subprocess.run(["umount", folder + "/queue"], check=False)
    return True


def dead_letters():
    """What the backend rejects for good is kept in files, which OTLP/HTTP takes again."""
    with tempfile.TemporaryDirectory() as folder:
        backend, ledger = Backend(), Ledger()
        service = Service(folder, backend, processors="")
        service.start()
        backend.rejects = True
        for kind in ["logs", "traces"] * 20:
            if not service.send(ledger, 3, kind):
                fail("refused with room in the queue")
        letters = pathlib.Path(folder) / "queue/dead_letters"
        end = time.monotonic() + 20
        while time.monotonic() < end and len(list(letters.glob("*.pb"))) < 40:
            time.sleep(0.05)
        service.stop()  # not a kill: a file is there before its request has left the queue
        service.start()
        backend.rejects = False
        found = sorted(letters.glob("*.pb"))
        for letter in found:
            if "not wanted" not in letter.with_suffix(".txt").read_text():
                fail("a dead letter without its reason")
            kind = "logs" if "_logs." in letter.name else "traces"
            request = urllib.request.Request(f"http://127.0.0.1:{service.http}/v1/{kind}", letter.read_bytes(),
                                             {"Content-Type": "application/x-protobuf"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
        _, twice = settle(backend, ledger, f"{len(found)} dead letters sent again")
        if len(found) != 40 or twice:
            fail(f"{len(found)} dead letters of 40 requests, {twice} items twice")
        service.stop()
        backend.server.stop(0)


def outage_in_memory():
    """A backend that is away for a while, and a queue in memory: what has room is not lost, the rest is refused."""
    with tempfile.TemporaryDirectory() as folder:
        backend, ledger, stop = Backend(), Ledger(), threading.Event()
        service = Service(folder, backend, queue="{queue_size: 200}", processors="")
        service.start()
        backend.down = True
        threads = load(service, ledger, stop)
        began = time.monotonic()
        while time.monotonic() < began + AWAY_S or (not ledger.refused[503] and time.monotonic() < began + 20):
            time.sleep(0.05)
        refused = ledger.refused[503]
        backend.down = False
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join()
        if not refused:
            fail("the queue was never full")
        settle(backend, ledger, "outage, queue in memory")
        service.stop()
        backend.server.stop(0)


def main():
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    kills(rng, ROUNDS, "group")
    kills(rng, ROUNDS // 2, "interval")  # what is written survives a kill, flushed or not
    termination_while_the_backend_is_down()
    reload()
    damage(rng)
    was_full = full_disk()
    dead_letters()
    outage_in_memory()
    print(f"{7 + was_full} passed: queues through {ROUNDS + ROUNDS // 2} kills, reloads, an outage, damage"
          f"{', rejections and a full disk' if was_full else ' and rejections'}")


main()
