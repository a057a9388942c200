#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind, over gRPC and HTTP: the answer, and afterwards a process that is alive, small and serving.

    AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/hostile.py [substring of case names]
"""
import gzip
import json
import os
import pathlib
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib

from free_ports import free_ports
import wire
from wire import grpc, http

BINARY = os.environ.get("AIMON_BIN", "build/debug/bin/otelcol-aimon")
CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}", read_header_timeout: 1s, read_timeout: 3s, write_timeout: 2s, idle_timeout: 30s}}
      http: {{endpoint: "127.0.0.1:{http}", read_header_timeout: 1s, read_timeout: 3s, write_timeout: 2s, idle_timeout: 30s}}
exporters: {{debug: {{verbosity: basic}}}}
service:
  telemetry: {{logs: {{level: warn}}, metrics: {{level: none, readers: []}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug]}}
    metrics: {{receivers: [otlp], exporters: [debug]}}
    logs: {{receivers: [otlp], exporters: [debug]}}
"""
RSS_SLACK = 64 << 20
GOOD = wire.traces(wire.span())
GRPC_LIMIT, HTTP_LIMIT = 4 << 20, 20 << 20
OK, INVALID, EXHAUSTED, UNIMPLEMENTED, INTERNAL, DEADLINE = 0, 3, 8, 12, 13, 4


