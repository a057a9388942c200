#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/compatibility.md, made from what the binary says of its settings and from tests/check/compatibility.txt, which the
interop test collector_keys.py holds against the real Collector.

    compatibility.py BIN [--fix]
"""
import re
import subprocess
import sys

PAGE, DIFFERENCES = "docs/compatibility.md", "tests/check/compatibility.txt"
# Sections that several components have: told once, under a name. Which component's they are taken from.
SHARED = {"a server's `tls`": ("receivers/otlp", "protocols.grpc.tls"), "a client's `tls`": ("exporters/otlp_grpc", "tls"),
          "`sending_queue`": ("exporters/otlp_grpc", "sending_queue"), "`retry_on_failure`": ("exporters/otlp_grpc", "retry_on_failure"),
          "`cors`": ("receivers/otlp", "protocols.http.cors")}
WAYS = {"same": "as in the Collector", "inert": "accepted, without effect", "refused": "known, and refused when it would have an effect",
        "default": "as in the Collector, with another default", "ours": "only here", "theirs": "only in the Collector: refused as unknown"}
OWN = {"processors/drift", "processors/latency"}


def components():
    with open("components.mk", encoding="utf-8") as file:
        return re.findall(r"^\s+(\w+/\w+) \\", file.read(), re.M)


def settings(binary, folder):
    """[(key, type, default, meaning)] of a component; sections too."""
    text = subprocess.run([binary, "docs", "settings", folder], stdout=subprocess.PIPE, check=True).stdout.decode()
    rows = [re.split(r"(?<!\\) \| ", line[2:-2].strip()) for line in text.splitlines() if line.startswith("| `")]
    return [(row[0].strip("`"), *row[1:], *[""] * (4 - len(row))) for row in rows]


def differences():
    """{component: {key: (way, text)}} of what the settings cannot tell: the marks are described in the file."""
    marks, found = {"+": "ours", "-": "theirs", "=": "default", "!": "refused"}, {}
    with open(DIFFERENCES, encoding="utf-8") as file:
        for line in file:
            if line[0] in marks:
                component, key, *text = line[1:].split(None, 2)
                found.setdefault(component, {})[key] = (marks[line[0]], "".join(text).strip())
    return found


def ways(binary, folder, known):
    """{key: (way, text)} of a component's settings, in their order. Sections are told by what is in them."""
    rows, made, inert = settings(binary, folder), {}, ()
    sections = {key[:i].removesuffix("[]") for key, *_ in rows for i, c in enumerate(key) if c == "."}
    for key, _, _, meaning in rows:
        if "Accepted, without effect here." in meaning:
            way = ("inert", "")
            inert += (key + ".", key + "[].")
        elif key.startswith(inert):
            continue
        elif key in sections:
            continue
        elif re.match("Refused|Not supported", meaning):
            way = ("refused", "")
        else:
            way = ("same", "")
        made[key] = known.get(key, way) if way[0] != "refused" else way
    made.update({key: value for key, value in known.items() if value[0] == "theirs"})
    return made


def within(made, section):
    return {key[len(section):]: way for key, way in made.items() if key.startswith(section + ".")}


def table(made, shared):
    """Markdown: a row for each way; sections that are told elsewhere have their name there."""
    told, rest = [], dict(made)
    for name, content in shared.items():
        for section in sorted({key[:i] for key in made for i, c in enumerate(key) if c == "."}):
            if within(rest, section) == content:
                told.append("`%s`: %s" % (section, name))
                rest = {key: way for key, way in rest.items() if not key.startswith(section + ".")}
    lines = ["| | settings |", "| --- | --- |"]
    for way, title in WAYS.items():
        keys = ["`%s`%s" % (key, " (%s)" % text if text else "") for key, (of, text) in rest.items() if of == way]
        if keys:
            lines.append("| %s | %s |" % (title, ", ".join(keys)))
    if told:
        lines.append("| told [below](#what-several-have) | %s |" % ", ".join(told))
    return lines if len(lines) > 2 else ["No settings."]


def page(binary, text):
    known, blocks = differences(), {}
    of = {folder: ways(binary, folder, known.get(folder, {})) for folder in components() if folder not in OWN}
    shared = {name: within(of[folder], section) for name, (folder, section) in SHARED.items()}
    for folder, made in of.items():
        blocks[folder] = table(made, shared)
    for name, content in shared.items():
        blocks[name] = table({key[1:]: way for key, way in content.items()}, {})
    missing = [name for name in blocks if "<!-- settings: %s -->\n" % name not in text]
    text = re.sub(r"(<!-- settings: ([^\n]+) -->\n).*?(<!-- /settings -->)",
                  lambda m: m[1] + "\n".join(blocks.get(m[2], ["There is no such component."])) + "\n" + m[3], text, flags=re.S)
    return text, missing


def main():
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    made, missing = page(sys.argv[1], text)
    for name in missing:
        print("compatibility: %s has no block <!-- settings: %s --> … <!-- /settings -->" % (PAGE, name))
    if made != text and "--fix" in sys.argv:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(made)
        print("compatibility: %s rewritten" % PAGE)
    elif made != text:
        print("compatibility: %s is out of date (make readme-tables FIX=1)" % PAGE)
        missing.append(PAGE)
    if not missing:
        print("compatibility: ok")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
