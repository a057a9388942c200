#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otlp_http through proxies: CONNECT to an https backend and plain requests to an http one, from HTTPS_PROXY, HTTP_PROXY and proxy_url,
with a name and password; NO_PROXY goes direct. The backend's headers never reach the proxy, and passwords no log.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/http_proxy.py
"""

import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from free_ports import free_port

BIN = os.environ["AIMON_BIN"]
SECRET, PASSWORD = "a-token-of-the-backend", "a-password-of-the-proxy"
TRACE = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708",
                                                       "name": "s"}]}]}]}
passed, failures = 0, []


def check(ok, text):
    global passed
    if ok:
        passed += 1
    else:
        failures.append(text)


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


class Backend(Quiet):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Proxy(Quiet):
    """Passes on to the server's `backend`, whatever the name that was asked for."""

    def note(self):
        self.server.seen.append((self.command, self.path, dict(self.headers)))

    def do_CONNECT(self):
        self.note()
        with socket.create_connection(self.server.backend) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=copy, args=(upstream, self.connection), daemon=True)
            back.start()
            copy(self.connection, upstream)
        self.close_connection = True

    def do_POST(self):
        self.note()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def serve(handler, context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.seen = []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def send_one(work, settings, environment, arrived):
    """Runs the service, gives it a span, waits until `arrived()`; what it logged."""
    port = free_port()
    config = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % port}}}},
              "exporters": {"otlp_http": settings},
              "service": {"telemetry": {"logs": {"level": "debug"}, "metrics": {"level": "none"}},
                          "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_http"]}}}}
    with open(work + "/config.yaml", "w", encoding="utf-8") as f:
        json.dump(config, f)
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    with open(work + "/log", "wb") as out, subprocess.Popen([BIN, "--config", work + "/config.yaml"], stdout=out, stderr=out,
                                                            env={**clean, **environment}) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    body = json.dumps(TRACE).encode()
                    request = urllib.request.Request("http://127.0.0.1:%d/v1/traces" % port, body,
                                                     {"Content-Type": "application/json"})
                    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
                    break
                time.sleep(0.05)
            for _ in range(100):
                if arrived():
                    break
                time.sleep(0.05)
        finally:
            process.terminate()
            process.wait(timeout=20)
    with open(work + "/log", encoding="utf-8", errors="replace") as f:
        return f.read()


def logged(work, text):
    with open(work + "/log", encoding="utf-8", errors="replace") as f:
        return text in f.read()


def certificate(work):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    work + "/key.pem", "-out", work + "/cert.pem", "-days", "2", "-subj", "/CN=backend.test", "-addext",
                    "subjectAltName=DNS:backend.test"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(work + "/cert.pem", work + "/key.pem")
    return context


def main():
    if not shutil.which("openssl"):
        print("skipped: openssl is not installed")
        return 0
    with tempfile.TemporaryDirectory() as work:
        secure, plain, proxy = serve(Backend, certificate(work)), serve(Backend), serve(Proxy)
        proxy.backend = secure.server_address
        address = "127.0.0.1:%d" % proxy.server_address[1]
        with_password = "http://user:%s@%s" % (PASSWORD, address)
        https = {"endpoint": "https://backend.test:4318", "tls": {"ca_file": work + "/cert.pem"},
                 "headers": {"Authorization": SECRET}}
        http_ = {"endpoint": "http://backend.test:4318", "headers": {"Authorization": SECRET}, "compression": "none"}
        direct = {"endpoint": "http://localhost:%d" % plain.server_address[1]}
        cases = [
            ("CONNECT by HTTPS_PROXY", https, {"HTTPS_PROXY": with_password}, secure, "CONNECT"),
            ("CONNECT by proxy_url", dict(https, proxy_url=with_password), {"NO_PROXY": "*"}, secure, "CONNECT"),
            ("plain by http_proxy", http_, {"http_proxy": "http://" + address}, proxy, "POST"),
            ("localhost goes direct", direct, {"HTTP_PROXY": "http://" + address}, plain, None),
        ]
        for name, settings, environment, target, command in cases:
            for server in (secure, plain, proxy):
                server.seen.clear()
            log = send_one(work, settings, environment, lambda t=target: t.seen)
            check(bool(target.seen), "%s: nothing arrived: %s" % (name, log[-500:]))
            check([seen[0] for seen in proxy.seen] == ([command] if command else []), "%s: the proxy saw %s" % (name, proxy.seen))
            check(SECRET not in log and PASSWORD not in log, "%s: a secret is in the log" % name)
            if command == "CONNECT":
                check(proxy.seen[0][1] == "backend.test:4318", "%s: CONNECT %s" % (name, proxy.seen[0][1]))
                check(SECRET not in str(proxy.seen), "%s: the proxy saw the backend's token" % name)
                wanted = "Basic " + base64.b64encode(("user:" + PASSWORD).encode()).decode()
                check(proxy.seen[0][2].get("Proxy-Authorization") == wanted, "%s: %s" % (name, proxy.seen[0][2]))
                path, headers, _ = secure.seen[0]
                check(path == "/v1/traces" and headers["Authorization"] == SECRET, "%s: %s" % (name, secure.seen[0]))
                check("Proxy-Authorization" not in headers, "%s: the backend saw the proxy's password" % name)
        # A host that NO_PROXY names is looked up here, where nobody knows it.
        proxy.seen.clear()
        log = send_one(work, dict(http_, retry_on_failure={"enabled": False}), {"HTTP_PROXY": "http://" + address, "NO_PROXY": ".test"},
                       lambda: logged(work, "no such host"))
        check(not proxy.seen and "dial tcp: lookup backend.test: no such host" in log, "NO_PROXY: %s" % log[-400:])
        # The proxy refuses.
        class Refusing(Proxy):
            def do_CONNECT(self):
                self.send_error(407)
        refusing = serve(Refusing)
        log = send_one(work, dict(https, proxy_url="http://user:%s@127.0.0.1:%d" % (PASSWORD, refusing.server_address[1])), {},
                       lambda: logged(work, "Exporting failed"))
        check("response 407" in log and PASSWORD not in log, "407: %s" % log[-400:])
    for text in failures:
        print("FAILED:", text)
    print("%d passed, %d failed" % (passed, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
