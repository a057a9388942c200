#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In a chain with the real Collector: Collector -> otelcol-aimon -> Collector, over gRPC and HTTP, protobuf and JSON, each compression, TLS,
mutual TLS and bearer tokens. What goes in at the first comes out of the last, item by item; a client without the certificate or
the token is refused.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/collector_chain.py
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

import collector
from collector_compare import documents
from free_ports import free_ports

TOKEN = "a-token-that-nobody-guesses"
# name: (how the Collector sends to us, how we send to the Collector, TLS, bearer token)
HOPS = {
    "grpc_gzip": (("otlp", {"compression": "gzip"}), ("otlp_grpc", {"compression": "gzip"}), None, False),
    "grpc_zstd": (("otlp", {"compression": "zstd"}), ("otlp_grpc", {"compression": "none"}), None, False),
    "grpc_snappy": (("otlp", {"compression": "snappy"}), ("otlp_grpc", {}), None, False),
    "http_protobuf": (("otlphttp", {"compression": "none"}), ("otlp_http", {"compression": "none"}), None, False),
    "http_gzip": (("otlphttp", {"compression": "gzip"}), ("otlp_http", {"compression": "gzip"}), None, False),
    "http_zstd": (("otlphttp", {"compression": "zstd"}), ("otlp_http", {"compression": "zstd"}), None, False),
    "http_snappy": (("otlphttp", {"compression": "snappy"}), ("otlp_http", {"compression": "snappy"}), None, False),
    "http_snappy_framed": (("otlphttp", {"compression": "x-snappy-framed"}), ("otlp_http", {"compression": "x-snappy-framed"}), None, False),
    "http_lz4": (("otlphttp", {"compression": "lz4"}), ("otlp_http", {"compression": "lz4"}), None, False),
    "http_zlib": (("otlphttp", {"compression": "zlib"}), ("otlp_http", {"compression": "zlib"}), None, False),
    "http_deflate": (("otlphttp", {"compression": "deflate"}), ("otlp_http", {"compression": "deflate"}), None, False),
    "http_json": (("otlphttp", {"encoding": "json", "compression": "none"}), ("otlp_http", {"encoding": "json"}), None, False),
    "http_json_zstd": (("otlphttp", {"encoding": "json", "compression": "zstd"}),
                       ("otlp_http", {"encoding": "json", "compression": "zstd"}), None, False),
    "grpc_tls": (("otlp", {}), ("otlp_grpc", {}), "tls", False),
    "http_tls": (("otlphttp", {}), ("otlp_http", {}), "tls", False),
    "grpc_mtls": (("otlp", {}), ("otlp_grpc", {}), "mtls", False),
    "http_mtls": (("otlphttp", {}), ("otlp_http", {}), "mtls", False),
    "grpc_bearer": (("otlp", {}), ("otlp_grpc", {}), "tls", True),
    "http_bearer": (("otlphttp", {}), ("otlp_http", {}), "tls", True),
}


