// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/budget.h"

#include "common/base/clock.h"
#include "common/base/number.h"

static const struct span {
    const char *name;
    double weeks;
} spans[] = {{"day", 1 / 7.0}, {"week", 1}, {"month", 30 / 7.0}};

otc_status
otc_false_alarms_parse(const char *text, double *per_week, struct otc_error *err)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    double number;

    if (slash && otc_parse_double(otc_slice_of(text, (size_t)(slash - text)), &number) && number > 0 &&
        number <= 1e6) {
        for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
            if (strcmp(slash + 1, spans[i].name) == 0) {
                *per_week = number / spans[i].weeks;
                return OTC_OK;
            }
        }
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "'%s' is no number a day, week or month: write 1/week, 0.5/day, 2/month",
                    text ? text : "");
}

double
otc_false_alarms_level(double per_week, unsigned k, int64_t pane_ns)
{
    double level = per_week * (double)k * (double)pane_ns / (7.0 * (double)OTC_DAY);

    return level < 1 ? level : 1;
}