def until(condition, seconds):
    """Waits for a condition, at most so long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Server:
    """The binary under test."""

    def __init__(self, files=1024):
        self.grpc, self.http = free_ports(2)
        self.folder = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.folder.name) / "config.yaml"
        config.write_text(CONFIG.format(grpc=self.grpc, http=self.http), encoding="utf-8")
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [BINARY, "--config", str(config)], stdout=self.log, stderr=self.log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        if not until(self.good, 15):
            raise RuntimeError("the binary did not start:\n" + self.output())
        self.rss0, self.fds0 = self.rss(), self.fds()

    def output(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")[-4000:]

    def good(self):
        """A good request over either protocol is accepted."""
        try:
            return grpc(self.grpc, "traces", GOOD).code == OK and http(self.http, "traces", GOOD).code == 200
        except (OSError, wire.Gone):
            return False

    def prompt(self):
        begin = time.monotonic()
        return self.good() and time.monotonic() - begin < 0.2  # two requests

    def serve_during(self, attack, *arguments):
        """Runs an attack in the background; meanwhile other clients are served and memory stays flat."""
        result = []

        def run_attack():
            try:
                result.append((attack(*arguments), None))
            except Exception as error:  # pylint: disable=broad-except
                result.append((None, error))

        thread = threading.Thread(target=run_attack)
        thread.start()
        served, slowest, largest = 0, 0.0, 0
        try:
            while thread.is_alive() or served == 0:
                begin = time.monotonic()
                assert self.good(), "another client was not served during the attack"
                served, slowest = served + 1, max(slowest, time.monotonic() - begin)
                largest = max(largest, self.rss())
                time.sleep(0.01)
        finally:
            thread.join()
        assert slowest < 2, f"another client waited {slowest:.1f} s during the attack"
        assert largest < self.rss0 + RSS_SLACK, f"{(largest - self.rss0) >> 20} MiB more during the attack"
        if result[0][1]:
            raise result[0][1]
        return result[0][0]

    def rss(self, what="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024
        return 0

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def check_health(self):
        """Alive, answering at once, memory and descriptors as before."""
        assert self.process.poll() is None, f"the process died with {self.process.returncode}: {self.output()}"
        assert self.good(), "a good request was not accepted afterwards"
        assert until(self.prompt, 5), "good requests are not answered within 100 ms"
        assert until(lambda: self.fds() <= self.fds0, 6), f"{self.fds()} descriptors, {self.fds0} before"
        assert until(lambda: self.rss() <= self.rss0 + RSS_SLACK, 3), f"RSS {self.rss()}, {self.rss0} before"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        text = self.output()
        self.log.close()
        self.folder.cleanup()
        assert code == 0, f"exit status {code} at the end: {text}"


CASES = []


def case(function):
    CASES.append(function)
    return function


def expect(reply, code, text=""):
    body = reply.text + reply.body.decode("utf-8", "replace")
    assert reply.code == code and text in body, f"got {reply!r}, wanted {code} {text!r}"
    return reply


def both(server, message, grpc_code, http_code, text="", signal_name="traces"):
    """The same message over both protocols; a refused one is refused for good."""
    reply = expect(grpc(server.grpc, signal_name, message), grpc_code, text)
    assert "grpc-status-details-bin" not in reply.headers, "a final refusal must not ask for a retry"
    reply = expect(http(server.http, signal_name, message), http_code, text)
    assert reply.headers.get("content-type") == "application/x-protobuf", reply


# ---- A. Framing and protobuf ------------------------------------------------------------------------------


@case
def a01_empty(server):
    for signal_name in wire.SERVICES:
        both(server, b"", OK, 200, signal_name=signal_name)
        assert grpc(server.grpc, signal_name, b"").body == b"", "no partial_success is to be set"
        assert http(server.http, signal_name, b"").body == b"", "no partial_success is to be set"
        expect(http(server.http, signal_name, b"{}", content_type="application/json"), 200)


@case
def a02_varints_and_wire_types(server):
    inner = [b"\x0a\xff", b"\x08" + b"\xff" * 11, b"\x02\x00", b"\x0e\x00", b"\x0f\x00", b"\x0c", b"\x0b\x14", b"\x80"]
    for bad in inner:
        for message in (bad, wire.traces(bad), wire.traces(wire.span(extra=bad))):
            both(server, message, INVALID, 400, "otlp: malformed protobuf at byte")
        for signal_name in ("metrics", "logs"):
            both(server, bad, INVALID, 400, "otlp: malformed protobuf at byte", signal_name)


@case
def a03_lengths_past_the_end(server):
    for size in (b"\x05", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", b"\xff" * 9 + b"\x01"):
        both(server, b"\x0a" + size, INVALID, 400, "otlp: malformed protobuf at byte")
        both(server, wire.traces(b"\x2a" + size), INVALID, 400, "otlp: malformed protobuf at byte")


@case
def a04_unknown_fields_and_enums(server):
    extra = wire.field(1000, b"new") + wire.number_field(6, 99) + wire.fixed64(1001, 7) + b"\xa3\x06\x08\x01\xa4\x06"
    both(server, wire.traces(wire.span(extra=extra)), OK, 200)


def with_attribute(value):
    return wire.traces(wire.span(extra=wire.field(9, wire.key_value(b"k", value))))


@case
def a05_nesting(server):
    both(server, with_attribute(wire.nested_value(64)), OK, 200)
    for depth in (65, 66, 1000, 100_000):
        both(server, with_attribute(wire.nested_value(depth)), INVALID, 400, "otlp: attribute nesting exceeds 64")
    deepest = with_attribute(wire.nested_value(1_000_000))
    expect(http(server.http, "traces", deepest), 400, "otlp: attribute nesting exceeds 64")
    expect(grpc(server.grpc, "traces", deepest), EXHAUSTED, f"otlp: message of {len(deepest)} bytes exceeds limit")
    for depth, code in ((60, 200), (65, 400), (100_000, 400)):
        value = '{"arrayValue":{"values":[' * (depth - 1) + '{"stringValue":"x"}' + "]}}" * (depth - 1)
        text = ('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"30313233343536373839616263646566",'
                '"spanId":"3031323334353637","attributes":[{"key":"k","value":' + value + "}]}]}]}]}")
        reply = http(server.http, "traces", text.encode(), content_type="application/json")
        expect(reply, code)
        assert code == 200 or json.loads(reply.text)["code"] == INVALID, reply
        assert code == 200 or json.loads(reply.text)["message"].startswith("otlp: attribute nesting exceeds 64"), reply


@case
def a06_wide_messages(server):
    spans = wire.field(1, wire.field(2, b"\x12\x00" * (2_000_000)))
    expect(grpc(server.grpc, "traces", spans), EXHAUSTED, "otlp: decoded size exceeds")
    expect(http(server.http, "traces", spans), 413, "otlp: decoded size exceeds")
    attributes = wire.traces(wire.span(extra=b"\x4a\x00" * 2_000_000))
    # Two million empty attributes decode to less than the 256 MiB that are allowed.
    assert grpc(server.grpc, "traces", attributes).code == OK
    attributes = wire.traces(wire.span(extra=b"\x4a\x00" * 9_000_000))
    expect(http(server.http, "traces", attributes), 413, "otlp: decoded size exceeds")
    for item in (b"{},", b'"",', b"[],", b"0,"):
        body = b'{"resourceSpans":[' + item * (19_000_000 // len(item)) + b"{}]}"
        reply = http(server.http, "traces", body, content_type="application/json")
        assert reply.code in (400, 413) and json.loads(reply.text)["code"] in (INVALID, EXHAUSTED), reply
    assert server.rss("VmHWM") < server.rss0 + (600 << 20), "JSON took more memory than it may"


@case
def a06_large_json(server):
    """As much valid JSON as may come: accepted, and its tree is given back."""
    span = ('{"traceId":"30313233343536373839616263646566","spanId":"3031323334353637","attributes":['
            + ",".join(f'{{"key":"k{i}","value":{{"stringValue":"v"}}}}' for i in range(10)) + "]}")
    body = '{"resourceSpans":[{"scopeSpans":[{"spans":[' + ",".join([span] * (4_000_000 // len(span))) + "]}]}]}"
    expect(http(server.http, "traces", body.encode(), content_type="application/json"), 200)


@case
def a07_too_long(server):
    message = wire.traces(wire.span(name=b"x" * (GRPC_LIMIT + 1)))
    text = f"otlp: message of {len(message)} bytes exceeds limit of {GRPC_LIMIT}"
    expect(grpc(server.grpc, "traces", message), EXHAUSTED, text)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 20971521\r\n\r\n"
    data, seconds = wire.raw_http(server.http, head)  # the body is not waited for
    expect(wire.parse_http(data), 413, f"otlp: message of {HTTP_LIMIT + 1} bytes exceeds limit of {HTTP_LIMIT}")
    assert seconds < 4, f"answered after {seconds:.1f} s"
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    data, _ = wire.raw_http(server.http, head.replace(b"Content-Length: 20971521", b"Transfer-Encoding: chunked") + chunk * 21)
    expect(wire.parse_http(data), 413, f"otlp: message of more than {HTTP_LIMIT} bytes exceeds limit of {HTTP_LIMIT}")


@case
def a08_announced_and_stalled(server):
    begin = time.monotonic()
    reply = grpc(server.grpc, "traces", b"", raw=b"\x00\xff\xff\xff\xff", end=False)
    expect(reply, EXHAUSTED, f"otlp: message of 4294967295 bytes exceeds limit of {GRPC_LIMIT}")
    assert time.monotonic() - begin < 1, "the prefix alone is enough to refuse"


def compressed(server, encoding, data, grpc_code, http_code, text=""):
    raw = wire.prefixed(data, 1)
    expect(grpc(server.grpc, "traces", b"", [("grpc-encoding", encoding)], raw=raw), grpc_code, text)
    expect(http(server.http, "traces", data, [("Content-Encoding", encoding)]), http_code, text)


def zstd_frame(blocks):
    """A frame with a window of 128 KiB."""
    return b"\x28\xb5\x2f\xfd\x00\x38" + blocks


def wire_block(data, kind, size=None, last=True):
    """A block of zstd: raw (0), or one byte `size` times (1)."""
    return struct.pack("<I", (size or len(data)) << 3 | kind << 1 | last)[:3] + data


@case
def a09_compression(server):
    good = gzip.compress(GOOD)
    compressed(server, "gzip", good, OK, 200)
    compressed(server, "gzip", gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:]), OK, 200)
    compressed(server, "deflate", zlib.compress(GOOD), OK, 200)
    for bomb in (gzip.compress(bytes(64 << 20)), gzip.compress(bytes(1 << 20)) * 64):
        compressed(server, "gzip", bomb, EXHAUSTED, 413, "otlp: decompressed size exceeds")
    compressed(server, "deflate", zlib.compress(bytes(64 << 20)), EXHAUSTED, 413, "otlp: decompressed size exceeds")
    compressed(server, "gzip", gzip.compress(good), INVALID, 400, "otlp: malformed protobuf")
    for bad in (good[:-9], good[:12], good + b"garbage", good[:-8] + b"\0\0\0\0" + good[-4:], b"no gzip at all, sorry"):
        compressed(server, "gzip", bad, INVALID, 400, "otlp: bad gzip stream")
    compressed(server, "deflate", zlib.compress(GOOD)[:-2], INVALID, 400, "otlp: bad deflate stream")
    compressed(server, "zstd", zstd_frame(wire_block(GOOD, 0)), OK, 200)
    compressed(server, "zstd", zstd_frame(wire_block(GOOD, 0))[:-3], INVALID, 400, "otlp: bad zstd stream")
    bomb = zstd_frame(b"".join(wire_block(b"\0", 1, 1 << 17, i == 511) for i in range(512)))
    compressed(server, "zstd", bomb, EXHAUSTED, 413, "otlp: decompressed size exceeds")
    window = b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"  # a frame that asks for a window of 2 GiB
    compressed(server, "zstd", window, INVALID, 400, "otlp: bad zstd stream")


@case
def a10_unknown_encodings(server):
    reply = grpc(server.grpc, "traces", GOOD, [("grpc-encoding", "br")])
    expect(reply, UNIMPLEMENTED, "unsupported encoding: br")
    assert "gzip" in reply.headers.get("grpc-accept-encoding", ""), reply
    expect(http(server.http, "traces", GOOD, [("Content-Encoding", "br")]), 400, "unsupported Content-Encoding: br")
    expect(http(server.http, "traces", GOOD, [("Content-Encoding", "gzip, gzip")]), 400, "unsupported Content-Encoding")


@case
def a11_strings_that_are_no_text(server):
    for name in (b"a\0b\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\0", bytes(range(256))):
        both(server, wire.traces(wire.span(name=name)), OK, 200)


@case
def a12_bad_ids(server):
    for bad in (wire.span(span_id=b"123"), wire.span(span_id=bytes(8))):
        both(server, wire.traces(bad, wire.span()), OK, 200, "span_id must")
        for reply in (grpc(server.grpc, "traces", wire.traces(bad, bad)), http(server.http, "traces", wire.traces(bad, bad))):
            assert wire.number_field(1, 2) in reply.body[:4], f"two spans were rejected: {reply.body}"
    for bad in (wire.span(trace_id=b"123"), wire.span(trace_id=bytes(16))):
        both(server, wire.traces(wire.span(), bad), OK, 200, "trace_id must")


@case
def a13_duplicate_keys(server):
    twice = wire.field(9, wire.key_value(b"k", wire.string_value(b"1"))) + wire.field(
        9, wire.key_value(b"k", wire.string_value(b"2")))
    both(server, wire.traces(wire.span(extra=twice)), OK, 200)


@case
def a14_string_table_indexes(server):
    both(server, with_attribute(wire.number_field(8, 3)), OK, 200)
    attribute = wire.field(9, wire.number_field(3, 5) + wire.field(2, wire.string_value(b"v")))
    both(server, wire.traces(wire.span(extra=attribute)), OK, 200)


# ---- B. Transport -----------------------------------------------------------------------------------------


def one_flood(port, piece, end, prepare, read):
    """Sends pieces until the server has enough. Returns what GOAWAY said."""
    connection = wire.Http2(port, timeout=5)
    sent = 0
    try:
        if prepare:
            prepare(connection)
        while sent == 0 or time.monotonic() < end:
            connection.send(piece(sent) if callable(piece) else piece)
            sent += 1
    except (wire.Gone, socket.timeout, TimeoutError):
        pass
    connection.socket.settimeout(0.5)
    try:
        while read and connection.goaway is None:
            connection.frame()
    except (wire.Gone, socket.timeout, TimeoutError):
        pass
    finally:
        connection.close()
    return connection.goaway


def flood(server, piece, prepare=None, read=True, seconds=1.5):
    """Floods both ports, with a new connection whenever the server has enough. Returns what the GOAWAYs said."""

    def attack():
        end, codes = time.monotonic() + seconds, set()
        while time.monotonic() < end:
            for port in (server.grpc, server.http):
                codes.add(one_flood(port, piece, end, prepare, read))
        return codes

    return server.serve_during(attack)


def calmed(server, piece, prepare=None):
    codes = flood(server, piece, prepare)
    assert wire.ENHANCE_YOUR_CALM in codes and codes <= {wire.ENHANCE_YOUR_CALM, None}, f"GOAWAY {codes}"


def reset_pair(number):
    head = wire.request_head("/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                             [("content-type", "application/grpc")])
    out = b""
    for i in range(50):
        stream = (number * 50 + i) * 2 + 1
        out += wire.frame(wire.HEADERS, wire.END_HEADERS, stream, head)
        out += wire.frame(wire.RST, 0, stream, struct.pack(">I", 8))
    return out


@case
def b01_rapid_reset(server):
    calmed(server, reset_pair)


@case
def b01_settings_flood(server):
    calmed(server, wire.frame(wire.SETTINGS, 0, 0) * 100)


@case
def b01_ping_flood(server):
    calmed(server, wire.frame(wire.PING, 0, 0, bytes(8)) * 100)


@case
def b01_ping_flood_from_who_never_reads(server):
    flood(server, wire.frame(wire.PING, 0, 0, bytes(8)) * 1000, read=False)


@case
def b01_priority_flood(server):
    calmed(server, wire.frame(wire.PRIORITY, 0, 1, b"\0\0\0\3\x10") * 100)


@case
def b01_window_update_flood(server):
    calmed(server, wire.frame(wire.WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 100)


EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def open_export(connection):
    return connection.open(EXPORT, [("content-type", "application/grpc"), ("te", "trailers")])


@case
def b01_empty_data_flood(server):
    calmed(server, wire.frame(wire.DATA, 0, 1) * 100, prepare=open_export)


@case
def b01_floods_of_ignored_frames(server):
    """Types nobody knows, acknowledgements nobody asked for, DATA in crumbs, and DATA of a stream that is closed."""

    def finished(connection):
        connection.respond(connection.open("/x", [], end=True), end=False)

    calmed(server, wire.frame(0xBB, 0, 0) * 5000)
    calmed(server, wire.frame(wire.PING, wire.ACK, 0, bytes(8)) * 5000)
    calmed(server, wire.frame(wire.DATA, 0, 1, b"x") * 5000, open_export)
    calmed(server, wire.frame(wire.DATA, 0, 1) * 5000, finished)


def stalled(server, settings, nudge=b""):
    """A peer that opens no window for the answer: its stream, at least, is given up."""
    connection = wire.Http2(server.grpc, settings)
    stream = open_export(connection)
    connection.send(wire.frame(wire.DATA, wire.END_STREAM, stream, wire.prefixed(GOOD)))
    connection.socket.settimeout(0.2)
    end = time.monotonic() + 8
    while time.monotonic() < end:
        try:
            kind, flags, _, _ = connection.frame()
            if kind == wire.RST or (kind == wire.HEADERS and flags & wire.END_STREAM):
                connection.close()
                return
        except (socket.timeout, TimeoutError):
            if nudge:
                connection.send(nudge)
        except wire.Gone:
            connection.close()
            return
    connection.close()
    raise AssertionError("the answer was held for a peer that does not take it")


@case
def b01_window_zero_forever(server):
    stalled(server, [(4, 0)])


@case
def b01_one_byte_windows(server):
    stalled(server, [(4, 0)], wire.frame(wire.WINDOW_UPDATE, 0, 1, b"\0\0\0\1"))


@case
def b02_continuation_flood(server):
    def begin(connection):
        connection.send(wire.frame(wire.HEADERS, 0, 1, wire.request_head("/x", [])))

    calmed(server, wire.frame(wire.CONTINUATION, 0, 1, wire.hpack_literal("a", "b")) * 100, begin)
    calmed(server, wire.frame(wire.CONTINUATION, 0, 1) * 100, begin)


@case
def b02_long_header_lists(server):
    big = [("x", "y" * 17_000)]
    reply = grpc(server.grpc, "traces", GOOD, big)
    expect(reply, EXHAUSTED, "header list too large")
    expect(http(server.http, "traces", GOOD, big), 431, "header list too large")
    expect(http(server.http, "traces", GOOD, [(f"x{i}", "y" * 100) for i in range(400)]), 431, "header list too large")


@case
def b02_hpack_bomb(server):
    entry = wire.hpack_literal("x-bomb", "b" * 3000, 0x40)
    bomb = entry + b"\xbe" * 12_000

    def piece(number):
        head = wire.request_head("/opentelemetry.proto.collector.trace.v1.TraceService/Export", [])
        return wire.frame(wire.HEADERS, wire.END_HEADERS | wire.END_STREAM, number * 2 + 1, head + bomb)

    calmed(server, piece)


@case
def b02_trailers_bomb(server):
    """Trailers that name one long entry of the dynamic table 130,000 times."""
    entry, block = wire.hpack_literal("x-bomb", "b" * 3900, 0x40), b"\xbe" * 16384

    def piece(number):
        stream = number * 2 + 1
        out = wire.frame(wire.HEADERS, wire.END_HEADERS, stream, wire.request_head("/x", []) + (b"" if number else entry))
        out += wire.frame(wire.HEADERS, wire.END_STREAM, stream, block)
        return out + wire.frame(wire.CONTINUATION, 0, stream, block) * 6 + wire.frame(
            wire.CONTINUATION, wire.END_HEADERS, stream, block)

    calmed(server, piece)


def trickle(port, start, rest, pause=0.1, bound=10):
    """Sends `rest` a byte at a time; the seconds until the server had enough, and what it said."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(start)
        connection.settimeout(pause)
        for byte in rest:
            try:
                data = connection.recv(4096)
                return time.monotonic() - begin, data
            except (socket.timeout, TimeoutError):
                pass
            except ConnectionResetError:
                return time.monotonic() - begin, b""
            assert time.monotonic() - begin < bound, "still open"
            try:
                connection.sendall(bytes([byte]))
            except (BrokenPipeError, ConnectionResetError):
                return time.monotonic() - begin, b""
    raise AssertionError("took everything")


