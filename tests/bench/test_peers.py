#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of what bench_peers.py computes and writes, without a program that runs: `make scripts`."""

import os
import sys
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
from peers import charts, costs, load, report  # noqa: E402


def row(mode, **peers):
    return {"mode": mode, "workload": "W2", "items": 100, "bytes": 41500, "signal": "traces",
            "peers": {name.replace("_", "-"): one for name, one in peers.items()}}


THROUGHPUT = [row("in", otelcol_aimon={"rates": [3e6, 2e6, 4e6]}, otelcol={"rates": [1e5, 2e5, 1e5]}, Rotel={"skipped": "it ended"}),
              row("statistics", otelcol_aimon={"rates": [1e6]}, otelcol={"skipped": "it has none"}, Rotel={"skipped": "it has none"})]


class Ratios(unittest.TestCase):
    def test_of_each_round(self):
        self.assertEqual(report.ratios([3, 2, 4], [1, 2, 1]), (3, 1, 4))

    def test_without_rounds_of_both(self):
        self.assertIsNone(report.ratios([3], []))
        self.assertEqual(report.ratio_text(None), "")

    def test_numbers_have_digits_and_no_exponent(self):
        self.assertEqual([report.number(v) for v in (0, 0.000412, 0.0345, 1.234, 56.78, 1234.5)], ["0", "0.000412", "0.0345", "1.23", "56.8", "1234"])

    def test_rates_are_millions(self):
        self.assertEqual(report.millions([3e6, 2e6, 4e6]), "3.00 (2.00 to 4.00)")

    def test_percentiles(self):
        values = list(range(1000, 0, -1))
        self.assertEqual([costs.percentile(values, share) for share in (0.5, 0.99, 0.999)], [501, 991, 1000])


    def test_who_keeps_up(self):
        self.assertEqual([costs.keeps_up([{"reached": r}], 100) for r in (100, 90, 89)], [True, True, False])
        self.assertFalse(costs.keeps_up([], 100))


class Tables(unittest.TestCase):
    def test_cells_do_not_end_a_cell(self):
        self.assertEqual(report.table(["a", "b"], [["x|y", 1]]), "| a | b |\n| --- | --- |\n| x\\|y | 1 |")

    def test_modes(self):
        text = report.throughput_section({"versions": {"otelcol-aimon": "", "otelcol": "", "Rotel": ""}, "throughput": THROUGHPUT})
        self.assertIn("| otelcol-aimon | otelcol | ratio |", text)
        self.assertIn("| 3.00 (2.00 to 4.00) | 0.100 (0.100 to 0.200) | 30 (10 to 40) |", text)
        self.assertIn("**in** (Rotel skipped: it ended)", text)
        self.assertIn("**statistics** (otelcol skipped: it has none) (Rotel skipped: it has none)", text)

    def test_unaccounted(self):
        sizes = {"rss": 1024, "peak": 2048}
        one = {"sent": 100, "arrived": 60, "refused": 30, "dropped": 0, "idle": sizes, "after": sizes}
        text = report.slow_section({"slow": {"a": one, "b": {**one, "dropped": None}}})
        self.assertIn("| a | 100 | 60 | 30 | 0 | 10 | 1.0; 2.0 |", text)
        self.assertIn("| b | 100 | 60 | 30 | no counter | not told |", text)


class Document(unittest.TestCase):
    def test_what_is_around_stays(self):
        before = f"head\n{report.BEGIN}\nold\n{report.END}\ntail\n"
        after = report.spliced(before, "new\n")
        self.assertEqual(after, f"head\n{report.BEGIN}\nnew\n{report.END}\ntail\n")
        self.assertEqual(report.spliced(after, "new\n"), after)

    def test_markers_are_needed(self):
        for text in ("", report.BEGIN, report.END + report.BEGIN, report.BEGIN * 2 + report.END):
            with self.assertRaises(ValueError):
                report.spliced(text, "new")

    def test_the_page_has_them(self):
        with open(os.path.join(HERE, "../../docs/performance.md"), encoding="utf-8") as f:
            report.spliced(f.read(), "new")


class Charts(unittest.TestCase):
    def test_a_dot_for_each_value(self):
        drawn = charts.throughput_chart({"throughput": THROUGHPUT}, ("in",))
        found = xml.dom.minidom.parseString(drawn)
        places = [float(dot.getAttribute("cx")) for dot in found.getElementsByTagName("circle")]
        self.assertEqual(len(places), 2)
        self.assertGreater(places[0], places[1])

    def test_nothing_to_draw(self):
        self.assertEqual(charts.throughput_chart({"throughput": []}, ("in",)), "")


class Load(unittest.TestCase):
    def test_signals(self):
        self.assertEqual([load.signal_of(w) for w in ("W2", "W8a", "W9b", "W10")], ["traces", "metrics", "logs", "traces"])


if __name__ == "__main__":
    unittest.main()
