#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The README shows otel-config-examples/sidecar.yaml as it is, and every file it links to exists.
set -eu
cd "$(dirname "$0")/../.."
status=0
shown=$(awk '/^```yaml$/ {inside = 1; next} /^```$/ && inside {exit} inside' README.md)
[ "$shown" = "$(cat otel-config-examples/sidecar.yaml)" ] || { echo "README.md: the first YAML block differs from otel-config-examples/sidecar.yaml"; status=1; }
for link in $(git ls-files '*.md' | xargs grep -oHE '\]\([^)#:]+\)' | sed 's/\](\(.*\))/\1/'); do
    file=${link%%:*} target=${link#*:}
    [ -e "$(dirname "$file")/$target" ] || { echo "$file: links to $target, which does not exist"; status=1; }
done
[ $status = 0 ] && echo "readme examples: ok"
exit $status
