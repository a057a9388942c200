#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs every test of a variant. usage: variant.sh debug|release|asan|tsan [compiler]
set -eu
cd "$(dirname "$0")/../.."
compiler=${2:-gcc}
make --no-print-directory -j"$(nproc)" VARIANT="$1" CC="$compiler" build-tests
# No strict_string_checks: it takes strndup() of a counted slice, which is legal, for an overflow.
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
# gRPC core is not instrumented; nothing else is excused.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1
suffix=
[ "$compiler" = clang ] && suffix=-clang
exec tests/check/run_tests.sh "build/$1$suffix"
