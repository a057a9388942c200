// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/metric_presets.h"

#include <stddef.h>

/* vLLM's and KServe's `model_name`, Triton's `model` and `version`. */
const char *const otc_metric_model_names[] = {"model_name", "model", NULL};
const char *const otc_metric_model_versions[] = {"version", NULL};

#define LATENCY OTC_KIND_LATENCY
#define TOKENS OTC_KIND_TOKENS
#define INPUT OTC_KIND_INPUT

/* Triton counts microseconds; of cached requests too in the first two. */
#define PER_REQUEST(counter)                                                                                 \
    "metric[\"" counter "\", \"" counter "_total\"] / metric[\"nv_inference_request_success\", "             \
    "\"nv_inference_request_success_total\"] * 0.000001"
#define TOKEN_USAGE "metric[\"gen_ai.client.token.usage\"] where attributes[\"gen_ai.token.type\"] == "

/*
 * Names of 2025, former ones after them. Loads (running and waiting requests, use of the KV cache, queue
 * sizes) are left out: they follow traffic, and a quiet night is no drift; `features` can name them.
 */
const struct otc_metric_preset_feature otc_metric_preset_features[] = {
    {"vllm", "time_to_first_token", LATENCY, "metric[\"vllm:time_to_first_token_seconds\"]"},
    {"vllm", "inter_token_latency", LATENCY,
     "metric[\"vllm:inter_token_latency_seconds\", \"vllm:time_per_output_token_seconds\"]"},
    {"vllm", "request_time_per_output_token", LATENCY,
     "metric[\"vllm:request_time_per_output_token_seconds\"]"},
    {"vllm", "e2e_request_latency", LATENCY, "metric[\"vllm:e2e_request_latency_seconds\"]"},
    {"vllm", "request_queue_time", LATENCY,
     "metric[\"vllm:request_queue_time_seconds\", \"vllm:time_in_queue_requests\"]"},
    {"vllm", "request_inference_time", LATENCY, "metric[\"vllm:request_inference_time_seconds\"]"},
    {"vllm", "request_prefill_time", LATENCY, "metric[\"vllm:request_prefill_time_seconds\"]"},
    {"vllm", "request_decode_time", LATENCY, "metric[\"vllm:request_decode_time_seconds\"]"},
    {"vllm", "request_prompt_tokens", TOKENS, "metric[\"vllm:request_prompt_tokens\"]"},
    {"vllm", "request_generation_tokens", TOKENS, "metric[\"vllm:request_generation_tokens\"]"},
    {"vllm", "request_max_tokens", INPUT, "metric[\"vllm:request_params_max_tokens\"]"},
    {"vllm", "prefix_cache_hit_ratio", INPUT,
     "metric[\"vllm:prefix_cache_hits_total\", \"vllm:prefix_cache_hits\", "
     "\"vllm:gpu_prefix_cache_hits_total\", \"vllm:gpu_prefix_cache_hits\"] / "
     "metric[\"vllm:prefix_cache_queries_total\", \"vllm:prefix_cache_queries\", "
     "\"vllm:gpu_prefix_cache_queries_total\", \"vllm:gpu_prefix_cache_queries\"]"},

    {"triton", "request_duration", LATENCY, PER_REQUEST("nv_inference_request_duration_us")},
    {"triton", "queue_duration", LATENCY, PER_REQUEST("nv_inference_queue_duration_us")},
    {"triton", "compute_input_duration", LATENCY, PER_REQUEST("nv_inference_compute_input_duration_us")},
    {"triton", "compute_infer_duration", LATENCY, PER_REQUEST("nv_inference_compute_infer_duration_us")},
    {"triton", "compute_output_duration", LATENCY, PER_REQUEST("nv_inference_compute_output_duration_us")},
    {"triton", "first_response_time", LATENCY,
     "metric[\"nv_inference_first_response_histogram_ms\"] * 0.001"},
    {"triton", "batch_size", INPUT,
     "metric[\"nv_inference_count\", \"nv_inference_count_total\"] / "
     "metric[\"nv_inference_exec_count\", \"nv_inference_exec_count_total\"]"},

    {"tgi", "request_duration", LATENCY, "metric[\"tgi_request_duration\"]"},
    {"tgi", "request_queue_duration", LATENCY, "metric[\"tgi_request_queue_duration\"]"},
    {"tgi", "request_inference_duration", LATENCY, "metric[\"tgi_request_inference_duration\"]"},
    {"tgi", "request_validation_duration", LATENCY, "metric[\"tgi_request_validation_duration\"]"},
    {"tgi", "request_mean_time_per_token_duration", LATENCY,
     "metric[\"tgi_request_mean_time_per_token_duration\"]"},
    {"tgi", "request_input_length", TOKENS, "metric[\"tgi_request_input_length\"]"},
    {"tgi", "request_generated_tokens", TOKENS, "metric[\"tgi_request_generated_tokens\"]"},
    {"tgi", "request_max_new_tokens", INPUT, "metric[\"tgi_request_max_new_tokens\"]"},

    {"kserve", "request_preprocess", LATENCY, "metric[\"request_preprocess_seconds\"]"},
    {"kserve", "request_predict", LATENCY, "metric[\"request_predict_seconds\"]"},
    {"kserve", "request_explain", LATENCY, "metric[\"request_explain_seconds\"]"},
    {"kserve", "request_postprocess", LATENCY, "metric[\"request_postprocess_seconds\"]"},

    {"gen_ai", "gen_ai.client.token.usage.input", TOKENS, TOKEN_USAGE "\"input\""},
    {"gen_ai", "gen_ai.client.token.usage.output", TOKENS,
     TOKEN_USAGE "\"output\" or attributes[\"gen_ai.token.type\"] == \"completion\""},
    {"gen_ai", "gen_ai.client.operation.duration", LATENCY, "metric[\"gen_ai.client.operation.duration\"]"},
    {"gen_ai", "gen_ai.client.operation.time_to_first_chunk", LATENCY,
     "metric[\"gen_ai.client.operation.time_to_first_chunk\"]"},
    {"gen_ai", "gen_ai.server.request.duration", LATENCY, "metric[\"gen_ai.server.request.duration\"]"},
    {"gen_ai", "gen_ai.server.time_to_first_token", LATENCY, "metric[\"gen_ai.server.time_to_first_token\"]"},
    {"gen_ai", "gen_ai.server.time_per_output_token", LATENCY,
     "metric[\"gen_ai.server.time_per_output_token\"]"},
    {NULL, NULL, INPUT, NULL},
};
