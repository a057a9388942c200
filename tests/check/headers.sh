#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone. usage: headers.sh GEN_DIR
set -eu
cd "$(dirname "$0")/../.."
status=0
for header in $(git ls-files '*.h'); do
    case "$header" in
    ocb/internal/*) continue ;; # the Go package's own
    tests/*) flags="-I/usr/include" ;;
    *) flags= ;;
    esac
    echo "#include \"$header\"" | ${CC:-gcc} -x c -std=gnu17 -D_GNU_SOURCE -I. -I"$1" $flags \
        -include common/base/banned.h -Wall -Wextra -Werror -fsyntax-only - || { echo "$header: does not compile alone"; status=1; }
done
[ $status = 0 ] && echo "headers: ok"
exit $status
