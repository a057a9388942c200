#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`compare --compat` against evidently, NannyML, frouros and popmon themselves, from PyPI, on generated tables.

The libraries live in environments of their own below ${XDG_CACHE_HOME:-~/.cache}/otelcol-aimon, made when they are not there;
one that cannot be installed is not compared."""

import csv
import glob
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import textwrap

BIN = os.environ["AIMON_BIN"]
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "otelcol-aimon")
SEED = 20260417
rng = random.Random(SEED)
checks = 0
failures = []

# Each reads {"reference": {column: values}, "current": …, "numeric": [columns]} and prints {column: {method: [value, p, threshold,
# drifted]}}; what a library refuses is left out.
RUN = {
    "evidently": """
        import json, sys, warnings
        warnings.filterwarnings("ignore")
        import pandas as pd
        from evidently.legacy.core import ColumnType
        from evidently.legacy.calculations.stattests.registry import _get_default_stattest, get_registered_stattest
        d = json.load(sys.stdin)
        ref, cur = pd.DataFrame(d["reference"]), pd.DataFrame(d["current"])
        NUMERIC = ["ks", "wasserstein", "anderson", "cramer_von_mises", "mannw", "t_test", "ed", "psi", "jensenshannon", "kl_div", "hellinger"]
        OTHER = ["chisquare", "z", "g_test", "fisher_exact", "psi", "jensenshannon", "kl_div", "hellinger"]
        out = {}
        for c in ref:
            kind = ColumnType.Numerical if c in d["numeric"] else ColumnType.Categorical
            a, b = ref[c].dropna(), cur[c].dropna()
            out[c] = {"default": _get_default_stattest(a, b, kind).name}
            for name in NUMERIC if c in d["numeric"] else OTHER:
                if name in ("z", "fisher_exact") and pd.concat([a, b]).nunique() > 2:
                    continue
                try:
                    r = get_registered_stattest(name, kind)(a.copy(), b.copy(), kind, None)
                except ValueError:
                    continue
                out[c][name] = [float(r.drift_score), None, float(r.actual_threshold), bool(r.drifted)]
        print(json.dumps(out))
    """,
    "nannyml": """
        import json, sys, warnings, logging
        warnings.filterwarnings("ignore")
        logging.disable(logging.CRITICAL)
        import pandas as pd
        import nannyml as nml
        d = json.load(sys.stdin)
        ref, cur = pd.DataFrame(d["reference"]), pd.DataFrame(d["current"])
        for c in ref:
            if c not in d["numeric"]:
                ref[c], cur[c] = ref[c].astype("category"), cur[c].astype("category")
        calc = nml.UnivariateDriftCalculator(column_names=list(ref), chunk_size=d["window"],
            continuous_methods=["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"],
            categorical_methods=["jensen_shannon", "chi2", "hellinger", "l_infinity"])
        calc.fit(ref)
        df = calc.calculate(cur).filter(period="analysis").to_df()
        out = {}
        for c in ref:
            methods = ["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"] if c in d["numeric"] else \\
                      ["jensen_shannon", "chi2", "hellinger", "l_infinity"]
            out[c] = {m: [[None if v != v else float(v), None, None if m == "chi2" else float(t), bool(a)] for v, t, a in
                          zip(df[(c, m, "value")], df[(c, m, "upper_threshold")], df[(c, m, "alert")])] for m in methods}
        print(json.dumps(out))
    """,
    "frouros": """
        import json, sys, warnings
        warnings.filterwarnings("ignore")
        import numpy as np
        from frouros.detectors.data_drift import (PSI, HellingerDistance, HINormalizedComplement, EMD, EnergyDistance, KSTest, CVMTest,
                                                  MannWhitneyUTest, WelchTTest, AndersonDarlingTest)
        d = json.load(sys.stdin)
        out = {}
        for c in d["numeric"]:
            a = np.array([v for v in d["reference"][c] if v is not None], dtype=float)
            b = np.array([v for v in d["current"][c] if v is not None], dtype=float)
            out[c] = {}
            for name, detector in (("PSI", PSI()), ("PSI(num_bins=20)", PSI(num_bins=20)), ("HellingerDistance", HellingerDistance()),
                                   ("HINormalizedComplement", HINormalizedComplement()), ("EMD", EMD()), ("EnergyDistance", EnergyDistance()),
                                   ("KSTest", KSTest()), ("CVMTest", CVMTest()), ("MannWhitneyUTest", MannWhitneyUTest()),
                                   ("WelchTTest", WelchTTest()), ("AndersonDarlingTest", AndersonDarlingTest())):
                try:
                    detector.fit(X=a)
                    r = detector.compare(X=b)[0]
                except Exception:
                    continue
                out[c][name] = [float(r.distance if hasattr(r, "distance") else r.statistic),
                                float(r.p_value) if hasattr(r, "p_value") else None, None, None]
        print(json.dumps(out))
    """,
    "popmon": """
        import json, sys, warnings, logging, os, contextlib
        warnings.filterwarnings("ignore")
        logging.disable(logging.CRITICAL)
        import numpy as np, pandas as pd
        from histogrammar.dfinterface.pandas_histogrammar import PandasHistogrammar
        from histogrammar.dfinterface.make_histograms import make_histograms
        from popmon.analysis.comparison.hist_comparer import hist_compare
        d = json.load(sys.stdin)
        out = {}
        with open(os.devnull, "w") as null, contextlib.redirect_stderr(null):
            for c in d["reference"]:
                a, b = pd.DataFrame({c: d["reference"][c]}).dropna(), pd.DataFrame({c: d["current"][c]}).dropna()
                # The bins that its reports have: those of two dimensions, time and the feature.
                filler = PandasHistogrammar(features=[c], binning="auto", nbins_1d=20)
                ref = filler.get_histograms(a)
                specs = {c: filler.bin_specs[c]} if c in filler.bin_specs else {}
                cur = make_histograms(b, features=[c], bin_specs=specs)
                r = hist_compare(pd.Series({"a": ref[c], "b": cur[c]}), "a", "b")
                p = {"ks": "ks_pvalue", "chi2": "chi2_pvalue"}
                out[c] = {m: [float(r[m]), float(r[p[m]]) if m in p else None, None, None]
                          for m in ("psi", "jsd", "max_prob_diff", "ks", "ks_zscore", "chi2", "chi2_zscore") if m in r and r[m] == r[m]}
        print(json.dumps(out))
    """,
}


# What each needs to be installed; NannyML does not say that it needs statsmodels, none of them that pandas 3 is too new.
PACKAGES = {"evidently": ["evidently", "pandas<3"], "nannyml": ["nannyml", "pandas<3", "statsmodels"], "frouros": ["frouros"],
            "popmon": ["popmon", "pandas<3"]}


def python_of(library):
    """The interpreter of the library's environment; None when it cannot be made."""
    home = os.path.join(CACHE, library + "-venv")
    python = os.path.join(home, "bin", "python")
    try:
        if not os.path.exists(os.path.join(home, "complete")):
            for command in ([sys.executable, "-m", "venv", "--clear", home], [python, "-m", "pip", "-q", "install", *PACKAGES[library]]):
                if subprocess.run(command, capture_output=True, timeout=240).returncode != 0:
                    return None
            open(os.path.join(home, "complete"), "w", encoding="utf-8").close()
        return python
    except (OSError, subprocess.TimeoutExpired):
        return None


