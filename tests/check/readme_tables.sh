#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The settings tables in the components' READMEs are what the binary prints. usage: readme_tables.sh BIN [--fix]
# A table stands between the lines <!-- settings --> and <!-- /settings -->.
set -eu
bin=$1
fix=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
folders=$(sed -n 's/^COMPONENTS := //; s/\\$//; /^ *[a-z]*\/[a-z_]*/p' components.mk)
for folder in $folders; do
    readme=$folder/README.md
    if ! [ -f "$readme" ]; then
        echo "readme-tables: $readme is missing"
        bad=1
        continue
    fi
    if ! grep -qx '<!-- settings -->' "$readme" || ! grep -qx '<!-- /settings -->' "$readme"; then
        echo "readme-tables: $readme has no <!-- settings --> … <!-- /settings --> block"
        bad=1
        continue
    fi
    "$bin" docs settings "$folder" >"$work/table"
    awk -v table="$work/table" '
        $0 == "<!-- /settings -->" { inside = 0 }
        !inside { print }
        $0 == "<!-- settings -->" { inside = 1; while ((getline line < table) > 0) print line }
    ' "$readme" >"$work/readme"
    if ! cmp -s "$readme" "$work/readme"; then
        if [ "$fix" = --fix ]; then
            cp "$work/readme" "$readme"
            echo "readme-tables: $readme rewritten"
        else
            echo "readme-tables: $readme is out of date (make readme-tables FIX=1)"
            bad=1
        fi
    fi
done
[ $bad = 0 ] && echo "readme-tables: ok"
exit $bad
