// SPDX-License-Identifier: Apache-2.0
/** @file What a request becomes in a file. One caller at a time. */
#ifndef OTC_FILE_RECORD_H
#define OTC_FILE_RECORD_H

#include "common/component/otc.h"
#include "common/net/compress.h"
#include "exporters/file/config.h"
#include "exporters/file/writer.h"

/** Largest record. */
#define FILE_RECORD_BYTES_MAX ((size_t)1 << 30)

struct file_encoder {
    bool json;
    struct otc_compressor *compressor; /* NULL: plain */
    struct otc_buf text, compressed;
};

OTC_CHECK otc_status file_encoder_init(struct file_encoder *encoder, const struct file_config *config,
                                       struct otc_error *err);
void file_encoder_release(struct file_encoder *encoder);
/** Appends a request; `now_ns` as for file_writer_append. */
OTC_CHECK otc_status file_encoder_write(struct file_encoder *encoder, struct file_writer *writer,
                                        enum otc_signal signal, struct otc_slice request, int64_t now_ns,
                                        struct otc_error *err);

#endif