@case
def b03_slow_heads(server):
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000
    seconds, data = server.serve_during(trickle, server.http, b"", head)
    assert seconds < 4 and (not data or data.startswith(b"HTTP/1.1 408")), (seconds, data)
    seconds, _ = trickle(server.grpc, wire.PREFACE[:5], wire.PREFACE[5:] + bytes(1000))
    assert seconds < 4, seconds
    block = wire.request_head("/x", [("x", "y" * 500)])
    seconds, _ = trickle(server.grpc, wire.PREFACE + wire.frame(wire.SETTINGS, 0, 0),
                         wire.frame(wire.HEADERS, wire.END_HEADERS, 1, block))
    assert seconds < 40, seconds


@case
def b03_slow_bodies(server):
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\n"
    seconds, data = server.serve_during(trickle, server.http, head, bytes(1000))
    assert 1 < seconds < 7 and data.startswith(b"HTTP/1.1 408"), (seconds, data)
    connection = wire.Http2(server.grpc)
    stream = open_export(connection)
    begin = time.monotonic()
    connection.send(wire.frame(wire.DATA, 0, stream, b"\0\0\0\1\0"))
    fields, _, _ = connection.respond(stream, b"", end=False)
    assert fields.get("grpc-status") == str(DEADLINE) and time.monotonic() - begin < 7, fields
    connection.close()


