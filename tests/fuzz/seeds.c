// SPDX-License-Identifier: Apache-2.0
/** @file Writes the first inputs of the fuzzers below tests/fuzz/corpus: one request of each shape, in JSON
 * and protobuf; and what a drift stage stores. */
#include "common/otlp/json.h"
#include "common/storage/log.h"
#include "tests/fuzz/drift_stage.h"

#define ATTRIBUTES                                                                                           \
    "\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"a\"}},"                          \
    "{\"key\":\"ml.feature.age\",\"value\":{\"doubleValue\":1.5}},{\"key\":\"n\",\"value\":{\"intValue\":"   \
    "\"-3\"}},"                                                                                              \
    "{\"key\":\"b\",\"value\":{\"boolValue\":false}},{\"key\":\"x\",\"value\":{\"bytesValue\":\"AAE=\"}},"   \
    "{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":1},{\"kvlistValue\":{\"values\":"   \
    "[{\"key\":\"k\",\"value\":{}}]}}]}}}]"
#define AROUND "\"resource\":{" ATTRIBUTES "},\"schemaUrl\":\"u\""
#define SCOPE "\"scope\":{\"name\":\"s\",\"version\":\"1\"," ATTRIBUTES "},\"schemaUrl\":\"v\""
#define EXEMPLARS                                                                                            \
    "\"exemplars\":[{\"timeUnixNano\":\"5\",\"asDouble\":2,\"traceId\":"                                     \
    "\"0102030405060708090a0b0c0d0e0f10\","                                                                  \
    "\"spanId\":\"0102030405060708\",\"filteredAttributes\":[]}]"
#define TIMES "\"startTimeUnixNano\":\"1750000000000000000\",\"timeUnixNano\":\"1750000001000000000\""

static const char *const documents[][2] = {
    {"0",
     "{\"resourceSpans\":[{" AROUND ",\"scopeSpans\":[{" SCOPE
     ",\"spans\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
     "\"parentSpanId\":\"0807060504030201\",\"traceState\":\"a=b\",\"name\":\"chat\",\"kind\":3,\"flags\":"
     "257,"
     "\"startTimeUnixNano\":\"1750000000000000000\",\"endTimeUnixNano\":\"1750000001000000000\"," ATTRIBUTES
     ",\"droppedAttributesCount\":1,\"events\":[{\"timeUnixNano\":\"7\",\"name\":\"e\"," ATTRIBUTES
     "}],\"links\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
     "\"flags\":1}],\"status\":{\"code\":2,\"message\":\"bad\"}},{\"name\":\"no ids\"}]}]}]}"},
    {"1", "{\"resourceMetrics\":[{" AROUND ",\"scopeMetrics\":[{" SCOPE
          ",\"metrics\":[{\"name\":\"g\",\"unit\":\"1\",\"description\":\"d\",\"gauge\":{\"dataPoints\":["
          "{" ATTRIBUTES "," TIMES ",\"asDouble\":\"NaN\"," EXEMPLARS "},{" TIMES
          ",\"asInt\":\"-9\",\"flags\":1}]}},"
          "{\"name\":\"s\",\"sum\":{\"isMonotonic\":true,\"aggregationTemporality\":2,\"dataPoints\":[{" TIMES
          ",\"asInt\":\"7\"}]}}]}]}]}"},
    {"1",
     "{\"resourceMetrics\":[{" AROUND ",\"scopeMetrics\":[{" SCOPE
     ",\"metrics\":[{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{" ATTRIBUTES
     "," TIMES ",\"count\":\"6\",\"sum\":9.5,\"bucketCounts\":[\"1\",\"2\",\"3\"],\"explicitBounds\":[1,2.5],"
     "\"min\":0,\"max\":9," EXEMPLARS "},{" TIMES ",\"count\":1,\"bucketCounts\":[\"2\"]}]}}]}]}]}"},
    {"1", "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"e\",\"exponentialHistogram\":"
          "{\"aggregationTemporality\":2,\"dataPoints\":[{" ATTRIBUTES "," TIMES
          ",\"count\":\"18446744073709551615\",\"sum\":1e300,\"scale\":-3,\"zeroCount\":\"1\","
          "\"zeroThreshold\":0.5,"
          "\"positive\":{\"offset\":-2,\"bucketCounts\":[\"1\",\"300\"]},\"negative\":{\"offset\":4,"
          "\"bucketCounts\":"
          "[\"5\"]},\"min\":-1,\"max\":1," EXEMPLARS
          "}]},\"metadata\":[{\"key\":\"m\"}]},{\"name\":\"q\",\"summary\":"
          "{\"dataPoints\":[{" TIMES
          ",\"count\":\"2\",\"sum\":3,\"quantileValues\":[{\"quantile\":0.5,\"value\":1}],"
          "\"flags\":1}]}}]}]}]}"},
    {"2",
     "{\"resourceLogs\":[{" AROUND ",\"scopeLogs\":[{" SCOPE
     ",\"logRecords\":[{\"timeUnixNano\":\"5\",\"observedTimeUnixNano\":6,\"severityNumber\":"
     "\"SEVERITY_NUMBER_WARN\",\"severityText\":\"W\",\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\","
     "\"value\":{\"stringValue\":\"v\"}}]}}," ATTRIBUTES ",\"flags\":1,\"eventName\":\"gen_ai.choice\","
     "\"traceId\":\"0102030405060708090A0B0C0D0E0F10\",\"spanId\":\"0102030405060708\"},"
     "{\"body\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"\\u0000\"}]}},\"spanId\":\"01\"}]}]}]}"},
};

static bool
write_seed(const char *target, size_t number, uint8_t signal, struct otc_slice bytes)
{
    char path[256];
    FILE *file;
    bool written;

    snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/seed%zu", target, number);
    file = fopen(path, "wb");
    if (!file) {
        perror(path);
        return false;
    }
    written = fputc(signal, file) != EOF && fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
    return fclose(file) == 0 && written;
}

/** A request to be cut: into single items, and into pieces of 300 bytes. */
static bool
write_splits(size_t number, uint8_t signal, struct otc_slice request)
{
    static const uint8_t rooms[2][2] = {{0, 0}, {300 >> 8, 300 & 255}};
    bool written = true;

    for (uint8_t unit = 0; unit < 2 && written; unit++) {
        OTC_AUTO_BUF struct otc_buf input = {.limit = (size_t)1 << 20};

        (void)otc_buf_append(&input, rooms[unit], sizeof(rooms[unit]));
        (void)otc_buf_append_slice(&input, request);
        written = write_seed("otlp_split", 2 * number + unit, (uint8_t)(signal + unit * OTC_N_SIGNALS),
                             otc_buf_slice(&input));
    }
    return written;
}

/** A journal's entry, after two bytes of length; and what a stage stores that replayed it. */
static bool
write_state(struct drift *drift, size_t number, enum fuzz_stage_kind kind, struct otc_slice entry,
            struct otc_buf *journal)
{
    OTC_AUTO_BUF struct otc_buf snapshot = {.limit = (size_t)1 << 20};
    const uint8_t len[2] = {(uint8_t)(entry.len >> 8), (uint8_t)entry.len};
    bool replayed = fuzz_stage_replay(drift, entry);

    (void)otc_buf_append(journal, len, sizeof(len));
    (void)otc_buf_append_slice(journal, entry);
    drift_snapshot_write(drift, &snapshot);
    return replayed && write_seed("drift_state", number, (uint8_t)(2 * kind), otc_buf_slice(&snapshot)) &&
           write_seed("drift_state", number + 1, (uint8_t)(2 * kind + 1), otc_buf_slice(journal));
}

/** Learning, in the midst of it and after it. */
static bool
write_states(enum fuzz_stage_kind kind)
{
    OTC_AUTO_BUF struct otc_buf journal = {.limit = (size_t)1 << 20};
    struct otc_rig rig;
    struct drift *drift = fuzz_stage_new(&rig, kind);
    bool written = true;

    for (size_t i = 0; i < FUZZ_STAGE_ENTRIES && written; i++) {
        OTC_AUTO_BUF struct otc_buf entry = {.limit = (size_t)1 << 16};

        fuzz_stage_entry(drift, kind, i, &entry);
        written =
            write_state(drift, 2 * (FUZZ_STAGE_ENTRIES * kind + i), kind, otc_buf_slice(&entry), &journal);
    }
    otc_rig_free(&rig);
    return written;
}

static void
ignore_put(void *arg, struct otc_log_record *record, const struct otc_error *result)
{
    (void)arg;
    (void)result;
    otc_log_forget(NULL, record);
}

/** The records of a segment of a queue on disk. */
static bool
write_log(void)
{
    const size_t records_at = OTC_LOG_RECORDS_AT;
    const struct otc_log_options options = {
        .directory = ".", .base = "seed", .segment_bytes = 65536, .max_bytes = 1 << 20};
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_log_writer *writer;
    struct otc_log_found found;
    struct otc_log *log;
    FILE *file;

    if (otc_log_writer_new(&writer, NULL) != OTC_OK ||
        otc_log_open(writer, &options, &found, &log, NULL) != OTC_OK) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        const struct otc_slice slices[] = {otc_slice_str("record"), otc_slice_of("0123456789", i)};

        if (otc_log_put(log, slices, 2, ignore_put, NULL, NULL) != OTC_PENDING) {
            return false;
        }
    }
    otc_log_close(log);
    otc_log_writer_free(writer);
    file = fopen("seed.0000000000000001.segment", "rb");
    if (!file) {
        return false;
    }
    for (int byte; (byte = fgetc(file)) != EOF;) {
        (void)otc_buf_append_byte(&bytes, (uint8_t)byte);
    }
    fclose(file);
    (void)remove("seed.0000000000000001.segment");
    return bytes.len > records_at &&
           write_seed("storage_log", 0, 0, otc_slice_of(bytes.data + records_at, bytes.len - records_at)) &&
           write_seed("storage_log", 1, 5, otc_slice_of(bytes.data + records_at, bytes.len - records_at - 3));
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)1 << 20};
        struct otc_error err = OTC_ERROR_INIT;
        uint8_t signal = (uint8_t)(documents[i][0][0] - '0');

        if (otc_json_to_protobuf((enum otc_signal)signal, otc_slice_str(documents[i][1]), 64, &out, &err) !=
            OTC_OK) {
            fprintf(stderr, "document %zu: %s\n", i, err.text);
            return EXIT_FAILURE;
        }
        if (!write_seed("otlp_json", i, signal, otc_slice_str(documents[i][1])) ||
            !write_seed("otlp_walk", i, signal, otc_buf_slice(&out)) ||
            !write_seed("otlp_edit", i, (uint8_t)(signal + OTC_N_SIGNALS * (i + 1)), otc_buf_slice(&out)) ||
            !write_seed("otlp_admit", i, signal, otc_buf_slice(&out)) ||
            !write_splits(i, signal, otc_buf_slice(&out))) {
            return EXIT_FAILURE;
        }
    }
    for (enum fuzz_stage_kind kind = 0; kind < FUZZ_STAGE_KINDS; kind++) {
        if (!write_states(kind)) {
            return EXIT_FAILURE;
        }
    }
    return write_log() ? EXIT_SUCCESS : EXIT_FAILURE;
}
