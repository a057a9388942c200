# SPDX-License-Identifier: Apache-2.0
# Three hours of traffic as CSV, one row a request, in time order. Half way the world changes.
#   awk -v kind=llm    -f traffic.awk > llm.csv       an LLM application: prompts grow, answers get cut off, errors and latency rise
#   awk -v kind=scorer -f traffic.awk > scorer.csv    a credit scorer: incomes and countries shift, one feature stops arriving
BEGIN {
    srand(seed ? seed : 20231116)
    if (!rows) rows = 16000
    if (!start) start = 1700000000
    seconds = 3 * 3600
    if (kind == "llm") print "timestamp,model,operation,input_tokens,output_tokens,duration,finish_reason,error_type"
    else print "timestamp,age,income,country,debt_ratio,employment_years,score,duration"
    for (row = 0; row < rows; row++) {
        drifted = row >= rows / 2
        stamp = sprintf("%.3f", start + (row + uniform()) * seconds / rows)
        if (kind == "llm") llm()
        else scorer()
    }
}

function uniform() { return rand() * 0.999998 + 0.000001 }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
function lognormal(median, sigma) { return median * exp(sigma * normal()) }

function llm(   input, output, finish, error, duration) {
    input = int(lognormal(drifted ? 1150 : 620, 0.6)) + 1
    output = int(lognormal(drifted ? 150 : 210, 0.7)) + 1
    finish = uniform() < (drifted ? 0.22 : 0.03) ? "length" : "stop"
    error = uniform() < (drifted ? 0.09 : 0.008) ? "timeout" : ""
    duration = 0.18 + output * 0.011 + lognormal(drifted ? 1.6 : 0.2, 0.8)
    if (error != "") { output = ""; finish = ""; duration += 10 }
    printf "%s,chat-large,chat,%d,%s,%.4f,%s,%s\n", stamp, input, output, duration, finish, error
}

function scorer(   age, income, country, pick, debt, years, score) {
    age = int(42 + 11 * normal()); if (age < 18) age = 18
    income = int(lognormal(drifted ? 29000 : 38000, 0.45))
    pick = uniform()
    country = drifted ? (pick < 0.35 ? "DE" : pick < 0.55 ? "FR" : pick < 0.95 ? "PL" : "IT") \
                      : (pick < 0.50 ? "DE" : pick < 0.78 ? "FR" : pick < 0.92 ? "PL" : "IT")
    debt = 0.32 + 0.11 * normal(); if (debt < 0) debt = 0
    years = drifted && uniform() < 0.35 ? "" : int(lognormal(6, 0.7))
    score = 1 / (1 + exp(-(-1.2 + 2.4 * debt - 0.00004 * income + 0.3 * normal())))
    printf "%s,%d,%d,%s,%.4f,%s,%.5f,%.4f\n", stamp, age, income, country, debt, years, score, 0.004 + lognormal(0.006, 0.5)
}
