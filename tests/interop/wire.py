# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames, HPACK and protobuf made by hand: a client that can say what no library would."""

import socket
import struct
import time

DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENHANCE_YOUR_CALM = 11
SERVICES = {
    "traces": "trace.v1.TraceService",
    "metrics": "metrics.v1.MetricsService",
    "logs": "logs.v1.LogsService",
}

# Bits of each byte's code in RFC 7541 appendix B, as characters from '@' (0). The codes follow: they are canonical.
CODE_BITS = (
    r"MW\\\\\\\X^\\^\\\\\\\\^\\\\\\\\\FJJLMFHKJJHKHFFFEEEFFFFFFFGHOFLJMFGGGGGGGGGGGGGGGGGGGGGGHGHMSMNFOEFEFEFFFEGGFFFEFGFEEFGGGGGOKNM"
    r"\TVTTVVVWVWWWWWXWXXVWXWWWWUVWVWWXVUTVVWWUWVVXUVWWUUVUWVWWTVVVWVVWZZTSVWVYZZZ[[ZXYSUZ[[Z[XUUZZ\[[[TXTUVUUWVVYYXXZWZ[ZZ[[[[[\[[[[[Z"
)
STATIC = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
    ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
    ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
    ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
    ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
    ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
    ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
]


def make_codes():
    codes, code, last = {}, 0, 0
    for bits, symbol in sorted((ord(c) - 64, i) for i, c in enumerate(CODE_BITS)):
        code <<= bits - last
        codes[(bits, code)] = symbol
        code += 1
        last = bits
    return codes


CODES = make_codes()


def huffman(data):
    out, code, bits = bytearray(), 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, bits = code << 1 | byte >> shift & 1, bits + 1
            if (bits, code) in CODES:
                out.append(CODES[(bits, code)])
                code, bits = 0, 0
    return bytes(out)


class Hpack:
    """Decodes what a server sends."""

    def __init__(self):
        self.table = []

    @staticmethod
    def integer(data, at, bits):
        mask = (1 << bits) - 1
        value, at, shift = data[at] & mask, at + 1, 0
        if value < mask:
            return value, at
        while True:
            value += (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 128:
                return value, at

    def string(self, data, at):
        coded = data[at] & 128
        size, at = self.integer(data, at, 7)
        raw = data[at : at + size]
        return (huffman(raw) if coded else raw).decode("latin1"), at + size

    def entry(self, index):
        return STATIC[index - 1] if index <= len(STATIC) else self.table[index - len(STATIC) - 1]

    def decode(self, data):
        headers, at = [], 0
        while at < len(data):
            first = data[at]
            if first & 128:
                index, at = self.integer(data, at, 7)
                headers.append(self.entry(index))
                continue
            if first & 0xE0 == 0x20:
                _, at = self.integer(data, at, 5)
                continue
            index, at = self.integer(data, at, 6 if first & 64 else 4)
            name, at = (self.entry(index)[0], at) if index else self.string(data, at)
            value, at = self.string(data, at)
            headers.append((name, value))
            if first & 64:
                self.table.insert(0, (name, value))
        return headers


def hpack_integer(value, bits, first):
    mask = (1 << bits) - 1
    if value < mask:
        return bytes([first | value])
    out, value = bytearray([first | mask]), value - mask
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def hpack_literal(name, value, first=0x00):
    name, value = name.encode("latin1"), value.encode("latin1")
    return bytes([first]) + hpack_integer(len(name), 7, 0) + name + hpack_integer(len(value), 7, 0) + value


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def request_head(path, headers, method="POST"):
    pairs = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")] + list(headers)
    return b"".join(hpack_literal(n, v) for n, v in pairs)


class Gone(Exception):
    """The peer closed the connection."""


class Http2:
    """A connection; `goaway` is the error code of a GOAWAY that came, or None."""

    def __init__(self, port, settings=(), timeout=8.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.hpack, self.goaway, self.next_stream = b"", Hpack(), None, 1
        self.window, self.initial_window, self.max_frame = 65535, 65535, 16384
        self.send(PREFACE + frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in settings)))

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone(str(error)) from error

    def exactly(self, size):
        while len(self.buffer) < size:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError as error:
                raise Gone(str(error)) from error
            if not data:
                raise Gone("closed")
            self.buffer += data
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out

    def frame(self):
        head = self.exactly(9)
        payload = self.exactly(int.from_bytes(head[:3], "big"))
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at : at + 6])
                self.initial_window = value if key == 4 else self.initial_window
                self.max_frame = value if key == 5 else self.max_frame
            try:
                self.send(frame(SETTINGS, ACK, 0))
            except Gone:
                pass  # what the peer said before it left can still be read
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">I", payload[4:8])[0]
        elif kind == WINDOW_UPDATE and stream == 0:
            self.window += struct.unpack(">I", payload)[0]
        return kind, flags, stream, payload

    def open(self, path, headers, end=False, method="POST"):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        head = request_head(path, headers, method)
        pieces = [head[i : i + 16384] for i in range(0, len(head), 16384)]
        for i, piece in enumerate(pieces):
            kind, flags = (HEADERS, END_STREAM if end else 0) if i == 0 else (CONTINUATION, 0)
            self.send(frame(kind, flags | (END_HEADERS if i == len(pieces) - 1 else 0), stream, piece))
        return stream

    def respond(self, stream, body=b"", end=True):
        """Sends the body within the windows and reads until the stream ends: {headers}, body, reset code or None."""
        headers, reply, sent, room, closed = {}, b"", 0, None, not body
        if not body and end:
            self.send(frame(DATA, END_STREAM, stream))
        while True:
            while not closed and room is not None:
                take = min(len(body) - sent, self.window, room, self.max_frame)
                if take == 0:
                    break
                sent, self.window, room = sent + take, self.window - take, room - take
                closed = sent == len(body)
                flags = END_STREAM if closed and end else 0
                self.send(frame(DATA, flags, stream, body[sent - take : sent]))
            kind, flags, at, payload = self.frame()
            if kind == SETTINGS and room is None and not flags & ACK:
                room = self.initial_window
            if at != stream:
                continue
            if kind == WINDOW_UPDATE:
                room += struct.unpack(">I", payload)[0]
            elif kind == HEADERS:
                headers.update(self.hpack.decode(payload))
            elif kind == DATA:
                reply += payload
                self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", max(len(payload), 1))))
            elif kind == RST:
                return headers, reply, struct.unpack(">I", payload)[0]
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                return headers, reply, None


