# The components of the binary: one folder each, in the order `components` lists them.
COMPONENTS := \
    receivers/otlp \
    receivers/nop \
    receivers/otlp_json_file \
    processors/batch \
    processors/drift \
    processors/latency \
    processors/memory_limiter \
    processors/span_metrics \
    processors/forward \
    processors/attributes \
    processors/filter \
    processors/probabilistic_sampler \
    processors/redaction \
    processors/resource \
    processors/transform \
    exporters/otlp_grpc \
    exporters/otlp_http \
    exporters/prometheus \
    exporters/prometheus_remote_write \
    exporters/debug \
    exporters/file \
    exporters/nop \
    extensions/health_check \
    extensions/file_storage \
    extensions/bearer_token_auth \
    extensions/basic_auth \
    extensions/pprof \
    extensions/zpages \

# Those that `make bridge` puts into a Collector written in Go: what needs no network, no disk and no thread.
BRIDGED := \
    processors/drift \
    processors/latency \
    processors/span_metrics \
    processors/attributes \
    processors/filter \
    processors/probabilistic_sampler \
    processors/redaction \
    processors/resource \
    processors/transform \

