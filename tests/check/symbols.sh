#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Symbols: a component's archive defines its factory and names that begin with its type; common/ defines otc_ names.
# usage: symbols.sh BUILD_VARIANT_DIR
set -eu
cd "$(dirname "$0")/../.."
build=$1
status=0
globals() { nm --defined-only -g "$1" 2>/dev/null | awk 'NF == 3 && $2 ~ /[A-Z]/ {print $3}' | sort -u; }

for archive in "$build"/receivers/*.a "$build"/processors/*.a "$build"/exporters/*.a "$build"/extensions/*.a; do
    [ -e "$archive" ] || continue
    type=$(basename "$archive" .a)
    kind=$(basename "$(dirname "$archive")" | sed 's/s$//')
    factory="otc_${type}_${kind}_factory"
    globals "$archive" | grep -qx "$factory" || { echo "$archive: lacks $factory"; status=1; }
    bad=$(globals "$archive" | grep -vE "^(${factory}|${type}_.*)$" || true)
    [ -z "$bad" ] || { echo "$archive: exports more than $factory and ${type}_*:"; echo "$bad" | sed 's/^/    /'; status=1; }
done
for archive in "$build"/common/*.a; do
    # What C++ leaves behind of the templates it used is weak, and hidden in every linked product.
    case "$archive" in */regex.a) weak='|_Z|DW.ref' ;; *) weak= ;; esac
    # protobuf-c's generated names are otlp's own; they are hidden in every linked product.
    bad=$(globals "$archive" | grep -vE '^_?(otc_|otc__|__start|__stop|asan|__asan|__odr_asan|opentelemetry__|otlp__|aimon__|google__'"$weak"')' || true)
    [ -z "$bad" ] || { echo "$archive: names without otc_:"; echo "$bad" | sed 's/^/    /'; status=1; }
done
# The binary exports the functions of the installed headers and nothing else (names @GLIBC… are copies of the system libraries' own data).
binary="$build/bin/otelcol-aimon"
if [ -e "$binary" ]; then
    want=$(sed 's/.*=//' "$(dirname "$build")/gen/api.ld" | sort -u)
    have=$(nm -D --defined-only "$binary" | awk '{print $3}' | grep -v '@GLIBC' | grep -vE '^(_init|_fini|_IO_stdin_used|__.*|environ|stdin|stdout|stderr|opt(arg|ind|err|opt)|program_invocation.*|sys_.*|tzname|daylight|timezone|signgam|obstack.*|error_.*)' | sort -u)
    if [ "$want" != "$have" ]; then
        echo "$binary: exports other names than the installed headers declare:"
        printf '%s\n%s\n' "$want" "$have" | sort | uniq -u | head -n 20 | sed 's/^/    /'
        status=1
    fi
fi
[ $status = 0 ] && echo "symbols: ok"
exit $status
