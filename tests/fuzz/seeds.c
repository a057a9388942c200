// SPDX-License-Identifier: Apache-2.0
/** @file Writes the first inputs of the fuzzers below tests/fuzz/corpus: one request of each shape, in JSON
 * and protobuf; and what a drift stage stores. */
#include "common/otlp/json.h"
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

/** Entries of a journal, each after two bytes of length; and the snapshots of stages that replayed them. */
static bool
write_states(bool moves)
{
    static const size_t batches[][2] = {{0, 8}, {8, 8}, {16, 14}, {30, 60}};
    static const size_t n = sizeof(batches) / sizeof(batches[0]);
    OTC_AUTO_BUF struct otc_buf journal = {.limit = (size_t)1 << 20};
    struct otc_rig rig;
    struct drift *drift = fuzz_stage_new(&rig, moves);
    bool written = true;

    for (size_t i = 0; i < n && written; i++) {
        OTC_AUTO_BUF struct otc_buf entry = {.limit = (size_t)1 << 16}, snapshot = {.limit = (size_t)1 << 20};
        uint8_t len[2];

        fuzz_stage_journal(drift, batches[i][0], batches[i][1], &entry);
        len[0] = (uint8_t)(entry.len >> 8);
        len[1] = (uint8_t)entry.len;
        (void)otc_buf_append(&journal, len, sizeof(len));
        (void)otc_buf_append_slice(&journal, otc_buf_slice(&entry));
        written = fuzz_stage_replay(drift, otc_buf_slice(&entry));
        drift_snapshot_write(drift, &snapshot);
        written =
            written &&
            write_seed("drift_state", 2 * ((moves ? n : 0) + i), moves ? 2 : 0, otc_buf_slice(&snapshot)) &&
            write_seed("drift_state", 2 * ((moves ? n : 0) + i) + 1, moves ? 3 : 1, otc_buf_slice(&journal));
    }
    otc_rig_free(&rig);
    return written;
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
            !write_seed("otlp_admit", i, signal, otc_buf_slice(&out)) ||
            !write_splits(i, signal, otc_buf_slice(&out))) {
            return EXIT_FAILURE;
        }
    }
    return write_states(false) && write_states(true) ? EXIT_SUCCESS : EXIT_FAILURE;
}
