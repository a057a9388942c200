# SPDX-License-Identifier: Apache-2.0
# Prometheus text on standard input, two tables on standard output: drift by feature, latency by model.
#   curl -s localhost:9464/metrics | awk -f table.awk      with -v sent=ROWS: says how many of them the verdict is of

# labels["key"] of the line's label set.
function parse(set,   rest, key, value, at) {
    split("", labels)
    rest = set
    while (match(rest, /^[a-zA-Z_0-9]+="/)) {
        key = substr(rest, 1, RLENGTH - 2)
        rest = substr(rest, RLENGTH + 1)
        value = ""
        while ((at = index(rest, "\"")) > 1 && substr(rest, at - 1, 1) == "\\") {
            value = value substr(rest, 1, at); rest = substr(rest, at + 1)
        }
        value = value substr(rest, 1, at - 1)
        rest = substr(rest, at + 1)
        sub(/^,/, "", rest)
        labels[key] = value
    }
}

/^#/ { next }

/^ml_/ {
    brace = index($0, "{"); close_ = 0
    for (i = length($0); i > 0; i--) if (substr($0, i, 1) == "}") { close_ = i; break }
    if (!brace || !close_) next
    name = substr($0, 1, brace - 1)
    parse(substr($0, brace + 1, close_ - brace - 1))
    value = substr($0, close_ + 2); sub(/ .*/, "", value)
    model = labels["ml_model_name"]
    if ("ml_feature_name" in labels) {
        feature = model "\034" labels["ml_feature_name"]
        if (name == "ml_drift_detected") { if (!(feature in detected)) order[++n] = feature; detected[feature] = value }
        else if (name == "ml_drift_ks") ks[feature] = value
        else if (name == "ml_drift_psi") psi[feature] = value
        else if (name == "ml_drift_window_observations") observations[feature] = value
        else if (name == "ml_drift_design_effect") effect[feature] = value
        else if (name == "ml_drift_p_value_adjusted" && (!(feature in p) || value + 0 < p[feature] + 0)) p[feature] = value
        else if (name == "ml_drift_rejected" && value + 0 == 1)
            by[feature] = by[feature] (by[feature] == "" ? "" : ", ") labels["ml_drift_test"]
    } else if (name == "ml_inference_requests_total") { if (!(model in requests)) models[++m] = model; requests[model] += value }
    else if (name == "ml_inference_errors_total") errors[model] += value
    else if (name == "ml_inference_duration_quantile_seconds") {
        # One row a model: its busiest operation is the one with the most requests, and the demo's models have one each.
        if (labels["status"] != "error") quantile[model, labels["quantile"]] = value
    }
}

function number(text, digits) { return text == "" ? "-" : sprintf("%." digits "f", text) }
function seconds(text) { return text + 0 == 0 ? "-" : text + 0 < 1 ? sprintf("%.1f ms", text * 1000) : sprintf("%.2f s", text) }
function p_text(text) { return text == "" ? "-" : text + 0 == 0 ? "0" : text + 0 < 0.0001 ? sprintf("%.0e", text) : sprintf("%.4f", text) }

END {
    bold = colour ? "\033[1m" : ""; red = colour ? "\033[31m" : ""; green = colour ? "\033[32m" : ""; off = colour ? "\033[0m" : ""
    printf "%s%-13s %-20s %12s %7s %8s %7s  %s%s\n", bold, "MODEL", "FEATURE", "OBSERVATIONS", "KS", "P (ADJ.)", "PSI", "VERDICT", off
    for (i = 1; i <= n; i++) {
        split(order[i], part, "\034")
        if (!(part[1] in rows)) groups[++g] = part[1]
        rows[part[1]] = rows[part[1]] " " i
    }
    for (i = 1; i <= g; i++) listing = listing rows[groups[i]]
    split(listing, row, " ")
    for (i = 1; i <= n; i++) {
        f = order[row[i]]
        split(f, part, "\034")
        verdict = detected[f] + 0 ? red "DRIFT" off (f in by ? " (" by[f] ")" : "") : green "stable" off
        printf "%-13s %-20s %12d %7s %8s %7s  %s\n", part[1], part[2], observations[f], number(ks[f], 4), p_text(p[f]), number(psi[f], 3), verdict
        drifted += detected[f]
        most = observations[f] + 0 > most ? observations[f] + 0 : most
        # A PSI that many would call drift, and no verdict: what the rows are worth says why.
        if (!(detected[f] + 0) && psi[f] >= 0.2 && effect[f] > 1)
            alike = alike sprintf("  %-20s %d rows count as %d\n", part[2], observations[f], observations[f] / effect[f] + 0.5)
    }
    printf "\n%s%-13s %9s %7s %10s %10s %10s %10s %10s%s\n", bold, "MODEL", "REQUESTS", "ERRORS", "P50", "P90", "P95", "P99", "P99.9", off
    for (i = 1; i <= m; i++) {
        f = models[i]
        printf "%-13s %9d %7d %10s %10s %10s %10s %10s\n", f, requests[f], errors[f], seconds(quantile[f, "0.5"]), seconds(quantile[f, "0.9"]), \
            seconds(quantile[f, "0.95"]), seconds(quantile[f, "0.99"]), seconds(quantile[f, "0.999"])
    }
    printf "\n%d of %d features drifted.\n", drifted, n
    if (most < sent) printf "The verdict is that of the last hour: %d of the %d rows sent.\n", most, sent
    if (alike != "")
        printf "Stable in spite of their PSI, because neighbouring rows resemble each other, so that few of them say as much:\n%s", alike
    exit !(n > 0 && m > 0)
}
