#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who is let in and whom we talk to: certificates and credentials, good and bad, in both directions, with foreign TLS and
gRPC (Python's ssl and grpcio) at the other end. Afterwards no secret stands in what the binary wrote or serves.

    AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/security.py
"""
import base64
import concurrent.futures
import gzip
import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
warnings.simplefilter("ignore", DeprecationWarning)  # old versions of TLS are what this is about
try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(0)

import certs
from free_ports import free_ports
import wire

BINARY = os.environ.get("AIMON_BIN", "build/debug/bin/otelcol-aimon")
GOOD = wire.traces(wire.span())
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
# Nothing of these may be seen anywhere afterwards. The last two are what clients sent and were refused with.
TOKEN, OTHER_TOKEN, OUT_TOKEN, HEADER = "t0ken-of-the-house", "t0ken-of-a-friend", "t0ken-for-upstream", "s3cret-header-value"
USER_PASSWORD, OUT_PASSWORD = "pa55word-of-ali", "pa55word-for-upstream"
WRONG_TOKEN, WRONG_PASSWORD = "t0ken-of-a-thief", "pa55word-of-a-thief"
BASIC = base64.b64encode(f"ali:{USER_PASSWORD}".encode()).decode()
OUT_BASIC = base64.b64encode(f"sidecar:{OUT_PASSWORD}".encode()).decode()
WRONG_BASIC = base64.b64encode(f"ali:{WRONG_PASSWORD}".encode()).decode()
HASH = "{SHA}" + base64.b64encode(__import__("hashlib").sha1(USER_PASSWORD.encode()).digest()).decode()
SECRETS = [TOKEN, OTHER_TOKEN, OUT_TOKEN, HEADER, USER_PASSWORD, OUT_PASSWORD, WRONG_TOKEN, WRONG_PASSWORD, BASIC, OUT_BASIC,
           WRONG_BASIC, HASH]
checks = []


def check(name, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {name} {detail}")


class Sidecar:
    """The binary with a configuration; everything it writes is kept."""

    def __init__(self, config, ports):
        self.folder = tempfile.TemporaryDirectory()
        self.config = pathlib.Path(self.folder.name) / "config.json"  # JSON is YAML
        self.config.write_text(json.dumps(config), encoding="utf-8")
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen([BINARY, "--config", str(self.config)], stdout=self.log, stderr=self.log)
        end = time.monotonic() + 15
        for port in ports:
            while time.monotonic() < end and self.process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.02)
        if self.process.poll() is not None or time.monotonic() >= end:
            self.process.kill()
            sys.exit("the binary did not start:\n" + self.output())

    def output(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check("ends in order", self.process.wait(15) == 0)

    def printed(self, mode="redacted"):
        done = subprocess.run([BINARY, "print-config", "--config", str(self.config), "--mode", mode], capture_output=True, check=True)
        return done.stdout.decode() + done.stderr.decode()


def telemetry(metrics_port):
    reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics_port}}}}
    return {"logs": {"level": "debug"}, "metrics": {"level": "detailed", "readers": [reader]}}


def no_secrets(name, text):
    found = [secret for secret in SECRETS if secret in text]
    check(f"no secret in {name}", not found, found)


# ---- A client that can do things wrong -----------------------------------------------------------------------------------


def context(ca, pair=None, version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(ca)
    if pair:
        made.load_cert_chain(*pair)
    if version:
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = made.maximum_version = version
    return made


def post(port, made, headers, body=GOOD, kind="application/x-protobuf", path="/v1/traces"):
    """(status, headers, body) or the name of what went wrong."""
    try:
        if made:
            connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=made)
        else:
            connection = http.client.HTTPConnection("localhost", port, timeout=10)
        connection.request("POST", path, body, {"Content-Type": kind, **headers})
        reply = connection.getresponse()
        return reply.status, dict(reply.headers), reply.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__ + " " + str(error), {}, b""


def call(port, ca, pair, metadata, body=GOOD, compression=None):
    """(code, message) of a call; the connection's fate is UNAVAILABLE."""
    root = pathlib.Path(ca).read_bytes()
    files = [pathlib.Path(p).read_bytes() for p in pair] if pair else [None, None]
    credentials = grpc.ssl_channel_credentials(root, files[1], files[0])
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        try:
            channel.unary_unary(EXPORT)(body, timeout=10, metadata=metadata, compression=compression)
            return "OK", ""
        except grpc.RpcError as error:
            return error.code().name, error.details()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def lower(headers):
    return tuple((name.lower(), value) for name, value in headers.items())


# ---- Servers -------------------------------------------------------------------------------------------------------------


def server_config(ports, authority, pair, client_ca):
    tls = {"cert_file": str(pair[0]), "key_pem": pathlib.Path(pair[1]).read_text(encoding="ascii")}
    mutual = dict(tls, client_ca_file=str(client_ca.cert))
    protocols = {
        "grpc": {"endpoint": f"127.0.0.1:{ports[0]}", "tls": mutual, "auth": {"authenticator": "bearer_token_auth"}},
        "http": {"endpoint": f"127.0.0.1:{ports[1]}", "tls": mutual, "auth": {"authenticator": "bearer_token_auth"},
                 "response_headers": {"X-Answer": HEADER}},
    }
    plain = {"http": {"endpoint": f"127.0.0.1:{ports[2]}", "auth": {"authenticator": "basicauth/in"}}}
    modern = {"http": {"endpoint": f"127.0.0.1:{ports[4]}", "tls": dict(tls, min_version="1.3")}}
    return {
        "extensions": {
            "health_check": {"endpoint": f"127.0.0.1:{ports[5]}", "auth": {"authenticator": "bearer_token_auth"}},
            "bearer_token_auth": {"tokens": [TOKEN, OTHER_TOKEN]},
            "basicauth/in": {"htpasswd": {"inline": f"ali:{HASH}\n"}},
        },
        "receivers": {"otlp": {"protocols": protocols}, "otlp/basic": {"protocols": plain}, "otlp/modern": {"protocols": modern}},
        "exporters": {"debug": {}},
        "service": {
            "telemetry": telemetry(ports[3]),
            # health_check names an extension that stands behind it
            "extensions": ["health_check", "bearer_token_auth", "basicauth/in"],
            "pipelines": {"traces": {"receivers": ["otlp", "otlp/basic", "otlp/modern"], "exporters": ["debug"]}},
        },
    }


def metric(port, name):
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name) and line[0] != "#"), page


