#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Generated pairs of tables of every kind through `compare --format json`; scipy and numpy say what is right."""

import csv
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    from scipy import stats
    from scipy.spatial.distance import jensenshannon
except ImportError:
    print("skipped: no scipy (Debian's python3-scipy)")
    sys.exit(0)

BIN = os.environ["AIMON_BIN"]
SEED = 20260417
LEVEL = 0.01
MIN_EFFECT = {"ks": 0.08, "psi": 0.05, "chi_squared": 0.1, "missing": 0.05, "out_of_range": 0.05, "unseen": 0.05,
              "invalid": 0.05, "constant": 0.05}
TESTS = list(MIN_EFFECT)
MISSING = ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
           "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
NUMBER = re.compile(r"[ \t]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t]*")
INFINITE = ("inf", "-inf", "+inf", "Infinity", "-Infinity")
BOOL = {"True": "true", "TRUE": "true", "true": "true", "False": "false", "FALSE": "false", "false": "false"}

rng = random.Random(SEED)
failures = []
checks = 0


# ---- Tables ------------------------------------------------------------------------------------------------


def spell(x):
    """One of the ways in which programs write a number."""
    ways = [repr(float(x)), "%.17g" % x, "%.17E" % x]
    if float(x).is_integer() and abs(x) < 1e15:
        ways += ["%d" % x, "+%d" % x if x > 0 else "%d" % x, "%d." % x, " %d " % x]
    return rng.choice(ways)


def normal(mean, deviation):
    return lambda: rng.gauss(mean, deviation)


def one_of(*values):
    return lambda: rng.choice(values)


def column(kind):
    """(reference's source, current's source) of cell texts."""
    shift = rng.choice([0, 0, 0, 0.05, 0.3, 2])
    if kind == "normal":
        a, b = normal(0, 1), normal(shift, rng.choice([1, 1, 1.5]))
    elif kind == "tied":
        a, b = lambda: round(rng.gauss(5, 2)), lambda: round(rng.gauss(5 + shift, 2))
    elif kind == "few":
        a, b = one_of(1, 2, 3), one_of(1, 2, 3, 3, 7) if shift else one_of(1, 2, 3)
    elif kind == "hundredths":
        a, b = lambda: round(rng.uniform(0, 1), 2), lambda: round(rng.uniform(0, 1 + shift), 2)
    elif kind == "mostly zero":  # every quantile is the minimum: one bin
        a, b = (lambda k=k: rng.expovariate(1) if rng.random() < 0.06 * k else 0 for k in (1, 1 + 4 * shift))
    elif kind == "constant":
        a, b = one_of(4.5), one_of(4.5 + shift)
    elif kind == "zeros":
        a, b = one_of(-0.0, 0.0, 1), one_of(0.0, -0.0, -1) if shift else one_of(0.0, -0.0, 1)
    elif kind == "heavy":
        a, b = lambda: rng.paretovariate(0.6), lambda: rng.paretovariate(0.6) * (1 + shift)
    elif kind == "denormal":
        a, b = lambda: rng.randrange(1, 90) * 5e-324, lambda: rng.randrange(1, 90 + int(30 * shift)) * 5e-324
    elif kind == "huge":
        a, b = lambda: rng.uniform(-1, 1) * 1.7e308, lambda: rng.uniform(-1, 1) * 1.7e308
    elif kind == "large integers":
        a, b = lambda: 2**53 + rng.randrange(3000), lambda: 2**53 + rng.randrange(3000 + int(1000 * shift))
        return lambda: "%d" % a(), lambda: "%d" % b()
    elif kind == "infinite":
        a, b = normal(0, 1), normal(shift, 1)
        return (lambda: rng.choice(INFINITE) if rng.random() < 0.02 else spell(a()),
                lambda: rng.choice(INFINITE) if rng.random() < 0.1 else spell(b()))
    elif kind == "bool":
        a, b = one_of(*BOOL), one_of("True", "true", "False") if shift else one_of(*BOOL)
        return a, b
    elif kind == "category":
        names = ["a", "b b", 'say "x"', "1,5", "two\nlines", "zürich", "日本", "x" * 200, "1.0", "true", " pad"]
        more = names + ["new%d" % i for i in range(6)]
        return (lambda: names[int(rng.random() ** 2 * len(names))],
                lambda: (more if shift else names)[int(rng.random() ** 2 * len(more if shift else names))])
    elif kind == "codes":  # leading zeros; the current side may hold numbers alone
        return one_of("007", "07", "7", "H3Z"), one_of("007", "07", "7")
    elif kind == "many categories":
        return (lambda: "c%d" % int(rng.paretovariate(0.8) % 500), lambda: "c%d" % int(rng.paretovariate(0.8) % 700))
    else:
        raise ValueError(kind)
    return lambda: spell(a()), lambda: spell(b())


