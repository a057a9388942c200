#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare --format html: one well-formed document that loads and runs nothing, whatever the tables hold, of bounded size."""
import csv
import html.parser
import os
import random
import re
import subprocess
import sys
import tempfile

BIN = os.environ["AIMON_BIN"]
VOID = {"meta", "br"}
EVIL = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'&amp;</style></title>", "\u202egnp.exe", "日本 zürich", "]]>\x1b[31m"]


class Document(html.parser.HTMLParser):
    """Fails on tags that do not match; collects tags, identifiers, links and text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.links, self.texts, self.attributes = [], set(), [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [name for name, _ in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]} at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)


def report(folder, *arguments):
    target = os.path.join(folder, "report.html")
    done = subprocess.run([BIN, "compare", "--output", target, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "written to" in done.stdout, done.stdout
    with open(target, encoding="utf-8") as file:
        text = file.read()
    document = Document(text)
    assert document.tags.isdisjoint({"script", "img", "link", "iframe", "object"}), document.tags
    assert not [name for name in document.attributes if name.startswith("on")], "an event handler"
    assert all(link.startswith("#") for link in document.links), document.links
    assert len(document.ids) == len(set(document.ids)), "an id twice"
    assert {link[1:] for link in document.links} <= set(document.ids), "a link to nowhere"
    assert not re.search(r"https?://|url\(|@import", text), "it loads something"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text), "a control character"
    return text, document


def write(path, names, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])


def main():
    rng = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        before, after = os.path.join(folder, "before.csv"), os.path.join(folder, EVIL[0].replace("/", "") + ".csv")
        for path, shift in ((before, 0), (after, 2)):
            write(path, ["plain", *EVIL], [
                [round(rng.gauss(shift, 1), 3), *(rng.choice(EVIL + ["x"] * shift) for _ in EVIL)] for _ in range(1500)])
        sides = ["--reference", before, "--current", after]
        text, document = report(folder, *sides)
        shown = "".join(document.texts)
        assert EVIL[0] in shown and EVIL[1] in shown, "names are shown as they are"
        assert "▲ Drift" in shown and "features drifted" in shown
        assert document.tags >= {"svg", "table", "h1", "h2", "h3"}
        assert text.count('class="card" id=') == 1 + len(EVIL)
        print("foreign text stays text")

        text, document = report(folder, *sides, "--window", "100", "--reference-windows")
        shown = "".join(document.texts)
        assert text.count('class="strip"') == 1 + len(EVIL) and "KS D over time" in shown
        assert 'class="span"' in text and 'class="limit"' in text and 'class="before"' in text
        print("windows are drawn")

        wide = [f"feature {i:03}" for i in range(400)]
        for path, shift in ((before, 0), (after, 1)):
            write(path, wide, [[round(rng.gauss(shift * (i % 7 == 0), 1), 2) for i in range(400)] for _ in range(300)])
        text, document = report(folder, *sides)
        assert text.count('class="card" id=') == 50 and "the other 350 are in the table alone" in text
        assert len(text) < 2_000_000, len(text)
        order = re.findall(r"feature (\d+)", text[text.index("<tbody>"):text.index("In detail")])
        assert len(order) == 400 and all(int(i) % 7 == 0 for i in order[:58]), "what drifted comes first"
        text, _ = report(folder, *sides, "--window", "1")
        assert len(text) < 6_000_000, len(text)
        print("of bounded size")

        gone = os.path.join(folder, "gone.csv")
        write(gone, ["feature 000"], [[""]] * 300)
        text, _ = report(folder, "--reference", before, "--current", gone, "--columns", "feature 000")
        assert "100.0 %" in text
        print("a feature without values")
    print("4 passed")


if __name__ == "__main__":
    sys.exit(main())