def servers_ask_for_certificates(ports, ca, friends, strangers, folder):
    good = friends.sign("client")
    bad = {
        "none": None,
        "of another authority": strangers.sign("client"),
        "expired": friends.expired("late"),
        "not yet valid": friends.early("early"),
        "self-signed": certs.self_signed(folder, "self-client"),
    }
    grpc_port, http_port = ports[:2]
    check("TLS 1.3 with certificate", post(http_port, context(ca, good), bearer(TOKEN))[0] == 200)
    check("TLS 1.2 with certificate", post(http_port, context(ca, good, ssl.TLSVersion.TLSv1_2), bearer(TOKEN))[0] == 200)
    check("gRPC with certificate", call(grpc_port, ca, good, lower(bearer(TOKEN)))[0] == "OK")
    for name, pair in bad.items():
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            reply = post(http_port, context(ca, pair, version), bearer(TOKEN))
            check(f"client certificate {name}, {version.name}", isinstance(reply[0], str), reply)
        code = call(grpc_port, ca, pair, lower(bearer(TOKEN)))
        check(f"client certificate {name} over gRPC", code[0] == "UNAVAILABLE", code)
    for port, version in ((http_port, ssl.TLSVersion.TLSv1_1), (http_port, ssl.TLSVersion.TLSv1), (ports[4], ssl.TLSVersion.TLSv1_2)):
        reply = post(port, context(ca, good, version), bearer(TOKEN))
        check(f"{version.name} is refused", "VERSION" in str(reply[0]).upper(), reply)
    check("TLS 1.3 alone", post(ports[4], context(ca), {})[0] == 200)
    check("plain text is refused", isinstance(post(http_port, None, bearer(TOKEN))[0], str))
    return good