KINDS = ["normal", "tied", "few", "hundredths", "mostly zero", "constant", "zeros", "heavy", "denormal", "huge", "large integers",
         "infinite", "bool", "category", "codes", "many categories"]


def cells(source, n, missing):
    return [rng.choice(MISSING) if rng.random() < missing else source() for _ in range(n)]


def make_pair(n, m, kinds):
    ref, cur = {}, {}
    for i, kind in enumerate(kinds):
        a, b = column(kind)
        name = f"{kind} {i}"
        rates = rng.choice([(0, 0), (0, 0), (0.05, 0.05), (0, 0.3), (0.4, 0), (0.1, 1)])
        ref[name], cur[name] = cells(a, n, rates[0]), cells(b, m, rates[1])
    ref["gone"], cur["come"] = ["1"] * n, ["1"] * m
    ref["nothing"], cur["nothing"] = [""] * n, ["NA"] * m
    return ref, cur


def write(path, table):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(table)
        out.writerows(zip(*table.values()))


# ---- What is right -----------------------------------------------------------------------------------------


def kind_of(text):
    if text in MISSING:
        return "missing"
    if text.strip(" \t") in INFINITE or NUMBER.fullmatch(text):
        return "number"
    return "bool" if text in BOOL else "text"


def profile(texts):
    """(type, whether it is a feature, whether categories are written as they stand)"""
    kinds = [kind_of(t) for t in texts]
    present = [k for k in kinds if k != "missing"]
    if not present:
        return "numeric", False, False
    if set(present) == {"number"}:
        x = [float(t) for t in texts if kind_of(t) == "number"]
        rows = len(x) == len(texts) >= 10 and all(b == a + 1 for a, b in zip(x, x[1:]))
        return "numeric", not rows, False
    distinct = set(present) == {"text"} and len(present) >= 10 and len(set(texts) - set(MISSING)) == len(present)
    return "categorical", not distinct, set(present) != {"bool"}


def numbers(texts):
    """Finite values, missing, invalid."""
    kinds = [kind_of(t) for t in texts]
    x = np.array([float(t) for t, k in zip(texts, kinds) if k == "number"]) + 0.0
    finite = x[np.isfinite(x)]
    return finite, kinds.count("missing"), len(texts) - kinds.count("missing") - len(finite)


def categories(texts, as_they_stand):
    out = []
    for t in texts:
        k = kind_of(t)
        if k == "missing":
            continue
        out.append(t if as_they_stand else BOOL[t] if k == "bool" else t)
    return out, len(texts) - len(out), 0


def counts_of_bins(ref, cur):
    values = np.unique(ref)
    if len(values) <= 20:
        counts = [[int(np.sum(x == v)) for v in values] for x in (ref, cur)]
        return [c + [len(x) - sum(c)] for c, x in zip(counts, (ref, cur))]
    edges = np.unique(np.quantile(ref, np.arange(1, 10) / 10))
    edges = edges[edges > ref.min()]
    return [np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1).tolist()
            for x in (ref, cur)]


def chi_squared(ref, cur):
    table = np.array([ref, cur])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    return stats.chi2_contingency(table)[:2]


def pooled_p(ref, cur):
    """The decision's p-value of categories: those expected fewer than 5 times in the current data are one."""
    ref, cur = np.array(ref, float), np.array(cur, float)
    both = ref + cur
    small = both * cur.sum() < 5 * both.sum()
    ref, cur, both, small = (x[both > 0] for x in (ref, cur, both, small))
    groups = [[i] for i in np.flatnonzero(~small)]
    pool = list(np.flatnonzero(small))
    if pool and both[pool].sum() * cur.sum() < 5 * both.sum() and groups:
        least = min(groups, key=lambda g: both[g[0]])
        groups.remove(least)
        pool += least
    groups += [pool] if pool else []
    if len(groups) < 2:  # the most frequent category against the rest
        top = int(np.argmax(ref))
        table = np.array([[x[top], x.sum() - x[top]] for x in (ref, cur)])
        return stats.chi2_contingency(table)[1] if table.sum(axis=0).all() else math.nan
    return stats.chi2_contingency([[x[g].sum() for g in groups] for x in (ref, cur)])[1]


def proportions(x1, n1, x2, n2):
    share = (x1 + x2) / (n1 + n2)
    variance = share * (1 - share) * (1 / n1 + 1 / n2)
    return 2 * stats.norm.sf(abs(x1 / n1 - x2 / n2) / math.sqrt(variance)) if variance > 0 else math.nan


