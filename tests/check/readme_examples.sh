#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The README shows otel-config-examples/sidecar.yaml as it is, every file it links to exists, and the reference of
# scorer.yaml, whose spans have predictions, is built with them.
set -eu
cd "$(dirname "$0")/../.."
status=0
shown=$(awk '/^```yaml$/ {inside = 1; next} /^```$/ && inside {exit} inside' README.md)
[ "$shown" = "$(cat otel-config-examples/sidecar.yaml)" ] || { echo "README.md: the first YAML block differs from otel-config-examples/sidecar.yaml"; status=1; }
for link in $(git ls-files '*.md' | xargs grep -oHE '\]\([^)#:]+\)' | sed 's/\](\(.*\))/\1/'); do
    file=${link%%:*} target=${link#*:}
    [ -e "$(dirname "$file")/$target" ] || { echo "$file: links to $target, which does not exist"; status=1; }
done
if git grep -n 'reference build.*refs/credit\.json' -- '*.md' 'otel-config-examples/*.yaml' | grep -v -- '--prediction'; then
    echo "the reference of scorer.yaml is built without --prediction"
    status=1
fi
[ $status = 0 ] && echo "readme examples: ok"
exit $status