class Reply:
    """What a call answered, whatever the protocol: `code` is gRPC's or HTTP's."""

    def __init__(self, code, text, headers, body):
        self.code, self.text, self.headers, self.body = code, text, headers, body

    def __repr__(self):
        return f"{self.code} {self.text!r} {self.headers}"


def prefixed(message, flags=0):
    return bytes([flags]) + struct.pack(">I", len(message)) + message


def grpc(port, signal, message, headers=(), raw=None, path=None, end=True):
    """One call on a connection of its own; `raw` replaces the prefixed message."""
    path = path or f"/opentelemetry.proto.collector.{SERVICES[signal]}/Export"
    connection = Http2(port)
    try:
        stream = connection.open(path, [("content-type", "application/grpc"), ("te", "trailers"), *headers])
        body = prefixed(message) if raw is None else raw
        fields, reply, reset = connection.respond(stream, body, end)
    finally:
        connection.close()
    if "grpc-status" not in fields:
        return Reply(f"http {fields.get(':status')} reset {reset}", "", fields, reply)
    return Reply(int(fields["grpc-status"]), fields.get("grpc-message", ""), fields, reply[5:])


def read_all(connection):
    data = b""
    try:
        while True:
            piece = connection.recv(65536)
            if not piece:
                return data
            data += piece
    except ConnectionResetError:
        return data


def raw_http(port, data, timeout=8.0):
    """Sends bytes, returns what comes until the server closes, and the seconds that took."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(connection), time.monotonic() - begin


def parse_http(data):
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin1").split("\r\n")
    parts = lines[0].split(" ")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
    return Reply(int(parts[1]) if len(parts) > 1 else 0, body.decode("utf-8", "replace"), headers, body)


def http(port, signal, body, headers=(), content_type="application/x-protobuf", path=None, method="POST"):
    lines = [f"{method} {path or '/v1/' + signal} HTTP/1.1", "Host: localhost", "Connection: close",
             f"Content-Length: {len(body)}"]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{n}: {v}" for n, v in headers]
    return parse_http(raw_http(port, "\r\n".join(lines).encode("latin1") + b"\r\n\r\n" + body)[0])


# ---- Protobuf -------------------------------------------------------------------------------------------


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def double(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def number_field(number, value):
    return varint(number << 3) + varint(value & (1 << 64) - 1)


def key_value(key, value):
    return field(1, key) + field(2, value)


def string_value(text):
    return field(1, text)


def span(name=b"op", trace_id=b"0123456789abcdef", span_id=b"01234567", extra=b""):
    times = fixed64(7, 1_700_000_000_000_000_000) + fixed64(8, 1_700_000_000_100_000_000)
    return field(1, trace_id) + field(2, span_id) + field(5, name) + number_field(6, 2) + times + extra


def traces(*spans):
    return field(1, field(2, b"".join(field(2, s) for s in spans)))


def metrics(*items):
    return field(1, field(2, b"".join(field(2, m) for m in items)))


def logs(*records):
    return field(1, field(2, b"".join(field(2, r) for r in records)))


def nested_value(depth):
    """An AnyValue under `depth - 1` ArrayValues."""
    sizes, pieces = string_value(b"x"), []
    size = len(sizes)
    for _ in range(depth - 1):
        inner = varint(1 << 3 | 2) + varint(size)
        outer = varint(5 << 3 | 2) + varint(size + len(inner))
        pieces.append(outer + inner)
        size += len(inner) + len(outer)
    return b"".join(reversed(pieces)) + sizes