def exact_rise(x1, n1, x2, n2):
    """stats.fisher_exact(alternative="greater"), which is this, but slower."""
    return min(1.0, float(stats.hypergeom.sf(x2 - 1, n1 + n2, x1 + x2, n2)))


def exact_change(x1, n1, x2, n2):
    if x1 + x2 in (0, n1 + n2):
        return math.nan
    return min(1.0, 2 * min(exact_rise(x1, n1, x2, n2), exact_rise(x2, n2, x1, n1)))


def rise(x1, n1, x2, n2):
    """A test that exists when there is something, and fires on more alone: fewer have no effect."""
    return (exact_rise(x1, n1, x2, n2) if x2 else math.nan), max(0.0, x2 / n2 - x1 / n1)


def unseen(counts, unseen, m):
    """Good and Turing: as often as the reference met a category once. Those met twice widen its error (Esty)."""
    n, once, twice = sum(counts), counts.count(1), counts.count(2)
    phi = 1 + 2 * twice / (once + 1) * m / (n + m)
    n_phi, m_phi = (max(1, math.floor(x / phi + 0.5)) for x in (n, m))
    p = exact_rise(min(n_phi, math.ceil(once / phi)), n_phi, min(m_phi, math.floor(unseen / phi)), m_phi)
    return p, max(0.0, unseen / m - once / n)


def is_constant(ref, cur, decide):
    """Of all ways to draw as many of both sides' values, those of one value; the rise of the top value's share."""
    m, total = len(cur), len(ref) + len(cur)
    if m >= 2 and len(set(cur)) == 1:
        pooled = np.unique(np.concatenate([ref, cur]), return_counts=True)[1]
        p = sum(float(stats.hypergeom.pmf(m, total, int(c), m)) for c in pooled if c >= m)
        decide["constant"] = (min(1.0, p), 1 - np.unique(ref, return_counts=True)[1].max() / len(ref))


def binned(ref, cur, want):
    n, m, bins = sum(ref), sum(cur), len(ref)
    p, q = np.array(ref) / n, np.array(cur) / m
    a, b = (np.array(ref) + 0.5) / (n + 0.5 * bins), (np.array(cur) + 0.5) / (m + 0.5 * bins)
    want["jensen_shannon"] = jensenshannon(p, q)
    want["total_variation"], want["l_infinity"] = abs(p - q).sum() / 2, abs(p - q).max()
    want["hellinger"] = math.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)
    want["chi_squared"], want["chi_squared p"] = chi_squared(ref, cur)
    if bins >= 2:
        want["psi"], want["bins"] = float(((b - a) * np.log(b / a)).sum()), bins
        want["psi p"] = stats.chi2.sf(want["psi"] / (1 / n + 1 / m), bins - 1) if m >= 5 * bins else math.nan
        want["psi excess"] = max(0.0, want["psi"] - (bins - 1) * (1 / n + 1 / m))


def expect(ref_texts, cur_texts):
    kind, _, as_they_stand = profile(ref_texts)
    read = numbers if kind == "numeric" else lambda texts: categories(texts, as_they_stand)
    (ref, *ref_bad), (cur, *cur_bad) = read(ref_texts), read(cur_texts)
    want = {"type": kind, "n": len(ref), "m": len(cur), "missing": sum(cur_bad) / len(cur_texts),
            "reference_missing": sum(ref_bad) / len(ref_texts), "decide": {}}
    want["missing p"] = proportions(sum(ref_bad), len(ref_texts), sum(cur_bad), len(cur_texts))
    decisive = exact_change(sum(ref_bad), len(ref_texts), sum(cur_bad), len(cur_texts))
    want["decide"]["missing"] = (decisive, abs(want["missing"] - want["reference_missing"]))
    want["decide"]["invalid"] = rise(ref_bad[1], len(ref_texts), cur_bad[1], len(cur_texts))
    if not len(ref) or not len(cur):
        return want
    is_constant(ref, cur, want["decide"])
    if kind == "numeric":
        outside = int(np.sum((cur < ref.min()) | (cur > ref.max())))
        if len(ref) >= 2 and outside:  # k or more: at most 1 of the reference is among the k + 1 outermost
            want["decide"]["out_of_range"] = (exact_rise(1, len(ref), outside, len(cur)),
                                              max(0.0, outside / len(cur) - 2 / len(ref)))
        ks = stats.ks_2samp(ref, cur)
        want["ks"], want["ks p"] = ks.statistic, ks.pvalue
        want["decide"]["ks"] = (ks.pvalue, ks.statistic)
        want["wasserstein"] = stats.wasserstein_distance(ref, cur)
        if len(ref) > 1 and len(cur) > 1:
            # Their places among the distinct values: scipy's search for NaN overflows on huge ones.
            place = np.unique(np.concatenate([ref, cur]), return_inverse=True)[1]
            cvm = stats.cramervonmises_2samp(place[:len(ref)], place[len(ref):], method="asymptotic")
            want["cramer_von_mises"] = cvm.statistic
        bins = counts_of_bins(ref, cur)
        if len(bins[0]) >= 2:
            binned(*bins, want)
            want["decide"]["psi"] = (want["psi p"], want["psi excess"])
    else:
        union = sorted(set(ref) | set(cur))
        place = {c: i for i, c in enumerate(union)}
        ref, cur = ([int(k) for k in np.bincount([place[c] for c in x], minlength=len(union))] for x in (ref, cur))
        binned(ref, cur, want)
        want["unseen"] = sum(c for r, c in zip(ref, cur) if r == 0)
        if want["unseen"]:
            want["decide"]["unseen"] = unseen(ref, want["unseen"], sum(cur))
        want["decide"]["chi_squared"] = (pooled_p(ref, cur), want["total_variation"])
    return want