def servers_ask_for_tokens(ports, ca, good):
    before = metric(ports[3], "otelcol_receiver_accepted_spans")[0]
    bomb = gzip.compress(bytes(64 << 20))
    for headers in ({}, bearer(WRONG_TOKEN), bearer(TOKEN + "x"), {"Authorization": TOKEN}, {"Authorization": f"bearer {TOKEN}"}):
        code = call(ports[0], ca, good, lower(headers))
        check(f"gRPC with {headers}", code[0] == "UNAUTHENTICATED", code)
        for body, extra in ((GOOD, {}), (b"\x0a\xff", {}), (bomb, {"Content-Encoding": "gzip"}), (b"x", {"Content-Encoding": "br"})):
            reply = post(ports[1], context(ca, good), {**headers, **extra}, body)
            check(f"HTTP with {headers}", reply[0] == 401 and reply[2].startswith(b"\x08\x10\x12"), reply)
            check("HTTP 401 says how", reply[1].get("www-authenticate") == "Bearer", reply)
            no_secrets("a refusal", str(reply[1:]).replace(HEADER, "") + str(code))
        reply = post(ports[1], context(ca, good), headers, b"{}", "application/json")
        check(f"JSON with {headers}", reply[0] == 401 and json.loads(reply[2])["code"] == 16, reply)
    check("another path", post(ports[1], context(ca, good), {}, path="/nowhere")[0] == 401)
    check("the second token", post(ports[1], context(ca, good), bearer(OTHER_TOKEN))[0] == 200)
    check("gRPC, the second token", call(ports[0], ca, good, lower(bearer(OTHER_TOKEN)))[0] == "OK")
    check("compressed", call(ports[0], ca, good, lower(bearer(TOKEN)), compression=grpc.Compression.Gzip)[0] == "OK")
    check("three spans more", metric(ports[3], "otelcol_receiver_accepted_spans")[0] == before + 3)
    refused = metric(ports[3], "aimon_receiver_refused_requests")[1]
    check("nothing was decoded", not [line for line in refused.splitlines() if 'reason="malformed"' in line and not line.endswith(" 0")])


def servers_ask_for_passwords(port, health_port):
    check("basic auth", post(port, None, {"Authorization": f"Basic {BASIC}"})[0] == 200)
    for headers in ({}, {"Authorization": f"Basic {WRONG_BASIC}"}, bearer(TOKEN), {"Authorization": "Basic ?"}):
        reply = post(port, None, headers, b"{}", "application/json")
        check(f"basic auth with {headers}", reply[0] == 401 and "Basic" in reply[1].get("www-authenticate", ""), reply)
    for headers, status in (({}, 401), (bearer(WRONG_TOKEN), 401), (bearer(TOKEN), 200)):
        connection = http.client.HTTPConnection("127.0.0.1", health_port, timeout=10)
        connection.request("GET", "/", headers=headers)
        check(f"health check with {headers}", connection.getresponse().status == status)


def servers(folder):
    ours, friends, strangers = (certs.Authority(folder / name) for name in ("ours", "friends", "strangers"))
    pair = ours.sign("server")
    ports = free_ports(6)
    sidecar = Sidecar(server_config(ports, ours, pair, friends), ports)
    good = servers_ask_for_certificates(ports, ours.cert, friends, strangers, folder)
    servers_ask_for_tokens(ports, ours.cert, good)
    servers_ask_for_passwords(ports[2], ports[5])
    no_secrets("self-metrics", metric(ports[3], "")[1])
    sidecar.stop()
    no_secrets("the log of servers", sidecar.output())
    no_secrets("print-config of servers", sidecar.printed())
    check("no key in print-config", "PRIVATE KEY" not in sidecar.printed() + sidecar.output())
    return ours, strangers


# ---- Clients -------------------------------------------------------------------------------------------------------------


class GrpcBackend(grpc.GenericRpcHandler):
    """Takes calls with one of the credentials it knows (None: every call)."""

    def __init__(self, pair, client_ca=None, wants=None):
        self.wants, self.seen = wants, []
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), [self])
        cert, key = (pathlib.Path(p).read_bytes() for p in pair)
        root = pathlib.Path(client_ca).read_bytes() if client_ca else None
        credentials = grpc.ssl_server_credentials([(key, cert)], root, bool(client_ca))
        self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        self.server.start()

    def service(self, details):
        def answer(_request, call_context):
            given = dict(details.invocation_metadata).get("authorization")
            self.seen.append(given)
            if self.wants and given != self.wants:
                call_context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)

    def close(self):
        self.server.stop(0)