@case
def b03_who_never_reads(server):
    server.serve_during(never_read, server)


def never_read(server):
    """Requests whose answers nobody takes."""
    request = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", server.http), 5) as connection:
        connection.settimeout(0.5)
        end = time.monotonic() + 12
        try:
            while time.monotonic() < end:
                try:
                    connection.sendall(request * 100)
                except (socket.timeout, TimeoutError):
                    pass
            raise AssertionError("still open")
        except (BrokenPipeError, ConnectionResetError):
            pass


@case
def b03_silent(server):
    for port in (server.grpc, server.http):
        data, seconds = wire.raw_http(port, b"")
        assert seconds < 4 and data == b"", (seconds, data)


def shortage(server):
    idle = []
    try:
        for i in range(400):
            try:
                idle.append(socket.create_connection(("127.0.0.1", server.grpc if i % 2 else server.http), 2))
            except OSError:
                pass
        assert len(idle) > 300, f"only {len(idle)} connections could be opened"
        assert until(server.good, 10), "idle connections shut others out"
        assert until(server.prompt, 5), "idle connections slow others down"
        assert server.rss() < server.rss0 + RSS_SLACK
    finally:
        for connection in idle:
            connection.close()
    assert until(server.good, 5), "not serving after the flood"


def b04_out_of_descriptors():
    server = Server(files=256)
    try:
        shortage(server)
        server.check_health()
        assert server.output().count("accept: out of descriptors") in (1, 2), "each listener says it once a minute: " + server.output()
    finally:
        server.stop()