def decide(wanted):
    """Benjamini and Hochberg over every decision p-value of the family; then each feature."""
    family = sorted((p, name, test) for name, want in wanted.items() for test, (p, _) in want["decide"].items()
                    if not math.isnan(p))
    least, adjusted = 1.0, {}
    for rank in range(len(family), 0, -1):
        p, name, test = family[rank - 1]
        least = min(least, p * len(family) / rank)
        adjusted[name, test] = least
    for name, want in wanted.items():
        mine = {test: adjusted[name, test] for test in TESTS if (name, test) in adjusted}
        want["p_adjusted"] = min(mine.values(), default=math.nan)
        want["rejects"] = [t for t, p in mine.items() if p <= LEVEL and want["decide"][t][1] >= MIN_EFFECT[t]]


# ---- Comparison --------------------------------------------------------------------------------------------


def same(what, got, want, relative, absolute=0.0):
    global checks
    checks += 1
    want = None if want is None or math.isnan(want) else float(want)
    if got is None or want is None:
        ok = got is None and want is None
    else:
        ok = abs(got - want) <= max(relative * abs(want), absolute)
    if not ok:
        failures.append(f"{what}: got {got!r}, not {want!r}")


def is_value(what, got, want):
    global checks
    checks += 1
    if got != want:
        failures.append(f"{what}: got {got!r}, not {want!r}")


def check_feature(where, got, want):
    s = got["statistics"]
    value = lambda name, member="value": s.get(name, {}).get(member)
    for key, mine in (("type", "type"), ("n", "reference_observations"), ("m", "window_observations")):
        is_value(f"{where} {key}", got[mine], want[key])
    is_value(f"{where} unseen", got["unseen"], want.get("unseen", 0))
    same(f"{where} missing", got["missing"], want["missing"], 1e-12)
    same(f"{where} reference_missing", got["reference_missing"], want["reference_missing"], 1e-12)
    same(f"{where} missing p", value("missing", "p_value"), want["missing p"], 1e-9, 1e-300)
    same(f"{where} D", value("ks"), want.get("ks"), 0, 1e-12)
    same(f"{where} KS p", value("ks", "p_value"), want.get("ks p"), 1e-9, 1e-300)
    is_value(f"{where} bins", got["statistics"]["psi"]["bins"] if want.get("bins") else None, want.get("bins"))
    same(f"{where} PSI", value("psi"), want.get("psi"), 1e-9, 1e-14)
    same(f"{where} PSI p", value("psi", "p_value"), want.get("psi p"), 1e-9, 1e-300)
    same(f"{where} chi-squared", value("chi_squared"), want.get("chi_squared"), 1e-9, 1e-12)
    same(f"{where} chi-squared p", value("chi_squared", "p_value"), want.get("chi_squared p"), 1e-9, 1e-300)
    for name in ("total_variation", "l_infinity", "hellinger"):
        same(f"{where} {name}", value(name), want.get(name), 1e-9, 1e-12)
    js = want.get("jensen_shannon")
    same(f"{where} Jensen-Shannon, squared", None if value("jensen_shannon") is None else value("jensen_shannon") ** 2,
         None if js is None else 0.0 if math.isnan(js) else js**2, 1e-9, 1e-14)
    w = want.get("wasserstein")
    if w is None or math.isfinite(w):  # differences above the largest double are nobody's
        same(f"{where} Wasserstein", value("wasserstein"), w, 1e-9, 0)
    if "cramer_von_mises" in want:
        same(f"{where} Cramer-von Mises", value("cramer_von_mises"), want["cramer_von_mises"], 1e-9, 1e-10)
    same(f"{where} adjusted p", got["p_adjusted"], want["p_adjusted"], 1e-9, 1e-300)
    is_value(f"{where} detected", got["detected"], bool(want["rejects"]))
    if got["rejected_by"]:
        is_value(f"{where} rejected by", got["rejected_by"] in want["rejects"], True)


