#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prometheus 3, built once from the Go module proxy: the same metrics reach it four ways, and what its query API answers is compared.

1. Remote write 2.0 from `prometheus_remote_write`, with names of underscores and with UTF-8 names: values, native histograms, exemplars,
   types and units, start times, stale markers. A Prometheus that takes 1.0 alone gets 1.0.
2. Its own OTLP endpoint, fed by `otlp_http`: what its translation makes of the metrics is what ours made of them for 1.
3. Scrapes of `prometheus`, text and OpenMetrics: UTF-8 names for whoever asks for them, underscores for whoever does not.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/prometheus3.py
"""

import contextlib
import json
import math
import re
import sys
import tempfile
import time
import urllib.request

import collector
from free_ports import free_port, free_ports
import go_peer
import remote_write
from remote_write import V2, attributes, point

MODULE, VERSION = "github.com/prometheus/prometheus", "v0.313.5"  # 3.13.5
DIRECTIVES = """
exclude github.com/linode/linodego v1.0.0

replace cloud.google.com/go => cloud.google.com/go v0.123.0
"""
TAGS = "remove_all_sd"  # static targets alone: a third of the code
SCRAPES = {"text": ({}, {}), "openmetrics": ({"enable_open_metrics": True}, {}), "classic": ({}, {"metric_name_validation_scheme": "legacy"}),
           "classic_openmetrics": ({"enable_open_metrics": True}, {"metric_name_validation_scheme": "legacy"})}
failures, checks = [], 0


def check(ok, text):
    global checks
    checks += 1
    if not ok:
        failures.append(text)


# ---- The peer and the service ----------------------------------------------------------------------------------


@contextlib.contextmanager
def prometheus(program, work, name, config, arguments):
    port = free_port()
    path = "%s/%s.yml" % (work, name)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    prom = remote_write.Prometheus(port)
    with remote_write.running([program, "--config.file=" + path, "--storage.tsdb.path=%s/%s" % (work, name),
                               "--web.listen-address=127.0.0.1:%d" % port, *arguments], "%s/%s.log" % (work, name),
                              lambda: prom.get("query", query="1")["result"][1] == "1"):
        yield prom


def configuration(prom, old, entries, pages, metrics):
    """One pipeline a way; the way is the name of its receiver and the service.name of what it gets."""
    write = {"protobuf_message": V2, "remote_write_queue": {"num_consumers": 1}}
    exporters = {
        "rw2": ("prometheus_remote_write/rw2", {"endpoint": prom.url + "write", **write}),
        "rw2_utf8": ("prometheus_remote_write/utf8", {"endpoint": prom.url + "write", "translation_strategy": "NoUTF8EscapingWithSuffixes", **write}),
        "fallback": ("prometheus_remote_write/fallback", {"endpoint": old.url + "write", **write}),
        "otlp": ("otlp_http", {"endpoint": prom.url + "otlp", "compression": "gzip", "sending_queue": {"num_consumers": 1}}),
    }
    for way, (settings, _) in SCRAPES.items():
        exporters[way] = ("prometheus/" + way, {"endpoint": "127.0.0.1:%d" % pages[way], "translation_strategy": "NoUTF8EscapingWithSuffixes", **settings})
    reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics}}}}
    return {"receivers": {"otlp/" + way: {"protocols": {"http": {"endpoint": "127.0.0.1:%d" % port}}} for way, port in entries.items()},
            "exporters": dict(exporters.values()),
            "service": {"telemetry": {"metrics": {"readers": [reader]}},
                        "pipelines": {"metrics/" + way: {"receivers": ["otlp/" + way], "exporters": [exporters[way][0]]} for way in entries}}}


def request(way, made):
    resource = attributes(service__name=way, service__namespace="shop", service__instance__id="i-1", host__name="h1")
    return {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"scope": {"name": "lib", "version": "2"}, "metrics": made}]}]}


def until(condition):
    return collector.wait_for(condition, 20)


# ---- What Prometheus has ---------------------------------------------------------------------------------------


def series(prom, way, at):
    """{labels without the way's own: value or histogram} of everything that came one way."""
    found = {}
    for one in prom.get("query", query='{job="shop/%s"}' % way, time="%.3f" % at)["result"]:
        labels = {k: v for k, v in one["metric"].items() if k not in ("job", "scrape")}
        if labels["__name__"] == "target_info":  # of it OTLP does not tell the type; remote write does, as the Collector's
            labels.pop("__type__", None)
        found[json.dumps(labels, sort_keys=True)] = json.dumps(one["histogram"][1], sort_keys=True) if "histogram" in one else float(one["value"][1])
    return found


def compare(name, ours, theirs):
    check(len(ours) > 10, "%s: %d series" % (name, len(ours)))
    for labels in sorted(set(ours) | set(theirs)):
        a, b = ours.get(labels), theirs.get(labels)
        check(a == b or (a != a and b != b), "%s: %s: %s, not %s" % (name, labels, a, b))


def names(prom, way, at):
    return {json.loads(labels)["__name__"] for labels in series(prom, way, at)}


def exemplars(prom, way, at):
    found = prom.get("query_exemplars", query='{job="shop/%s"}' % way, start=at - 300, end=at + 300)
    return sorted(json.dumps([{k: v for k, v in one["seriesLabels"].items() if k != "job"}, one["exemplars"]], sort_keys=True) for one in found)


# ---- The ways --------------------------------------------------------------------------------------------------


def remote_write_2(prom, at):
    base = 'job="shop/rw2",instance="i-1",otel_scope_name="lib",otel_scope_version="2"'
    expected = {
        'queue_depth{%s,zone="a",http_route="/x",__type__="gauge"}': 3, 'queue_depth{%s,zone="b"}': 0.25,
        'share_ratio{%s,__type__="gauge"}': 0.5, 'http_server_requests_total{%s,code="200",__type__="counter"}': 10,
        'connections{%s,__type__="gauge"}': -4, 'latency_seconds_bucket{%s,le="0.1",__unit__="seconds",__type__="histogram"}': 1,
        'latency_seconds_bucket{%s,le="1"}': 3, 'latency_seconds_bucket{%s,le="+Inf"}': 6, "latency_seconds_sum{%s}": 2.5,
        'latency_seconds_count{%s}': 6, 'gc_milliseconds{%s,quantile="0.5",__type__="summary"}': 2, "gc_milliseconds_count{%s}": 5,
        "gc_milliseconds_sum{%s}": 12.5, 'histogram_count(size_bytes{%s,fine="",__unit__="bytes"})': 40,
        'histogram_sum(size_bytes{%s,fine=""})': 55.5, 'histogram_count(size_bytes{%s,fine="true"})': 4,
        'target_info{job="shop/rw2",instance="i-1",host_name="h1"}': 1,
    }
    for query, value in expected.items():
        query = query % base if "%s" in query else query
        got = prom.value(query, at)
        check(got == value, "%s: %s, not %s" % (query, got, value))
    for query, value in {"http_server_requests_total": 20, "latency_seconds_count": 12, "histogram_count(size_bytes%s)": 80}.items():
        selector = '{job="shop/rw2",fine=""}'
        query = query % selector if "%s" in query else query + selector
        check(prom.value(query, at + 60) == value, "the second sample: %s: %s" % (query, prom.value(query, at + 60)))
    # The 27 above zero of 40 lie in (2^(2/8), 2^(9/8)]: the median is within the bucket (2^(6/8), 2^(7/8)].
    median = prom.value('histogram_quantile(0.6, size_bytes{job="shop/rw2",fine=""})', at)
    check(median is not None and 2 ** (6 / 8) < median <= 2 ** (7 / 8), "quantile of the native histogram: %s" % median)
    # A start time that came with the samples is a zero then.
    for query in ("http_server_requests_total%s", "histogram_count(size_bytes%s)"):
        query %= '{job="shop/rw2",fine=""}'
        check(prom.value(query, at - 299) == 0, "%s began with %s" % (query, prom.value(query, at - 299)))


def utf8_and_otlp(prom, at):
    check({"queue.depth", "http.server.requests_total", "latency_seconds_bucket", "size_bytes", "gc_milliseconds"} <= names(prom, "rw2_utf8", at),
          "names: %s" % names(prom, "rw2_utf8", at))
    got = prom.value('{"queue.depth", job="shop/rw2_utf8", "http.route"="/x"}', at)
    check(got == 3, "queue.depth is %s" % got)
    for moment in (at, at + 60):
        compare("remote write and OTLP", series(prom, "rw2_utf8", moment), series(prom, "otlp", moment))
    found = exemplars(prom, "rw2_utf8", at)
    check(len(found) >= 2 and all('"000102030405060708090a0b0c0d0e0f"' in one for one in found), "exemplars: %s" % found)
    check(found == exemplars(prom, "otlp", at), "exemplars: %s, by OTLP %s" % (found, exemplars(prom, "otlp", at)))


def odd(prom, send, at):
    """What is at the edge, but for the delta, for which the OTLP endpoint refuses all of a request, and the threshold of zero, which it
    does not read."""
    made = [metric for metric in remote_write.odd_metrics(at) if metric["name"] != "delta"]
    for metric in made:
        for one in metric.get("exponentialHistogram", {}).get("dataPoints", []):
            one.pop("zeroThreshold", None)
    for way, name in (("rw2_utf8", "odd_rw2"), ("otlp", "odd_otlp")):
        send(way, made, name)
        check(until(lambda job=name: prom.value('rule:of:colons{job="shop/%s"}' % job, at) is not None), "odd by %s: nothing came" % way)
    compare("odd", series(prom, "odd_rw2", at + 60), series(prom, "odd_otlp", at + 60))


def ended(prom, send, at):
    """A point without a value ends its series, native histograms too; the others go on."""
    cumulative = {"aggregationTemporality": 2}
    made = [{"name": "share", "unit": "1", "gauge": {"dataPoints": [point(at, flags=1)]}},
            {"name": "size", "unit": "By", "exponentialHistogram": {**cumulative, "dataPoints": [point(at, flags=1, count="0")]}},
            {"name": "connections", "sum": {**cumulative, "dataPoints": [point(at, asInt="5")]}}]
    for way in ("rw2", "rw2_utf8", "otlp"):
        send(way, made)
    for way in ("rw2", "rw2_utf8", "otlp"):
        def gone_on(job=way):
            return prom.value('connections{job="shop/%s"}' % job, at + 1) == 5
        check(until(gone_on), way + ": connections does not go on")
        for query in ("share_ratio{job=\"shop/%s\"}", "size_bytes{job=\"shop/%s\",fine=\"\"}"):
            check(prom.get("query", query=query % way, time=at - 1)["result"], "%s: %s was never there" % (way, query % way))
            found = prom.get("query", query=query % way, time=at + 1)["result"]
            check(found == [], "%s: has not ended: %s" % (way, found))
        check(prom.value('histogram_count(size_bytes{job="shop/%s",fine="true"})' % way, at + 1) == 4, way + ": the other histogram has ended")


def scraped(prom, pages):
    """The page that a Prometheus 3 gets is the one that it was promised, and its series those of remote write."""
    pushed = scrape_like(prom, "rw2_utf8")
    for way in SCRAPES:
        def second(job=way):
            return prom.value('size_bytes_bucket{job="shop/%s",fine="",le="+Inf"}' % job, time.time()) == 80
        check(until(second), way + ": what came last is not scraped")
        down = [t["lastError"] for t in prom.get("targets")["activeTargets"] if t["labels"].get("scrape") == way and t["health"] != "up"]
        check(not down, "%s: the target is down: %s" % (way, down))
        found = scrape_like(prom, way)
        if way.startswith("classic"):
            check("queue_depth" in names(prom, way, time.time()), "%s: %s" % (way, sorted(names(prom, way, time.time()))))
            wanted = {underscores(labels): value for labels, value in pushed.items()}
        else:
            wanted = pushed
        compare("scraped %s beside remote write" % way, found, wanted)
        value = prom.value('histogram_count(rate(size_bytes{job="shop/%s"}[5m]))' % way, time.time())
        check(value is None, way + ": a native histogram out of text")
        count = prom.value('size_bytes_bucket{job="shop/%s",fine="",le="+Inf"}' % way, time.time())
        check(count == 80, "%s: the exponential histogram counts %s" % (way, count))
    accept = {"text": "text/plain;version=1.0.0;escaping=allow-utf-8", "openmetrics": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"}
    for way, kind in accept.items():
        for asked, quoted in ((kind, True), (kind.split(";")[0], False), (kind.replace("allow-utf-8", "underscores"), False)):
            page, said = fetch(pages[way], asked)
            check(('{"queue.depth"' in page) == quoted and ("queue_depth{" in page) != quoted, "%s asked for %s: %s" % (way, asked, page[:200]))
            check(("escaping=allow-utf-8" in said) == quoted and said.startswith(kind.split(";")[0]), "%s asked for %s: %s" % (way, asked, said))
    found = prom.get("query_exemplars", query='{job="shop/openmetrics"}', start=time.time() - 600, end=time.time() + 60)
    check(len(found) == 2, "exemplars of OpenMetrics: %s" % found)


def scrape_like(prom, way):
    """What came one way and is told alike by every way: without types and units, which remote write tells of all, the exponential
    histogram, which is not native in text, and target_info. Of what it scrapes, Prometheus 3 writes `le` as a floating-point number."""
    found = {}
    for labels, value in series(prom, way, time.time()).items():
        labels = {k: v for k, v in json.loads(labels).items() if k not in ("__type__", "__unit__")}
        if not labels["__name__"].startswith("size_bytes") and labels["__name__"] != "target_info" and not labels["__name__"].endswith("_created"):
            labels.update({"le": str(float(labels["le"]))} if labels.get("le", "+Inf") != "+Inf" else {})
            found[json.dumps(labels, sort_keys=True)] = value
    return found


def underscores(labels):
    named = {re.sub("[^a-zA-Z0-9_]", "_", k): v for k, v in json.loads(labels).items()}
    named["__name__"] = re.sub("[^a-zA-Z0-9_:]", "_", named["__name__"])
    return json.dumps(named, sort_keys=True)


def fetch(port, accept):
    with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/metrics" % port, headers={"Accept": accept}), timeout=5) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def counters(page, old):
    """What the receiver said that it wrote; nothing failed; who takes 1.0 alone got 1.0."""
    for what, least in (("samples", 20), ("histograms", 4), ("exemplars", 2)):
        value = re.search(r'prometheusremotewrite_written_%s{exporter="prometheus_remote_write/rw2"} ([0-9]+)' % what, page)
        check(value and int(value[1]) >= least, "written %s: %s" % (what, value and value[1]))
    failed = re.findall(r"otelcol_exporter_(?:send_failed|enqueue_failed)\w+{[^}]*} [1-9].*", page)
    check(not failed, "failed: %s" % failed)
    check(until(lambda: old.value('http_server_requests_total{job="shop/fallback"}', at_of["second"]) == 20), "no fallback to 1.0")


at_of = {}


def main():
    program = go_peer.command("prometheus", MODULE, VERSION, MODULE + "/cmd/prometheus", DIRECTIVES, TAGS)
    if not program:
        return 0
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as stack:
        ways = ["rw2", "rw2_utf8", "fallback", "otlp", *SCRAPES]
        found = free_ports(len(ways) + len(SCRAPES) + 1)
        entries, pages, metrics = dict(zip(ways, found)), dict(zip(SCRAPES, found[len(ways):])), found[-1]
        config = {"storage": {"exemplars": {"max_exemplars": 1000}},
                  "otlp": {"translation_strategy": "NoUTF8EscapingWithSuffixes", "promote_scope_metadata": True},
                  "scrape_configs": [{"job_name": way, "honor_labels": True, "scrape_interval": "1s", "scrape_timeout": "1s", **settings,
                                      "static_configs": [{"targets": ["127.0.0.1:%d" % pages[way]], "labels": {"scrape": way}}]}
                                     for way, (_, settings) in SCRAPES.items()]}
        prom = stack.enter_context(prometheus(program, work, "new", config, [
            "--web.enable-remote-write-receiver", "--web.remote-write-receiver.accepted-protobuf-messages=" + V2, "--web.enable-otlp-receiver",
            "--enable-feature=exemplar-storage,type-and-unit-labels,created-timestamp-zero-ingestion"]))
        old = stack.enter_context(prometheus(program, work, "old", {}, [
            "--web.enable-remote-write-receiver", "--web.remote-write-receiver.accepted-protobuf-messages=prometheus.WriteRequest"]))
        stack.enter_context(collector.running(collector.BIN, configuration(prom, old, entries, pages, metrics), work + "/log"))

        def send(way, made, name=None):
            remote_write.send("http://127.0.0.1:%d/v1/metrics" % entries[way], request(name or way, made))
        at = math.floor(time.time()) - 120
        at_of["second"] = at + 60
        for way in ways:
            send(way, remote_write.metrics(at))
            send(way, remote_write.metrics(at + 60, 2))
        for way in ("rw2", "rw2_utf8", "otlp"):
            check(until(lambda job=way: prom.value('gc_milliseconds_count{job="shop/%s"}' % job, at + 60) == 5), way + ": nothing came")
        remote_write_2(prom, at)
        utf8_and_otlp(prom, at)
        odd(prom, send, at)
        scraped(prom, pages)
        ended(prom, send, at + 90)
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % metrics, timeout=5) as page:
            counters(page.read().decode(), old)
        if failures:
            for name in ("log", "new.log"):
                with open("%s/%s" % (work, name), encoding="utf-8", errors="replace") as f:
                    print("\n".join(line[:300] for line in f if re.search(r"\t(warn|error)\t|level=(WARN|ERROR)", line))[:2000])
    for failure in failures[:40]:
        print("FAILED:", failure[:700])
    print("%d passed, %d failed" % (checks - len(failures), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
