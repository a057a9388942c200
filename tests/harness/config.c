// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/config.h"

#include "common/config/node.h"

otc_status
otc_test_decode(const struct otc_schema *schema, const char *yaml, struct otc_config **out,
                struct otc_error *err)
{
    struct otc_document *doc = NULL;
    otc_status status = OTC_OK;

    if (*yaml) {
        status = otc_document_parse(otc_slice_str(yaml), "test.yaml", &doc, err);
    }
    if (status == OTC_OK) {
        status = otc_config_decode(schema, doc ? otc_document_root(doc) : NULL, "test", out, err);
    }
    if (doc) {
        otc_document_free(doc);
    }
    return status;
}

otc_status
otc_test_config(const struct otc_factory *factory, const char *yaml, struct otc_config **out,
                struct otc_error *err)
{
    otc_status status = otc_test_decode(factory->config, yaml, out, err);

    if (status == OTC_OK && factory->validate) {
        status = factory->validate(otc_config_value(*out), err);
        if (status != OTC_OK) {
            otc_config_free(*out);
            *out = NULL;
        }
    }
    return status;
}

bool
otc_test_refuses(const struct otc_factory *factory, const char *yaml, const char *part, struct otc_error *err)
{
    struct otc_config *config = NULL;

    if (otc_test_config(factory, yaml, &config, err) == OTC_OK) {
        otc_config_free(config);
        return false;
    }
    return err->text[0] != '\0' && strstr(err->text, part) != NULL;
}