def column(kind, n, shift):
    if kind == "normal":
        return [rng.gauss(shift, 1) for _ in range(n)]
    if kind == "rounded":
        return [round(rng.gauss(5 + shift, 2), 1) for _ in range(n)]
    if kind == "whole":
        return [rng.randrange(1000) + int(50 * shift) for _ in range(n)]
    if kind == "few":
        return [rng.choice([1, 2, 3, 3, 7] if shift else [1, 2, 3]) for _ in range(n)]
    if kind == "heavy":
        return [rng.paretovariate(1.1) * (1 + shift) for _ in range(n)]
    if kind == "two":
        return [rng.choice(["yes", "yes", "no"] if shift else ["yes", "no"]) for _ in range(n)]
    return [rng.choice(["a", "b", "c", "d", "e"] if shift else ["a", "b", "c", "d"]) for _ in range(n)]


def write(path, table):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(table)
        out.writerows(zip(*[[repr(v) if isinstance(v, float) else v for v in values] for values in table.values()]))


def ours(reference, current, library, *more):
    run = subprocess.run([BIN, "compare", "--reference", reference, "--current", current, "--compat", library, "--format", "json", *more],
                         capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


def theirs(python, library, document):
    run = subprocess.run([python, "-c", textwrap.dedent(RUN[library])], input=json.dumps(document), capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(library + ": " + run.stderr[-2000:])
    return json.loads(run.stdout[run.stdout.index("{"):])


def same(what, got, want, tolerance=1e-9):
    global checks
    checks += 1
    if isinstance(want, bool) or isinstance(want, str):
        ok = got == want
    elif want is None or (isinstance(want, float) and math.isnan(want)):
        ok = got is None
    elif isinstance(want, float) and math.isinf(want):
        ok = got is None or got == want
    else:
        ok = got is not None and (abs(got - want) <= tolerance * abs(want) or abs(got - want) <= 1e-12)
    if not ok:
        failures.append(f"{what}: {got}, not {want}")


def check_method(what, got, want):
    value, p, threshold, drifted = want
    # Near their ends 1 - cdf and ppf are the rounding of the 1.
    same(what + " value", got["value"], value, 1e-6 if what.endswith(("zscore", " z")) else 1e-9)
    if p is not None:
        same(what + " p", got["p_value"], p)
    if threshold is not None:
        same(what + " threshold", got["threshold"], threshold)
    if drifted is not None:
        same(what + " drifted", got["drifted"], drifted)


def compare_pair(python, library, n, m, shift, work):
    kinds = ("normal", "rounded", "whole", "few", "heavy", "two", "category")
    reference, current = ({k: column(k, rows, s) for k in kinds} for rows, s in ((n, 0), (m, shift)))
    numeric = list(kinds[:5])
    files = os.path.join(work, "reference.csv"), os.path.join(work, "current.csv")
    write(files[0], reference)
    write(files[1], current)
    document = {"reference": reference, "current": current, "numeric": numeric, "window": 200}
    want = theirs(python, library, document)
    if library == "nannyml":
        windows = ours(*files, library, "--window", "200")["windows"]
        got = [{f["name"]: f["methods"] for f in w["features"]} for w in windows]
        for name, methods in want.items():
            for method, chunks in methods.items():
                same(f"{library} {name} chunks", len(got), len(chunks))
                for w, chunk in enumerate(chunks):
                    check_method(f"{library} {n}/{m}/{shift} {name}[{w}] {method}", got[w][name][method], chunk)
        return
    got = {f["name"]: f["methods"] for f in ours(*files, library)["features"]}
    for name, methods in want.items():
        default = methods.pop("default", None)
        if default:
            same(f"{library} {name} default", [k for k, v in got[name].items() if v["decides"]][0], default)
        for method, answer in methods.items():
            if method not in got[name]:
                failures.append(f"{library} {name}: no {method}")
                continue
            check_method(f"{library} {n}/{m}/{shift} {name} {method}", got[name][method], answer)


def california(python):
    """NannyML's published notebook: mean monthly KS over 20 months, alerts over the last 12."""
    data = glob.glob(os.path.join(os.path.dirname(os.path.dirname(python)), "lib", "*", "site-packages", "nannyml", "datasets", "data"))
    files = [os.path.join(data[0], f"california_housing_{part}.csv") for part in ("reference", "analysis")] if data else []
    if not files or not all(os.path.exists(f) for f in files):
        return
    published = {"id": .874280, "Longitude": .712709, "Latitude": .672904, "HouseAge": .201638, "MedInc": .154952, "AveOccup": .143890,
                 "AveRooms": .129277, "AveBedrms": .089140, "Population": .073562}
    report = ours(*files, "nannyml", "--window", "M", "--timestamp", "timestamp", "--reference-windows", "--columns", ",".join(published))
    overall = {f["name"]: f["methods"]["kolmogorov_smirnov"] for f in report["overall"]}
    same("California windows", len(report["windows"]), 20)
    for name, mean in published.items():
        same(f"California {name}", round(overall[name]["mean"], 6), mean)
        same(f"California {name} alerts", overall[name]["alerts"], {"Longitude": 3, "Latitude": 1}.get(name, 0))


def main():
    compared, missing = [], []
    with tempfile.TemporaryDirectory() as work:
        for library in RUN:
            python = python_of(library)
            if not python:
                missing.append(library)
                continue
            compared.append(library)
            for n, m, shift in ((900, 600, 0), (900, 900, 0.4), (3000, 1100, 0.2)):
                compare_pair(python, library, n, m, shift, work)
            if library == "nannyml":
                california(python)
    if not compared:
        print("skipped: none of " + ", ".join(missing) + " can be installed")
        return 0
    for line in failures[:40]:
        print("FAILED:", line)
    print(f"{checks - len(failures)} passed with {', '.join(compared)}" + (f"; not compared: {', '.join(missing)}" if missing else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