def certificates(work):
    """A CA, a server's and a client's certificate for 127.0.0.1."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=interop CA")
    with open(work + "/san.cnf", "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "san.cnf", "-out", name + ".pem")


def server(work, kind, port, tls, bearer):
    made = {"endpoint": "127.0.0.1:%d" % port}
    if tls:
        made["tls"] = {"cert_file": work + "/server.pem", "key_file": work + "/server.key"}
    if tls == "mtls":
        made["tls"]["client_ca_file"] = work + "/ca.pem"
    if bearer:
        made["auth"] = {"authenticator": "bearertokenauth"}
    return {"protocols": {"grpc" if kind in ("otlp", "otlp_grpc") else "http": made}}


def client(work, kind, settings, port, tls, bearer):
    http = kind in ("otlphttp", "otlp_http")
    made = {"endpoint": "%s127.0.0.1:%d" % (("https://" if tls else "http://") if http else "", port), **settings}
    made["tls"] = {"ca_file": work + "/ca.pem"} if tls else {"insecure": True}
    if tls == "mtls":
        made["tls"].update({"cert_file": work + "/client.pem", "key_file": work + "/client.key"})
    if bearer:
        made["auth"] = {"authenticator": "bearertokenauth"}
    return made


def configurations(work, hops, ports):
    both = [{"receivers": {}, "exporters": {}, "extensions": {"bearertokenauth": {"token": TOKEN}},
             "service": {"telemetry": {"metrics": {"level": "none"}}, "extensions": ["bearertokenauth"], "pipelines": {}}} for _ in range(2)]
    theirs, ours = both
    for hop, (entry, to_us, back) in zip(hops, ports):
        (their_kind, their_settings), (our_kind, our_settings), tls, bearer = HOPS[hop]
        theirs["receivers"]["otlp/in_" + hop] = {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % entry}}}
        theirs["exporters"]["%s/%s" % (their_kind, hop)] = client(work, their_kind, their_settings, to_us, tls, bearer)
        ours["receivers"]["otlp/" + hop] = server(work, their_kind, to_us, tls, bearer)
        ours["exporters"]["%s/%s" % (our_kind, hop)] = client(work, our_kind, our_settings, back, tls, bearer)
        theirs["receivers"]["otlp/back_" + hop] = server(work, our_kind, back, tls, bearer)
        theirs["exporters"]["file/" + hop] = {"path": "%s/%s.jsonl" % (work, hop), "flush_interval": "100ms"}
        for signal in collector.SIGNALS:
            pipelines = theirs["service"]["pipelines"]
            pipelines["%s/in_%s" % (signal, hop)] = {"receivers": ["otlp/in_" + hop], "exporters": ["%s/%s" % (their_kind, hop)]}
            pipelines["%s/back_%s" % (signal, hop)] = {"receivers": ["otlp/back_" + hop], "exporters": ["file/" + hop]}
            ours["service"]["pipelines"]["%s/%s" % (signal, hop)] = {
                "receivers": ["otlp/" + hop], "exporters": ["%s/%s" % (our_kind, hop)]}
    return theirs, ours


def refusals(work, hops, ports):
    """Whoever has no certificate or no token is turned away by our servers."""
    failures = []
    for hop, (_, port, _) in zip(hops, ports):
        tls = HOPS[hop][2]
        if not tls:
            continue
        # curl 7.88 takes an answer that comes before it has sent its body over HTTP/2 for an error of the connection.
        curl = ["curl", "-sS", "--http1.1", "-o", os.devnull, "-w", "%{http_code}", "--max-time", "10", "--cacert", work + "/ca.pem", "-d", "{}",
                "-H", "content-type: application/json", "https://127.0.0.1:%d/v1/traces" % port]
        done = subprocess.run(curl, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        code = done.stdout.decode()
        wanted = {"mtls": "000"}.get(tls, "401" if HOPS[hop][3] else None)
        if wanted and "http" in hop and code != wanted:
            failures.append("%s: a client without credentials got %s, not %s: %s" % (hop, code, wanted, done.stderr.decode()))
    return failures


def main():
    if not collector.build():
        return 0
    hops = list(HOPS)
    failures, total = [], 0
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as stack:
        certificates(work)
        found = free_ports(3 * len(hops))
        ports = list(zip(found[0::3], found[1::3], found[2::3]))
        theirs, ours = configurations(work, hops, ports)
        stack.enter_context(collector.running(collector.COLLECTOR, theirs, work + "/theirs.log"))
        stack.enter_context(collector.running(collector.BIN, ours, work + "/ours.log"))
        with open(work + "/sent.jsonl", "w", encoding="utf-8") as f:
            for signal, requests in documents().items():
                for request in requests:
                    f.write(json.dumps(request) + "\n")
                    for entry, _, _ in ports:
                        status, _, answer = collector.post("http://127.0.0.1:%d/v1/%s" % (entry, signal), json.dumps(request).encode())
                        if status != 200:
                            failures.append("%d answered %d: %r" % (entry, status, answer[:200]))
        failures += refusals(work, hops, ports)
        sent = collector.items(work + "/sent.jsonl")
        for hop in hops:
            path = "%s/%s.jsonl" % (work, hop)
            collector.wait_for(lambda: len(collector.items(path)) >= len(sent), 10)
            got = collector.items(path)
            total += len(got)
            if got != sent:
                failures.append("%s: %d items came out of %d%s" % (hop, len(got), len(sent), collector.first_difference(sent, got)))
        if failures:
            for name in ("theirs", "ours"):
                with open("%s/%s.log" % (work, name), encoding="utf-8", errors="replace") as f:
                    print("\n".join(line[:400] for line in f.read().splitlines() if "\tinfo\t" not in line)[:3000])
    for failure in failures[:30]:
        print(failure[:1000])
    print("%d passed, %d failed" % (total, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
