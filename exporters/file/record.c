// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/record.h"

#include "common/otlp/json_encode.h"

otc_status
file_encoder_init(struct file_encoder *encoder, const struct file_config *config, struct otc_error *err)
{
    *encoder = (struct file_encoder){.json = config->format.index == FILE_JSON,
                                     .text = {.limit = FILE_RECORD_BYTES_MAX},
                                     .compressed = {.limit = FILE_RECORD_BYTES_MAX}};
    return config->compression.index == FILE_ZSTD
               ? otc_compressor_new(OTC_COMPRESS_ZSTD, config->compression_params.level, &encoder->compressor,
                                    err)
               : OTC_OK;
}

void
file_encoder_release(struct file_encoder *encoder)
{
    otc_compressor_free(encoder->compressor);
    otc_buf_release(&encoder->text);
    otc_buf_release(&encoder->compressed);
}

/* The request as it is written, but for what stands before and after it. */
static otc_status
encode(struct file_encoder *encoder, enum otc_signal signal, struct otc_slice *record, struct otc_error *err)
{
    otc_status status = OTC_OK;

    if (encoder->json) {
        otc_buf_clear(&encoder->text);
        status = otc_protobuf_to_json(signal, *record, &encoder->text, err);
        *record = otc_buf_slice(&encoder->text);
    }
    if (status == OTC_OK && encoder->compressor) {
        otc_buf_clear(&encoder->compressed);
        status = otc_compress(encoder->compressor, *record, &encoder->compressed, err);
        *record = otc_buf_slice(&encoder->compressed);
    }
    return status;
}

/* With what stands before and after it. */
static otc_status
put(const struct file_encoder *encoder, struct file_writer *writer, struct otc_slice record, int64_t now_ns,
    struct otc_error *err)
{
    bool line = encoder->json && !encoder->compressor;
    uint8_t length[4];

    for (int i = 0; i < 4; i++) {
        length[i] = (uint8_t)(record.len >> (24 - 8 * i));
    }
    return file_writer_append(writer, line ? OTC_SLICE_NONE : otc_slice_of(length, sizeof(length)), record,
                              line ? otc_slice_str("\n") : OTC_SLICE_NONE, now_ns, err);
}

otc_status
file_encoder_write(struct file_encoder *encoder, struct file_writer *writer, enum otc_signal signal,
                   struct otc_slice request, int64_t now_ns, struct otc_error *err)
{
    struct otc_slice record = request;
    otc_status status = encode(encoder, signal, &record, err);

    if (status == OTC_OK) {
        status = put(encoder, writer, record, now_ns, err);
    }
    otc_buf_clear_large(&encoder->text, FILE_KEPT_BYTES);
    otc_buf_clear_large(&encoder->compressed, FILE_KEPT_BYTES);
    return status;
}