AMBIGUOUS = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "twice the same length": b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "space before the colon": b"Content-Length : 5\r\n\r\nabcde",
    "+5": b"Content-Length: +5\r\n\r\nabcde",
    "-5": b"Content-Length: -5\r\n\r\nabcde",
    "0x5": b"Content-Length: 0x5\r\n\r\nabcde",
    "5, 5": b"Content-Length: 5, 5\r\n\r\nabcde",
    "bare line feeds": b"Content-Length: 5\n\nabcde",
    "bare carriage return": b"X: a\rContent-Length: 5\r\n\r\nabcde",
    "folding": b"X: a\r\n Content-Length: 5\r\n\r\nabcde",
    "folding with a tab": b"X: a\r\n\tb\r\nContent-Length: 5\r\n\r\nabcde",
    "chunked in disguise": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked and more": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk size overflow": b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nabcde\r\n0\r\n\r\n",
    "chunk without an end": b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeX\r\n0\r\n\r\n",
    "chunk ended by LF": b"Transfer-Encoding: chunked\r\n\r\n5\nabcde\n0\n\n",
    "NUL in a name": b"X\0: a\r\nContent-Length: 5\r\n\r\nabcde",
    "NUL in a header": b"X: a\0b\r\nContent-Length: 5\r\n\r\nabcde",
}


