// SPDX-License-Identifier: Apache-2.0
/* The README's settings table, from the same rows that parse the settings. */
#include "common/config/values.h"

static void row_set(const struct otc_schema *schema, const char *prefix, unsigned depth, struct otc_buf *out);

static void
append_cell(struct otc_buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '|') {
            otc_buf_append_byte(out, '\\');
        }
        otc_buf_append_byte(out, (uint8_t)(*c == '\n' ? ' ' : *c));
    }
}

static void
append_type(const struct otc_field *field, struct otc_buf *out)
{
    if (field->choices == NULL) {
        otc_buf_append_str(out, otc_value_type_name(field));
        return;
    }
    if (field->type == OTC_TYPE_STRINGS) {
        otc_buf_append_str(out, "list of ");
    } else if (field->type == OTC_TYPE_NUMBERS) {
        otc_buf_append_str(out, "map of numbers, keys ");
    }
    for (size_t i = 0; field->choices[i] != NULL; i++) {
        otc_buf_printf(out, "%s`%s`", i == 0 ? "" : " ", field->choices[i]);
    }
}

static void
append_default(const struct otc_field *field, struct otc_buf *out)
{
    if (field->required) {
        otc_buf_append_str(out, "required");
    } else if (field->type == OTC_TYPE_OPTIONAL) {
        otc_buf_append_str(out, field->on_by_default ? "on" : "off");
    } else if (field->def != NULL && field->def[0] != '\0') {
        otc_buf_append_byte(out, '`');
        append_cell(out, field->def);
        otc_buf_append_byte(out, '`');
    } else if (field->type == OTC_TYPE_BOOL) {
        otc_buf_append_str(out, "`false`");
    } else if (field->type == OTC_TYPE_INT || field->type == OTC_TYPE_DOUBLE ||
               field->type == OTC_TYPE_DURATION || field->type == OTC_TYPE_BYTES) {
        otc_buf_append_str(out, "`0`");
    }
}

static void
append_meaning(const struct otc_field *field, struct otc_buf *out)
{
    if (field->doc != NULL) {
        append_cell(out, field->doc);
    } else if (field->sub != NULL && field->sub->doc != NULL) {
        append_cell(out, field->sub->doc);
    }
    if (field->min != NULL && field->max != NULL) {
        otc_buf_printf(out, " From %s to %s.", field->min, field->max);
    } else if (field->min != NULL) {
        otc_buf_printf(out, " At least %s.", field->min);
    } else if (field->max != NULL) {
        otc_buf_printf(out, " At most %s.", field->max);
    }
    if (field->inert) {
        otc_buf_append_str(out, " Accepted, without effect here.");
    }
    if (field->deprecated_key != NULL) {
        otc_buf_printf(out, " Formerly `%s`.", field->deprecated_key);
    }
}

static void
append_row(const struct otc_field *field, const char *prefix, unsigned depth, struct otc_buf *out)
{
    char path[256];

    snprintf(path, sizeof(path), "%s%s", prefix, field->key);
    otc_buf_printf(out, "| `%s` | ", path);
    append_type(field, out);
    otc_buf_append_str(out, " | ");
    append_default(field, out);
    otc_buf_append_str(out, " | ");
    append_meaning(field, out);
    otc_buf_append_str(out, " |\n");
    if (field->sub != NULL) {
        snprintf(path, sizeof(path), "%s%s%s.", prefix, field->key, field->type == OTC_TYPE_LIST ? "[]" : "");
        row_set(field->sub, path, depth + 1, out);
    }
}

static void
row_set(const struct otc_schema *schema, const char *prefix, unsigned depth, struct otc_buf *out)
{
    /* A schema that holds itself would never end. */
    if (depth > 8) {
        return;
    }
    for (const struct otc_field *f = schema->fields; f->key != NULL; f++) {
        append_row(f, prefix, depth, out);
    }
}

bool
otc_schema_table(const struct otc_schema *schema, struct otc_buf *out)
{
    if (schema->fields == NULL || schema->fields[0].key == NULL) {
        otc_buf_append_str(out, "No settings.\n");
        return !out->failed;
    }
    otc_buf_append_str(out, "| Setting | Type | Default | Meaning |\n| --- | --- | --- | --- |\n");
    row_set(schema, "", 0, out);
    return !out->failed;
}
