#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Layers: who may include whom, and which folder may name a foreign library. Prints each violation; exit 1 when there is one.
set -eu
cd "$(dirname "$0")/../.."
status=0
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# The order, lowest first; a folder may include itself and what stands in its list.
allowed() {
    case "$1" in
    common/base) echo "common/base" ;;
    common/stats | common/json | common/config | common/regex | common/digest) echo "common/base $1" ;;
    common/otlp) echo "common/base common/json common/otlp" ;;
    common/net) echo "common/base common/config common/net" ;;
    common/prometheus) echo "common/base common/config common/otlp common/prometheus" ;;
    common/storage) echo "common/base common/storage" ;;
    common/component) echo "common/base common/json common/config common/otlp common/component" ;;
    common/transform) echo "common/base common/config common/regex common/digest common/otlp common/component common/transform" ;;
    common/ottl) echo "common/base common/regex common/digest common/json common/otlp common/ottl" ;;
    common/analysis) echo "common/base common/stats common/json common/config common/otlp common/component common/ottl common/analysis" ;;
    receivers/* | processors/* | exporters/* | extensions/*)
        echo "common/base common/stats common/json common/config common/otlp common/net common/prometheus common/storage common/component common/regex common/digest common/transform common/ottl common/analysis $1" ;;
    sidecar) echo "common/ sidecar" ;;
    ocb) echo "common/ ocb" ;;
    *) echo "" ;;
    esac
}

folders=$(git ls-files '*.c' '*.h' | grep -E '^(common|receivers|processors|exporters|extensions|sidecar|ocb)/' | sed 's,/[^/]*$,,' | sort -u)
for folder in $folders; do
    case "$folder" in common/otlp/proto | ocb/internal/*) continue ;; esac
    may=$(allowed "$folder")
    [ -n "$may" ] || { echo "$folder: no layer is declared for this folder"; status=1; continue; }
    # One look at all files of the folder: a process for each include would take half a minute.
    find "$folder" -maxdepth 1 \( -name '*.[ch]' -o -name '*.cc' \) -exec grep -HE '^ *# *include "' {} + |
        sed 's,^\([^:]*\):[^"]*"\([^"]*\)".*,\1 \2,' >"$found" || true
    while read -r file include; do
        case "$include" in */*) ;; *) echo "$file: include \"$include\" must be named from the root"; status=1; continue ;; esac
        # The component interface depends on base alone and may be named from otlp upward.
        case "$include:$folder" in
        common/component/otc.h:common/otlp | common/component/otc.h:common/net | common/component/otc.h:common/prometheus) continue ;;
        esac
        ok=
        for prefix in $may; do
            case "$include" in "$prefix"*) ok=1 ;; esac
        done
        [ -n "$ok" ] || { echo "$file: may not include \"$include\" (allowed: $may)"; status=1; }
    done <"$found"
done

# Foreign headers only in the folder that wraps them.
foreign() {
    pattern=$1
    shift
    owners=
    for owner in "$@"; do owners="$owners :!$owner"; done
    # shellcheck disable=SC2086
    named=$(git grep -lE "^ *# *include [<\"]$pattern" -- common receivers processors exporters extensions sidecar ocb $owners || true)
    for file in $named; do
        echo "$file: <$pattern may be included in $* only"
        status=1
    done
}
foreign 'yaml\.h' common/config
foreign 'jansson\.h' common/json
foreign '[a-z/]*\.pb-c\.h' common/otlp
foreign 'protobuf-c' common/otlp
foreign 'event2/' common/net
foreign 'nghttp2/' common/net
foreign 'http_parser\.h' common/net
foreign 'openssl/' common/net common/digest
foreign 're2/' common/regex
foreign 'zlib\.h' common/net
foreign 'curl/' common/net
foreign 'snappy' common/net
foreign 'zstd\.h' common/net
foreign 'lz4frame\.h' common/net
foreign 'libdeflate\.h' common/net
foreign 'grpc/' exporters/otlp_grpc
foreign 'sqlite3\.h' common/storage
foreign 'xxhash\.h' common/base
foreign 'crypt\.h' extensions/basic_auth
foreign 'pthread\.h' common sidecar exporters processors receivers extensions ocb

[ $status = 0 ] && echo "layers: ok"
exit $status