@case
def b05_request_smuggling(server):
    hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    for name, rest in AMBIGUOUS.items():
        head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
        data, _ = wire.raw_http(server.http, head + rest + hidden)
        assert data.startswith(b"HTTP/1.1 400 ") and data.count(b"HTTP/1.1 ") == 1, f"{name}: {data[:200]}"
        assert b"connection: close" in data.lower(), f"{name}: {data[:200]}"
        ambiguous = "length" in name or "chunk" in name or name[-1] == "5"
        assert not ambiguous or b"ambiguous length" in data, f"{name}: {data}"


@case
def b06_wrong_method_path_type(server):
    reply = expect(http(server.http, "traces", b"", method="GET"), 405, "405 method not allowed, supported: [POST]")
    assert reply.headers.get("allow") == "POST", reply
    expect(http(server.http, "traces", b"{}", path="/v1/nothing", content_type="application/json"), 404)
    for kind in ("text/plain", "application/protobuf2", None):
        reply = http(server.http, "traces", GOOD, content_type=kind)
        expect(reply, 415, "415 unsupported media type, supported: [application/json, application/x-protobuf]")
        assert reply.headers.get("content-type", "").startswith("text/plain"), reply
    expect(http(server.http, "traces", b"{", content_type="application/json"), 400)
    path = "/opentelemetry.proto.collector.trace.v1.TraceService/Import"
    expect(grpc(server.grpc, "traces", GOOD, path=path), UNIMPLEMENTED)
    expect(grpc(server.grpc, "traces", GOOD, path="/a.B/C"), UNIMPLEMENTED, "unknown service a.B")
    for head, status in (([("content-type", "text/plain")], "415"), ([], "415"), ([("content-type", "application/grpc+json")], "415")):
        connection = wire.Http2(server.grpc)
        fields, _, _ = connection.respond(connection.open(EXPORT, head), wire.prefixed(GOOD))
        connection.close()
        assert fields.get(":status") == status, fields
    connection = wire.Http2(server.grpc)
    fields, _, _ = connection.respond(connection.open(EXPORT, [("content-type", "application/grpc")], end=True, method="GET"), end=False)
    connection.close()
    assert fields.get(":status") == "405", fields
    connection = wire.Http2(server.grpc)  # `te` is missing: nothing here depends on it
    fields, _, _ = connection.respond(connection.open(EXPORT, [("content-type", "application/grpc+proto")]), wire.prefixed(GOOD))
    connection.close()
    assert fields.get("grpc-status") == "0", fields