class HttpBackend:
    """The same over HTTP. `version`: the only one it speaks."""

    def __init__(self, pair, client_ca=None, wants=None, version=None):
        backend = self
        self.wants, self.seen = wants, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                given = self.headers.get("Authorization")
                backend.seen.append(given)
                self.send_response(200 if not backend.wants or given == backend.wants else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*pair)
        if client_ca:
            made.verify_mode = ssl.CERT_REQUIRED
            made.load_verify_locations(client_ca)
        if version:
            made.set_ciphers("ALL:@SECLEVEL=0")
            made.minimum_version = made.maximum_version = version
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = made.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def client_cases(backend, ours, strangers, folder):
    """name: (backend, settings of the exporter, whether it gets through)"""
    good, client = ours.sign("backend"), ours.sign("sidecar")
    trust = {"ca_file": str(ours.cert), "server_name_override": "localhost"}
    pem = {"ca_pem": ours.cert.read_text(encoding="ascii"), "server_name_override": "localhost"}
    mutual = dict(trust, cert_file=str(client[0]), key_pem=client[1].read_text(encoding="ascii"))
    cases = {
        "trusted": (backend(good), {"tls": trust, "headers": {"X-Key": HEADER}}, True),
        "trusted by pem": (backend(good), {"tls": pem}, True),
        "trusted beside the system's": (backend(good), {"tls": dict(trust, include_system_ca_certs_pool=True)}, True),
        "expired": (backend(ours.expired("late-backend")), {"tls": trust}, False),
        "not yet valid": (backend(ours.early("early-backend")), {"tls": trust}, False),
        "wrong host": (backend(ours.sign("elsewhere", "elsewhere.test")), {"tls": trust}, False),
        "self-signed": (backend(certs.self_signed(folder, f"self-{backend.__name__}")), {"tls": trust}, False),
        "wrong authority": (backend(good), {"tls": dict(trust, ca_file=str(strangers.cert))}, False),
        "the system's authorities": (backend(good), {"tls": {"server_name_override": "localhost"}}, False),
        "any server": (backend(ours.expired("late-2")), {"tls": {"insecure_skip_verify": True}}, True),
        "mutual": (backend(good, ours.cert), {"tls": mutual}, True),
        "mutual without certificate": (backend(good, ours.cert), {"tls": trust}, False),
        "mutual, wrong authority": (backend(good, strangers.cert), {"tls": mutual}, False),
        "token": (backend(good, None, f"Bearer {OUT_TOKEN}"), {"tls": trust, "auth": {"authenticator": "bearertokenauth/out"}}, True),
        "token of a file": (backend(good, None, f"Bearer {OUT_TOKEN}"), {"tls": trust, "auth": {"authenticator": "bearertokenauth/file"}}, True),
        "password": (backend(good, None, f"Basic {OUT_BASIC}"), {"tls": trust, "auth": {"authenticator": "basicauth/out"}}, True),
        "wrong token": (backend(good, None, "Bearer of something else"), {"tls": trust, "auth": {"authenticator": "bearertokenauth/out"}}, False),
        "no token": (backend(good, None, f"Bearer {OUT_TOKEN}"), {"tls": trust}, False),
    }
    if backend is HttpBackend:
        cases["TLS 1.1"] = (backend(good, None, None, ssl.TLSVersion.TLSv1_1), {"tls": trust}, False)
        cases["TLS 1.2 when 1.3 is asked for"] = (backend(good, None, None, ssl.TLSVersion.TLSv1_2), {"tls": dict(trust, min_version="1.3")}, False)
    return cases


def renewed(sidecar, port, ca_file, ours):
    """The authority's file changes: connections to come trust the new one."""
    check("an authority that was not trusted", post(port, None, {})[0] == 503)
    ca_file.write_bytes(ours.cert.read_bytes())
    end = time.monotonic() + 20
    while time.monotonic() < end and post(port, None, {})[0] != 200:
        time.sleep(0.2)
    check("an authority that is trusted since", time.monotonic() < end, sidecar.output()[-500:])