def command(label, *arguments):
    done = subprocess.run([BIN, *arguments], capture_output=True)
    if done.returncode != 0:
        failures.append(f"{label}: {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.decode()}")
        return None
    return done.stdout.decode()


def compare(label, reference, current):
    """The result's document; a word that JSON has not (NaN, Infinity) is a failure."""
    text = command(label, "compare", "--reference", reference, "--current", current, "--format", "json")
    refuse = lambda token: failures.append(f"{label}: {token} is no JSON")
    return json.loads(text, parse_constant=refuse) if text else {"features": [], "drifted_share": None}


def check_files(label, paths, document, wanted):
    """An exact reference file gives what its table gives; a coarse one stays within the errors it states."""
    exact, coarse = paths[0] + ".exact.json", paths[0] + ".coarse.json"
    command(label, "reference", "build", "--input", paths[0], "--output", exact, "--cells", "exact",
            "--max-categories", "100000")
    is_value(f"{label}, reference file", compare(label, exact, paths[1])["features"], document["features"])
    command(label, "reference", "build", "--input", paths[0], "--output", coarse, "--cells", "40")
    for feature in compare(label, coarse, paths[1])["features"]:
        want, s = wanted[feature["name"]], feature["statistics"]
        if "ks" not in want:
            continue
        same(f"{label}, {feature['name']} PSI of coarse cells", s["psi"]["value"], want.get("psi"), 1e-9, 1e-14)
        is_value(f"{label}, {feature['name']} D within its error",
                 s["ks"]["value"] - 1e-12 <= want["ks"] <= s["ks"]["value"] + s["ks"]["error"] + 1e-12, True)
        w = s["wasserstein"]
        if w["value"] is None or w["error"] is None or not math.isfinite(want["wasserstein"]):
            is_value(f"{label}, {feature['name']} has a Wasserstein distance", want["wasserstein"] > 1e300, True)
        else:
            off = abs(w["value"] - want["wasserstein"])
            is_value(f"{label}, {feature['name']} Wasserstein within its error",
                     off <= w["error"] * (1 + 1e-9) + 1e-9 * want["wasserstein"] + 1e-300, True)


def run(label, directory, ref, cur, files):
    paths = [os.path.join(directory, name) for name in ("ref.csv", "cur.csv")]
    write(paths[0], ref)
    write(paths[1], cur)
    wanted = {name: expect(ref[name], cur[name]) for name in ref if name in cur and profile(ref[name])[1]}
    document = compare(label, *paths)
    features = {f["name"]: f for f in document["features"]}
    decide(wanted)
    is_value(f"{label} features", sorted(features), sorted(wanted))
    for name in wanted.keys() & features.keys():
        check_feature(f"{label}, {name}", features[name], wanted[name])
    drifted = sum(bool(w["rejects"]) for w in wanted.values())
    same(f"{label} drifted_share", document["drifted_share"], drifted / len(wanted), 1e-12)
    if files:
        check_files(label, paths, document, wanted)
    return len(wanted)


def sizes():
    for n in range(1, 6):
        for m in range(1, 6):
            yield n, m
    for _ in range(12):
        yield rng.randrange(6, 60), rng.randrange(6, 60)
    for _ in range(12):
        yield rng.randrange(100, 2000), rng.randrange(100, 2000)
    for n in (50, 200, 777, 3000):
        yield n, n
    yield 2000, 4000
    yield 10000, 10
    yield 10001, 10
    yield 10001, 500
    yield 30, 10001
    yield 12000, 12000


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    pairs = 0
    with tempfile.TemporaryDirectory() as directory:
        for i, (n, m) in enumerate(sizes()):
            kinds = KINDS if max(n, m) < 3000 else rng.sample(KINDS, 5)
            pairs += run(f"{n} x {m}", directory, *make_pair(n, m, kinds), i % 4 == 0)
    for failure in failures[:40]:
        print("FAILED:", failure)
    print(f"{checks - len(failures)} passed, {len(failures)} failed ({pairs} pairs of columns, seed {SEED})")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