@case
def b06_grpc_framing(server):
    """Exactly one message a call, whatever the frames."""
    good = wire.prefixed(GOOD)
    for raw in (good + good, good + b"x", good[:-1], good[:3], b""):
        expect(grpc(server.grpc, "traces", b"", raw=raw), INVALID, "otlp: the call does not hold exactly one whole message")
    expect(grpc(server.grpc, "traces", b"", raw=wire.prefixed(GOOD, 2)), INVALID, "otlp: bad flags 2")
    expect(grpc(server.grpc, "traces", b"", raw=wire.prefixed(GOOD, 1)), INTERNAL, "compressed flag set")
    expect(grpc(server.grpc, "traces", b"", [("grpc-encoding", "gzip")], raw=good), OK)
    for at in range(0, len(good), 7):
        connection = wire.Http2(server.grpc)
        stream = open_export(connection)
        connection.send(wire.frame(wire.DATA, 0, stream, good[:at]) + wire.frame(wire.DATA, wire.END_STREAM, stream, good[at:]))
        fields, _, _ = connection.respond(stream, end=False)
        connection.close()
        assert fields.get("grpc-status") == "0", (at, fields)


@case
def b06_http2_out_of_order(server):
    """What breaks the protocol ends the connection, with the code of RFC 9113."""
    head = wire.frame(wire.HEADERS, wire.END_HEADERS, 1, wire.request_head("/x", []))
    ended = wire.frame(wire.HEADERS, wire.END_HEADERS | wire.END_STREAM, 1, wire.request_head("/x", []))
    cases = [(wire.frame(wire.DATA, 0, 1, bytes(16385)), 6), (wire.frame(wire.PING, 0, 0, b"x"), 6),
             (wire.frame(wire.SETTINGS, 0, 0, b"12345"), 6), (wire.frame(wire.DATA, 0, 5, b"x"), 1),
             (wire.frame(wire.WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1)), 3), (ended + ended, 5),
             (ended + wire.frame(wire.DATA, 0, 1, b"x"), 5), (head + wire.frame(wire.DATA, 8, 1, b"\xff1"), 1),
             (wire.frame(wire.HEADERS, wire.END_HEADERS, 2, b"\x83"), 1),
             (wire.frame(wire.HEADERS, wire.END_HEADERS, 1, b"\xff\xff\x7f"), 9),
             (wire.frame(wire.HEADERS, 0, 1, b"\x83") + wire.frame(wire.PING, 0, 0, bytes(8)), 1)]
    for port in (server.grpc, server.http):
        for data, code in cases:
            connection = wire.Http2(port)
            try:
                connection.send(data)
                while connection.goaway is None:
                    connection.frame()
            except wire.Gone:
                pass
            connection.close()
            assert connection.goaway == code, f"GOAWAY {connection.goaway}, wanted {code}, after {data[:40]}"


@case
def b06_http1_oddities(server):
    good = b"Content-Type: application/x-protobuf\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    post = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n"
    chunked = post + b"Content-Type: application/x-protobuf\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    cases = [(post + good, 200), (b"POST http://other/v1/traces?x HTTP/1.1\r\nHost: x\r\n" + good, 200),
             (post + b"Upgrade: h2c\r\n" + good, 200), (b"POST  /v1/traces HTTP/1.1\r\nHost: x\r\n" + good, 400),
             (b"POST /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n" + good, 431), (post + b": x\r\n" + good, 400),
             (post + b"Expect: x\r\n" + good, 417), (b"post /v1/traces HTTP/1.1\r\nHost: x\r\n" + good, 400),
             (chunked + b"%x;a=b\r\n" % len(GOOD) + GOOD + b"\r\n0\r\nTrailer: 1\r\n\r\n", 200),
             (chunked + b"1;" + b"a" * 100_000, 400), (chunked + b"0\r\n" + b"a: b\r\n" * 10_000, 400),
             (chunked + b"0x0\r\n\r\n", 400), (chunked + b"0 \r\n\r\n", 400)]
    for data, code in cases:
        answer, _ = wire.raw_http(server.http, data)
        assert answer.startswith(b"HTTP/1.1 %d " % code), f"{data[:80]}: {answer[:200]}, wanted {code}"


@case
def b06_pipelined(server):
    """Ten thousand requests at once on one connection: each is answered, others are served meanwhile."""
    body = b"Content-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    one = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n" + body
    last = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + body

    def attack():
        with socket.create_connection(("127.0.0.1", server.http), 20) as connection:
            sender = threading.Thread(target=connection.sendall, args=(one * 9_999 + last,))
            sender.start()
            answers = wire.read_all(connection).count(b"HTTP/1.1 200 ")
            sender.join()
            return answers

    assert server.serve_during(attack) == 10_000