def clients(folder, kind, backend, ours, strangers):
    cases = client_cases(backend, ours, strangers, folder)
    ca_file = folder / f"authority-{kind}.pem"
    ca_file.write_bytes(strangers.cert.read_bytes())
    tls = {"ca_file": str(ca_file), "server_name_override": "localhost", "reload_interval": "1s"}
    cases["renewed"] = (backend(ours.sign("renewed")), {"tls": tls}, None)
    token_file = folder / f"token-{kind}"
    token_file.write_text(f"{OUT_TOKEN} # of {kind}\n", encoding="ascii")
    metrics_port, *found = free_ports(1 + len(cases))
    config = {
        "extensions": {
            "bearertokenauth/out": {"token": OUT_TOKEN},
            "bearertokenauth/file": {"filename": str(token_file)},
            "basicauth/out": {"client_auth": {"username": "sidecar", "password": OUT_PASSWORD}},
        },
        "receivers": {}, "exporters": {},
        "service": {"telemetry": telemetry(metrics_port), "extensions": ["bearertokenauth/out", "bearertokenauth/file", "basicauth/out"],
                    "pipelines": {}},
    }
    ports = dict(zip(cases, found))
    for i, (name, (server, settings, _)) in enumerate(cases.items()):
        endpoint = f"https://127.0.0.1:{server.port}"
        config["receivers"][f"otlp/{i}"] = {"protocols": {"http": {"endpoint": f"127.0.0.1:{ports[name]}"}}}
        config["exporters"][f"{kind}/{i}"] = {"endpoint": endpoint, "sending_queue": {"enabled": False}, "timeout": "5s",
                                              "retry_on_failure": {"enabled": False}, **settings}
        config["service"]["pipelines"][f"traces/{i}"] = {"receivers": [f"otlp/{i}"], "exporters": [f"{kind}/{i}"]}
    sidecar = Sidecar(config, [metrics_port, *ports.values()])
    renewed(sidecar, ports["renewed"], ca_file, ours)
    for name, (server, _, through) in cases.items():
        if through is None:
            continue
        reply = post(ports[name], None, {}, b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"30313233343536373839616263646566",'
                     b'"spanId":"3031323334353637","name":"a"}]}]}]}', "application/json")
        check(f"{kind}: {name}", (reply[0] == 200) == through, reply)
        if through:
            check(f"{kind}: {name} arrived once", len(server.seen) == 1, server.seen)
        elif server.wants:
            check(f"{kind}: {name} is not tried again", reply[0] == 401 and len(server.seen) == 1, (reply, server.seen))
        else:
            check(f"{kind}: {name}: nothing arrived, to be tried again", reply[0] == 503 and not server.seen, (reply, server.seen))
        no_secrets(f"the answer of {name}", str(reply))
    token_file.write_text(f"{OTHER_TOKEN}\n", encoding="ascii")
    server = cases["token of a file"][0]
    server.wants = f"Bearer {OTHER_TOKEN}"
    end = time.monotonic() + 10
    while time.monotonic() < end and "refresh token" not in sidecar.output():
        time.sleep(0.05)
    check(f"{kind}: a token that changed", post(ports["token of a file"], None, {})[0] == 200, server.seen)
    no_secrets("self-metrics", metric(metrics_port, "")[1])
    sidecar.stop()
    no_secrets(f"the log of {kind}", sidecar.output())
    no_secrets(f"print-config of {kind}", sidecar.printed())
    check("no key in print-config", "PRIVATE KEY" not in sidecar.printed() + sidecar.output())
    for server, _, _ in cases.values():
        server.close()


# ---- Errors --------------------------------------------------------------------------------------------------------------


def errors_hold_no_secrets(folder):
    """A mistake beside a secret, or of one: the message names the key, not the value."""
    mistakes = [
        {"bearer_token_auth": {"tokn": TOKEN}},
        {"bearer_token_auth": {"token": TOKEN, "tokens": [OTHER_TOKEN]}},
        {"bearer_token_auth": {"token": {"value": TOKEN}}},
        {"bearer_token_auth": {"token": [TOKEN]}},
        {"bearer_token_auth": {"tokens": {"value": TOKEN}}},
        {"bearer_token_auth": {"token": TOKEN + "\n"}},
        {"basic_auth": {"htpasswd": {"inline": f"ali:{HASH}"}, "client_auth": {"password": OUT_PASSWORD}}},
        {"basic_auth": {"client_auth": {"username": "a:b", "password": OUT_PASSWORD}}},
        {"basic_auth": {"client_auth": {"passwort": OUT_PASSWORD}}},
        {"basic_auth": {"htpasswd": OUT_PASSWORD}},
    ]
    for i, extensions in enumerate(mistakes):
        path = folder / f"mistake{i}.json"
        path.write_text(json.dumps({
            "extensions": extensions, "receivers": {"nop": {}}, "exporters": {"nop": {}},
            "service": {"extensions": list(extensions), "pipelines": {"traces": {"receivers": ["nop"], "exporters": ["nop"]}}}}),
            encoding="ascii")
        for command in (["validate"], []):
            done = subprocess.run([BINARY, *command, "--config", str(path)], capture_output=True, timeout=10, check=False)
            text = done.stdout.decode() + done.stderr.decode()
            check(f"{extensions} is refused", done.returncode == 1, text)
            no_secrets(f"the error {text!r}", text)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ours, strangers = servers(folder)
        clients(folder, "otlp_grpc", GrpcBackend, ours, strangers)
        if "otlp_http" in subprocess.run([BINARY, "components"], capture_output=True, check=True).stdout.decode():
            clients(folder, "otlp_http", HttpBackend, ours, strangers)
        errors_hold_no_secrets(folder)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
