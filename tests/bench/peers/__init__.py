# SPDX-License-Identifier: Apache-2.0
"""Programs and libraries that `make bench-peers` measures beside this one: a file a family.

A peer has a name, prepare() (installs or builds it; raises Absent), version(), sizes() and start(setup, surroundings, counted)."""

# Pipelines for OTLP that no package registry gives, so that they cannot be built or installed unattended.
UNPUBLISHED = {
    "OTAP dataflow engine (otel-arrow)": "not published to a registry",
    "Vector": "not published to a registry (its crate says publish = false)",
    "Fluent Bit": "not in Debian 12, nor in a language's registry",
}