@case
def b06_many_streams(server):
    """Connections with as many streams as they may have, each as large as it may be, none finished."""

    def attack():
        connections = [wire.Http2(server.grpc) for _ in range(10)]
        for connection in connections:
            for _ in range(100):
                stream = connection.open(EXPORT, [("content-type", "application/grpc"), ("x", "y" * 14_000)])
                connection.send(wire.frame(wire.DATA, 0, stream, b"\0" + struct.pack(">I", GRPC_LIMIT) + bytes(5000)))
        for connection in connections:
            connection.close()

    server.serve_during(attack)


@case
def b07_not_http_at_all(server):
    noise = random.Random(1)
    for port in (server.grpc, server.http):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), noise.randbytes(5000),
                     b"\r\n" * 2000, b"GET / HTTP/0.9\r\n\r\n", b"\0" * 100):
            answer, seconds = wire.raw_http(port, data)
            assert seconds < 5 and (not answer or b" 400 " in answer or b" 408 " in answer or answer[3:4] == b"\x04"), (answer, seconds)


@case
def b08_cancelled_and_late(server):
    for _ in range(20):
        connection = wire.Http2(server.grpc)
        stream = open_export(connection)
        connection.send(wire.frame(wire.DATA, 0, stream, wire.prefixed(GOOD)[:20]))
        connection.send(wire.frame(wire.RST, 0, stream, struct.pack(">I", 8)))
        connection.close()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.http), 2) as connection:
            connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                               b"Content-Type: application/x-protobuf\r\n\r\nabc")
    expect(grpc(server.grpc, "traces", GOOD, [("grpc-timeout", "1n")]), DEADLINE)
    assert grpc(server.grpc, "traces", GOOD, [("grpc-timeout", "1m")]).code in (OK, DEADLINE)
    expect(grpc(server.grpc, "traces", GOOD, [("grpc-timeout", "10S")]), OK)
    expect(grpc(server.grpc, "traces", GOOD, [("grpc-timeout", "later")]), INVALID, "malformed grpc-timeout")


# ---- C. Values --------------------------------------------------------------------------------------------

NUMBERS = [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308]
STAMP = wire.fixed64(2, 1) + wire.fixed64(3, 1_700_000_000_000_000_000)


def gauge(points):
    return wire.field(1, b"g") + wire.field(5, b"".join(wire.field(1, p) for p in points))


@case
def c01_extreme_values(server):
    points = [STAMP + wire.double(4, n) for n in NUMBERS]
    points += [STAMP + wire.fixed64(6, n) for n in (0, 1, 2**63 - 1, 2**63, 2**64 - 1)]
    both(server, wire.metrics(gauge(points)), OK, 200, signal_name="metrics")
    huge = struct.pack("<Q", 2**64 - 1)
    histogram = STAMP + wire.fixed64(4, 2**64 - 1) + wire.double(5, float("inf")) + wire.field(6, huge)
    message = wire.metrics(wire.field(1, b"h") + wire.field(9, wire.field(1, histogram) + wire.number_field(2, 2)))
    both(server, message, OK, 200, signal_name="metrics")
    values = [wire.varint(4 << 3 | 1) + struct.pack("<d", n) for n in NUMBERS] + [wire.number_field(3, -(2**63))]
    both(server, wire.traces(*(wire.span(extra=wire.field(9, wire.key_value(b"ml.feature.x", v))) for v in values)), OK, 200)
    late = wire.fixed64(7, 2**64 - 1) + wire.fixed64(8, 0)
    both(server, wire.traces(wire.field(1, b"0123456789abcdef") + wire.field(2, b"01234567") + late), OK, 200)


@case
def c02_json_numbers(server):
    def body(value):
        return ('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1",'
                '"asDouble":' + value + "}]}}]}]}]}").encode()

    for value in ('"NaN"', '"Infinity"', '"-Infinity"', "-0.0", "5e-324"):
        expect(http(server.http, "metrics", body(value), content_type="application/json"), 200)
    for value in ("NaN", "Infinity", "1e999", "0x1", "--1"):
        expect(http(server.http, "metrics", body(value), content_type="application/json"), 400)


# ---- Running ----------------------------------------------------------------------------------------------


def run(name, function, *arguments):
    begin = time.monotonic()
    try:
        function(*arguments)
        if arguments:
            arguments[0].check_health()
        print(f"ok      {name:44} {time.monotonic() - begin:6.2f} s", flush=True)
        return True
    except Exception:  # pylint: disable=broad-except
        print(f"FAILED  {name}\n" + traceback.format_exc(limit=-3), flush=True)
        return False


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    server, results = Server(), []
    for function in CASES:
        if wanted not in function.__name__:
            continue
        results.append(run(function.__name__, function, server))
        if server.process.poll() is not None:
            server = Server()
    results.append(run("stops in order", server.stop))
    if wanted in "b04_out_of_descriptors":
        results.append(run("b04_out_of_descriptors", b04_out_of_descriptors))
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
