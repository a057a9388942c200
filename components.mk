# The components of the binary: one folder each, in the order `components` lists them.
COMPONENTS := receivers/otlp \
              processors/drift processors/latency processors/memory_limiter processors/span_metrics \
              exporters/otlp_grpc exporters/prometheus exporters/debug \
              extensions/health_check extensions/file_storage
