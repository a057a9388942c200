# otelcol-aimon: one non-recursive Makefile. `make help` lists the targets.
#
#   VARIANT=debug|release|asan|tsan|fuzz|cov   what to build (default debug)   CC=gcc|clang
#   BUILD=dir   where to build (default build)                                  V=1   show commands

VARIANT ?= debug
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
B := $(BUILD)/$(VARIANT)$(if $(filter clang%,$(notdir $(CC))),-clang)
GEN := $(BUILD)/gen
Q := $(if $(V),,@)

VERSION := 0.1.0

.DEFAULT_GOAL := all
.SECONDEXPANSION:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- The house: folders, what each may use, which packages it wraps ------------------------------------

include components.mk

COMMON := common/base common/stats common/json common/config common/regex common/digest common/otlp common/net \
          common/prometheus common/storage common/component common/transform common/ottl common/analysis
# What the bridge is made of, network and storage left out.
BRIDGE := common/base common/stats common/json common/config common/regex common/digest common/otlp common/component \
          common/transform common/ottl common/analysis $(BRIDGED)
FOLDERS := $(COMMON) $(COMPONENTS) sidecar ocb

DEPS.common/base :=
DEPS.common/stats := common/base
DEPS.common/json := common/base
DEPS.common/config := common/base
DEPS.common/regex := common/base
DEPS.common/digest := common/base
DEPS.common/otlp := common/base common/json
DEPS.common/net := common/base common/config
DEPS.common/prometheus := common/base common/config common/otlp
DEPS.common/storage := common/base
DEPS.common/component := common/base common/config common/otlp
DEPS.common/transform := common/base common/config common/regex common/digest common/otlp common/component
DEPS.common/ottl := common/base common/regex common/digest common/json common/otlp common/component
DEPS.common/analysis := common/base common/stats common/json common/config common/otlp common/component common/ottl
$(foreach c,$(COMPONENTS),$(eval DEPS.$c := $(COMMON)))
DEPS.sidecar := $(COMMON) $(COMPONENTS)
DEPS.ocb := $(BRIDGE)
DEPS.tests/harness := common/component
DEPS.tests/harness/data := common/base
DEPS.tests/harness/simulation := common/analysis
DEPS.tests/fuzz/oracle := common/otlp

PKGS.common/base := libxxhash
PKGS.common/json := jansson
PKGS.common/config := yaml-0.1
PKGS.common/otlp := libprotobuf-c
PKGS.common/digest := libcrypto
PKGS.common/storage := sqlite3
# libcurl is loaded when it is needed: curl_api.h.
PKGS.common/net := libnghttp2 openssl
# Of libevent the loop alone; its pkg-config files name all of it.
LIBS.common/net := -levent_core -levent_pthreads -lhttp_parser -ldeflate -lz -lzstd -lsnappy -llz4
LIBS.common/base := -lm -lpthread
LIBS.common/regex := -lre2 -lstdc++
# gRPC C core from Debian's static archives (hidden in the binary by --exclude-libs); OpenSSL and zlib are shared with common/net.
# Asked once, when first needed: the answer takes seconds.
GRPC_LIBS = $(eval GRPC_LIBS := $(sort $(filter-out -lssl -lcrypto -lz -ldl -lrt -latomic -lpthread,$(filter -l%,$(shell pkg-config --static --libs grpc)))))$(GRPC_LIBS)
GRPC_STATIC = -Wl,-Bstatic -Wl,--start-group $(GRPC_LIBS) -Wl,--end-group -Wl,-Bdynamic -lstdc++
# For TSan it must be a module of its own: TSAN_OPTIONS=ignore_noninstrumented_modules=1.
LIBS.exporters/otlp_grpc = $(if $(filter tsan,$(VARIANT)),-lgrpc -lgpr,$(GRPC_STATIC)) -lssl -lcrypto -lz
LIBS.extensions/basic_auth := -lcrypt
PKGS.tests/harness/data := jansson

uniq = $(if $1,$(firstword $1) $(call uniq,$(filter-out $(firstword $1),$1)))
# A folder and everything it may link, highest layer first.
closure = $(call uniq,$1 $(foreach d,$(DEPS.$1),$(call closure,$d)))

# ---- Compiler ------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wcast-qual -Wwrite-strings -Wpointer-arith -Wconversion -Wno-sign-conversion \
        -Wswitch-enum -Wno-gnu-zero-variadic-macro-arguments
CPPFLAGS += -I. -I$(GEN) -D_GNU_SOURCE -DOTC_VERSION='"$(VERSION)"' -include common/base/banned.h
CFLAGS_ALL := -std=gnu17 -g -fno-common -fstack-protector-strong -fPIC -fvisibility=hidden -fno-semantic-interposition $(WARN) -MMD -MP
# Relative relocations, of which gRPC's tables have 16,000, in a bit each: a start reads less. Takes glibc 2.36, Debian 12's.
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs

CFLAGS.debug := -O1 -fno-omit-frame-pointer -Werror
CFLAGS.release := -O3 -D_FORTIFY_SOURCE=2 -fstack-clash-protection
CFLAGS.asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Werror
CFLAGS.tsan := -O1 -fno-omit-frame-pointer -fsanitize=thread -Werror
CFLAGS.fuzz := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS.cov := -O0 --coverage
# RE2 is C++, and so is the one file that speaks with it.
CXX_V := $(if $(filter clang%,$(notdir $(CC))),clang++,g++) -std=gnu++17 -g -O2 -fno-exceptions -fPIC -fvisibility=hidden -Wall \
         -Wextra -MMD -MP -I. $(filter -fsanitize% -fno-sanitize% --coverage,$(CFLAGS.$(VARIANT))) -fstack-protector-strong

LDFLAGS.asan := -fsanitize=address,undefined
LDFLAGS.tsan := -fsanitize=thread
LDFLAGS.fuzz := -fsanitize=address,undefined
LDFLAGS.cov := --coverage

CFLAGS_V := $(CFLAGS_ALL) $(CFLAGS.$(VARIANT)) $(CFLAGS)
LDFLAGS_V := $(LDFLAGS_ALL) $(LDFLAGS.$(VARIANT)) $(LDFLAGS)

pkg_cflags = $(if $(strip $1),$(shell pkg-config --cflags $1))
pkg_libs = $(if $(strip $1),$(shell pkg-config --libs $1))

# ---- Rules: one archive a folder ------------------------------------------------------------------------

PROTOS := $(wildcard common/otlp/proto/*.proto)
PROTO_C := $(PROTOS:%.proto=$(GEN)/%.pb-c.c)
PROTO_H := $(PROTOS:%.proto=$(GEN)/%.pb-c.h)

archive = $(B)/$1.a
archives = $(foreach d,$1,$(call archive,$d))

define FOLDER
SRC.$1 := $$(wildcard $1/*.c)
OBJ.$1 := $$(SRC.$1:%.c=$(B)/%.o) $$(patsubst %.cc,$(B)/%.o,$$(wildcard $1/*.cc)) $$(GENOBJ.$1)
CLOSURE.$1 := $$(call closure,$1)
LINK.$1 = $$(call pkg_libs,$$(foreach d,$$(CLOSURE.$1),$$(PKGS.$$d))) $$(foreach d,$$(CLOSURE.$1),$$(LIBS.$$d))
$(B)/$1.a: $$(OBJ.$1)
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && ar rcs $$@ $$(OBJ.$1)
$$(SRC.$1:%.c=$(B)/%.o): PKG_CFLAGS = $$(call pkg_cflags,$$(PKGS.$1))
endef
GENOBJ.common/otlp := $(PROTO_C:$(GEN)/%.c=$(B)/gen/%.o)
GENOBJ.sidecar := $(B)/gen/sidecar/components.o
GENOBJ.ocb := $(B)/gen/ocb/components.o
$(foreach f,$(FOLDERS) tests/harness tests/harness/data tests/harness/simulation tests/fuzz/oracle,$(eval $(call FOLDER,$f)))

# These define the system's calls themselves (disk.h): no checking wrappers of the same names.
$(addprefix $(B)/tests/unit/common/storage/,log_fault_test.o log_power_test.o store_fault_test.o): CFLAGS_V += -U_FORTIFY_SOURCE
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $<")
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS_V) -c $< -o $@
$(B)/%.o: %.cc
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CXX     $<")
	$(Q)$(CXX_V) -c $< -o $@
$(B)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -I. -I$(GEN) -std=gnu17 -g -O2 -fPIC -fvisibility=hidden $(filter -fsanitize%,$(CFLAGS.$(VARIANT))) -w -c $< -o $@
$(OBJ.common/otlp) $(OBJ.tests/fuzz/oracle): | $(PROTO_H)
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: %.proto
	@mkdir -p $(GEN)
	$(if $(V),,@echo "  PROTOC  $<")
	$(Q)protoc-c --proto_path=. --c_out=$(GEN) $<
# A table of factories. $(1): its name, $(2): the folders.
factory_table = ( echo '\#include "common/component/otc.h"'; \
	  for c in $(2); do kind=$${c%%/*}; echo "extern const struct otc_factory otc_$${c\#\#*/}_$${kind%s}_factory;"; done; \
	  echo 'extern const struct otc_factory *const $(1)[];'; \
	  echo 'const struct otc_factory *const $(1)[] = {'; \
	  for c in $(2); do kind=$${c%%/*}; echo "    &otc_$${c\#\#*/}_$${kind%s}_factory,"; done; \
	  echo '    0};' )
$(GEN)/sidecar/components.c: components.mk
	@mkdir -p $(@D)
	$(Q)$(call factory_table,otc_components,$(COMPONENTS)) > $@
$(GEN)/ocb/components.c: components.mk
	@mkdir -p $(@D)
	$(Q)$(call factory_table,otc_bridge_factories,$(BRIDGED)) > $@

# What is installed for others' components, and the functions that such a plug-in finds in the program that loads it.
API_HEADERS := common/base/status.h common/base/slice.h common/base/log.h common/base/clock.h common/base/buf.h \
               common/config/schema.h common/component/otc.h common/otlp/value.h common/otlp/walk.h common/otlp/build.h
API_LINK := $(GEN)/api.ld
$(API_LINK): $(API_HEADERS)
	@mkdir -p $(@D)
	$(Q)sed -n 's/^OTC_API .*\b\(otc_[a-z0-9_]*\)(.*/-Wl,--undefined=\1 -Wl,--export-dynamic-symbol=\1/p' $^ >$@

BIN := $(B)/bin/otelcol-aimon
# Nothing else is exported: not gRPC's symbols, which another library of the process may have too.
FOREIGN_ARCHIVES = $(subst $(SPACE),:,$(strip $(GRPC_LIBS:-l%=lib%.a)))
SPACE := $(subst ,, )
$(BIN): $(call archives,$(call closure,sidecar)) $(API_LINK)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(CC) $(LDFLAGS_V) -Wl,--exclude-libs,$(FOREIGN_ARCHIVES) @$(API_LINK) -o $@ $(B)/sidecar/main.o -Wl,--start-group \
	  $(filter %.a,$^) -Wl,--end-group $(LINK.sidecar)

# ---- The bridge: our components for a Collector written in Go ---------------------------------------------

# One object of ours and of the libraries that we link, in which only otc_… is left to link with. The Go package is compiled anew
# when library.h changes, which Go's cache looks at; the library itself it does not know.
BRIDGE_GO := ocb/internal/bridge
BRIDGE_ARCHIVES = $(call archives,$(call closure,ocb))
static_library = $(shell $(CXX_LINK) -print-file-name=lib$1.a)
CXX_LINK := $(if $(filter clang%,$(notdir $(CC))),clang++,g++)
BRIDGE_FOREIGN = $(foreach l,jansson yaml protobuf-c xxhash re2 crypto stdc++ gcc_eh,$(call static_library,$l))

.PHONY: bridge bridge-library
bridge: deps ## the library that ocb/ links into a Collector (release build): ocb/internal/bridge/lib/libotelcol_aimon.a
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release bridge-library
bridge-library: $(B)/libotelcol_aimon.a
	$(Q)tests/check/bridge_library.sh $< $(BRIDGE_GO) ocb/bridge.h $(API_HEADERS)
$(B)/libotelcol_aimon.a: $$(BRIDGE_ARCHIVES) $(API_LINK)
	$(if $(V),,@echo "  LD      $@")
	$(Q)ld -r -d --force-group-allocation -o $(B)/bridge.o --whole-archive $(call archives,ocb) --no-whole-archive \
	  $$(sed 's/-Wl,--undefined=\([^ ]*\).*/-u \1/' $(API_LINK)) --start-group $(filter %.a,$^) $(BRIDGE_FOREIGN) --end-group
	$(Q)objcopy --wildcard --weaken-symbol='_Z*' --strip-debug $(B)/bridge.o # "unique" names of C++ become weak, so that they can become local
	$(Q)objcopy --localize-hidden --wildcard --keep-global-symbol='otc_*' $(B)/bridge.o
	$(Q)rm -f $@ && ar rcs $@ $(B)/bridge.o && rm $(B)/bridge.o

# ---- Tests ----------------------------------------------------------------------------------------------

# tests/unit mirrors the tree: tests/unit/common/stats/ks_test.c links common/stats and what that may use.
UNIT_SRC := $(shell find tests/unit -name '*_test.c' 2>/dev/null | sort)
SCENARIO_SRC := $(wildcard tests/scenarios/*_test.c)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
SCENARIOS := $(SCENARIO_SRC:%.c=$(B)/%)
WANTED = $(foreach u,$(UNIT_SRC),$(if $(findstring $(T),$u),$(u:%.c=$(B)/%)))
unit_folder = $(patsubst tests/unit/%/,%,$(dir $(1:$(B)/%=%)))
# Folders whose tests read verification data.
NEEDS_DATA := common/stats common/json common/otlp common/analysis processors/drift processors/latency processors/redaction processors/filter
NEEDS_HARNESS := $(COMPONENTS) common/component common/transform common/analysis common/net sidecar
unit_closure = $(call uniq,$(if $(filter $(NEEDS_HARNESS),$1),tests/harness) $(if $(filter $(NEEDS_DATA),$1),tests/harness/data) $(if $(filter common/analysis,$1),tests/harness/simulation) $(if $(filter common/otlp,$1),tests/fuzz/oracle) $1 $(call closure,$1) $(if $(filter $(NEEDS_HARNESS),$1),$(call closure,tests/harness)))

$(UNIT): %: %.o $$(call archives,$$(call unit_closure,$$(call unit_folder,$$@)))
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(CC) $(LDFLAGS_V) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	  $(LINK.$(call unit_folder,$@)) $(if $(filter tests/harness,$(call unit_closure,$(call unit_folder,$@))),$(LINK.tests/harness)) \
	  $(if $(filter $(NEEDS_DATA),$(call unit_folder,$@)),$(LINK.tests/harness/data)) -lcmocka -lm
$(SCENARIOS): %: %.o $(call archives,tests/harness $(call closure,sidecar))
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(CC) $(LDFLAGS_V) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LINK.sidecar) -lcmocka -lm
$(UNIT:=.o) $(SCENARIOS:=.o): CPPFLAGS += -I$(GEN)
$(UNIT:=.o) $(SCENARIOS:=.o): | $(PROTO_H)

.PHONY: simulate all unit scenarios test check format lint layers symbols headers sources scripts readme-tables deps deps-interop deps-check demo interop bench soak clean help
all: $(BIN) compile_commands.json ## build the binary (default)

unit: $$(if $$(T),$$(WANTED),$$(UNIT)) ## build and run the unit tests (T=substring: only those)
	$(Q)set -e; for t in $^; do $$t; done

scenarios: $(SCENARIOS) ## build and run the scenario tests: whole graphs on a virtual clock
	$(Q)set -e; for t in $^; do $$t; done

test: deps ## install what is missing, build, run every test
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) build-tests
	$(Q)$(MAKE) -s --no-print-directory test-run

.PHONY: build-tests test-run
test-run: ## run every test that is built
	$(Q)tests/check/run_tests.sh $(B)
build-tests: $(BIN) $(UNIT) $(SCENARIOS) $$(REPLAYS)

# Each tests/fuzz/x_fuzz.c is a libFuzzer target; without libFuzzer, replay.c runs its corpus (tests/fuzz/corpus/x).
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_LINK := tests/fuzz/oracle tests/harness processors/drift receivers/otlp $(call closure,receivers/otlp)
FUZZ_LIBS = $(LINK.tests/fuzz/oracle) $(LINK.receivers/otlp)
REPLAYS := $(FUZZ_SRC:%_fuzz.c=$(B)/%_replay)
FUZZERS := $(FUZZ_SRC:%.c=$(B)/%)
$(FUZZ_SRC:%.c=$(B)/%.o): | $(PROTO_H)
$(REPLAYS): %_replay: %_fuzz.o $(B)/tests/fuzz/replay.o $(call archives,$(FUZZ_LINK))
	$(Q)$(CC) $(LDFLAGS_V) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(FUZZ_LIBS)
$(FUZZERS): %: %.o $(call archives,$(FUZZ_LINK))
	$(Q)$(CC) $(LDFLAGS_V) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(FUZZ_LIBS)

TOOLS := $(B)/tests/fuzz/seeds $(B)/tests/bench/payload $(B)/tests/bench/walk_bench $(B)/tests/bench/stats_bench \
         $(B)/tests/bench/pipeline_bench $(B)/tests/bench/flat_memory $(B)/tests/bench/drift_bench $(B)/tests/bench/series_memory
TOOLS += $(B)/tests/bench/simulate $(B)/tests/bench/forward_bench
$(TOOLS:=.o) $(B)/tests/bench/payload_main.o $(B)/tests/bench/workloads.o: | $(PROTO_H)
$(B)/tests/fuzz/seeds: $(B)/tests/fuzz/seeds.o $(call archives,$(FUZZ_LINK))
$(B)/tests/bench/payload: $(B)/tests/bench/payload_main.o $(B)/tests/bench/workloads.o $(B)/tests/bench/payload.o $(call archives,$(FUZZ_LINK))
$(B)/tests/bench/stats_bench: $(B)/tests/bench/stats_bench.o $(B)/tests/bench/counted.o $(call archives,common/stats common/base)
$(B)/tests/bench/walk_bench: $(B)/tests/bench/walk_bench.o $(B)/tests/bench/counted.o $(B)/tests/bench/payload.o $(call archives,$(FUZZ_LINK))
$(B)/tests/bench/pipeline_bench: $(B)/tests/bench/pipeline_bench.o $(B)/tests/bench/counted.o $(B)/tests/bench/payload.o $(call archives,$(call uniq,tests/harness processors/drift processors/latency processors/span_metrics $(COMMON)))
$(B)/tests/bench/drift_bench: $(B)/tests/bench/drift_bench.o $(B)/tests/bench/counted.o $(call archives,$(call uniq,tests/harness processors/drift $(COMMON)))
$(B)/tests/bench/flat_memory: $(B)/tests/bench/flat_memory.o $(call archives,$(call uniq,tests/harness processors/drift $(COMMON)))
$(B)/tests/bench/series_memory: $(B)/tests/bench/series_memory.o $(B)/tests/bench/workloads.o $(B)/tests/bench/payload.o $(call archives,$(call uniq,tests/harness processors/span_metrics $(COMMON)))
$(B)/tests/bench/simulate: $(B)/tests/bench/simulate.o $(call archives,$(call closure,tests/harness/simulation))
$(B)/tests/bench/forward_bench: $(B)/tests/bench/forward_bench.o $(B)/tests/bench/counted.o $(B)/tests/bench/payload.o $(call archives,$(call uniq,tests/harness exporters/otlp_grpc processors/attributes processors/resource processors/batch $(COMMON)))
$(B)/tests/bench/forward_bench: TOOL_LIBS = $(LIBS.exporters/otlp_grpc)
$(TOOLS):
	$(Q)$(CC) $(LDFLAGS_V) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(TOOL_LIBS) $(FUZZ_LIBS)

$(B)/tests/bench/malloc_count.so: $(B)/tests/bench/malloc_count.o
	$(Q)$(CC) -shared -o $@ $<

.PHONY: fuzz fuzz-run fuzz-replay fuzz-seeds
fuzz-seeds: $(B)/tests/fuzz/seeds ## write the fuzzers' first inputs again
	$(Q)mkdir -p $(addprefix tests/fuzz/corpus/,otlp_walk otlp_edit otlp_json otlp_admit otlp_split drift_state storage_log) && $<
fuzz-replay: $(REPLAYS) ## run the fuzzers' corpora
	$(Q)set -e; for r in $^; do $$r; done
fuzz: ## fuzz one target with clang: make fuzz T=otlp_walk SECONDS=600
	$(Q)$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-run T=$(T) SECONDS=$(SECONDS)
fuzz-run: $$(B)/tests/fuzz/$$(T)_fuzz
	$(Q)mkdir -p $(B)/corpus/$(T) && $< -max_total_time=$(or $(SECONDS),60) -max_len=16384 -timeout=10 -rss_limit_mb=4096 \
	  -artifact_prefix=$(B)/corpus/ $(B)/corpus/$(T) tests/fuzz/corpus/$(T)

# ---- Packages -------------------------------------------------------------------------------------------

JOBS := $(shell nproc 2>/dev/null || echo 2)

DEPS_BUILD := gcc g++ make pkg-config libc6-dev libgrpc-dev libprotobuf-c-dev protobuf-c-compiler libjansson-dev \
              libyaml-dev libnghttp2-dev libssl-dev libevent-dev libhttp-parser-dev libdeflate-dev zlib1g-dev \
              libzstd-dev libxxhash-dev libsqlite3-dev libre2-dev libcurl4-openssl-dev libsnappy-dev liblz4-dev
DEPS_TEST := libcmocka-dev curl
# Foreign software: real peers, oracles, load. Not for `make demo` and `make test`: Debian's prometheus starts a service.
DEPS_INTEROP := python3 python3-venv python3-grpcio python3-scipy python3-yaml prometheus nghttp2-client curl procps openssl zstd
DEPS_CHECK := clang clang-tidy clang-format libclang-rt-14-dev llvm shellcheck valgrind strace

deps: ## install the Debian packages that building and testing need
	$(Q)tests/check/deps.sh $(DEPS_BUILD) $(DEPS_TEST)
deps-interop: deps ## those of `make interop` and `make bench` too
	$(Q)tests/check/deps.sh $(DEPS_INTEROP)
deps-check: deps-interop ## those of the further gates too
	$(Q)tests/check/deps.sh $(DEPS_CHECK) binutils

# ---- Demo, interop, bench -------------------------------------------------------------------------------

# The demo runs the release build, whatever VARIANT says.
demo: deps ## build, run the sidecar on generated traffic (DATA=file.csv: on your own), print what it found
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release $(BUILD)/release/bin/otelcol-aimon
	$(Q)otel-config-examples/demo/run.sh $(BUILD)/release/bin/otelcol-aimon '$(DATA)'

# Quiet machine, please: tests/bench/README.md says how it is measured.
BENCHES := $(addprefix $(B)/tests/bench/,walk_bench stats_bench drift_bench pipeline_bench forward_bench flat_memory series_memory)
bench: deps-interop ## measure the release build: walker, statistics, stages, end to end
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release bench-run
.PHONY: bench-run
bench-run: $(BIN) $(BENCHES) $(B)/tests/bench/payload $(B)/tests/bench/malloc_count.so
	$(Q)set -e; for b in $(BENCHES); do echo; echo "== $${b##*/}"; $$b; done
	@echo; echo "== e2e.py"
	$(Q)tests/bench/e2e.py --binary $(BIN) --payload $(B)/tests/bench/payload --malloc-count $(abspath $(B)/tests/bench/malloc_count.so)

# Figures that do not depend on what else runs: tests/bench/baselines.txt.
bench-gates: deps-check ## gate: instructions, bytes, allocations and system calls of the release build are no more than recorded (FIX=1 records)
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release bench-gates-run
bench-gates-run: $(BIN) $(addprefix $(B)/tests/bench/,walk_bench stats_bench drift_bench pipeline_bench forward_bench series_memory payload malloc_count.so)
	$(Q)tests/bench/gates.py --build $(B) $(if $(FIX),--fix) $(if $(T),--only '$(T)')
.PHONY: bench-gates bench-gates-run

soak: deps-interop ## the release build under the highest load the machine holds: memory and descriptors flat, every item accounted for (SECONDS=3600)
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release $(BUILD)/release/bin/otelcol-aimon $(BUILD)/release/tests/bench/payload
	$(Q)tests/bench/soak.py --binary $(BUILD)/release/bin/otelcol-aimon --payload $(BUILD)/release/tests/bench/payload --seconds $(or $(SECONDS),3600)

bench-profile: deps-check ## where the time of the running release build goes: user, system, instructions a span by part
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release bench-profile-run
bench-profile-run: $(BIN) $(B)/tests/bench/payload
	$(Q)tests/bench/cost_profile.py --binary $(BIN) --payload $(B)/tests/bench/payload
.PHONY: bench-profile bench-profile-run

bench-drift: deps ## the statistics of drift beside scipy, evidently, NannyML, whylogs and river on the same rows
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release $(BUILD)/release/tests/bench/drift_bench
	$(Q)tests/bench/peers/analysis.py --bench $(BUILD)/release/tests/bench/drift_bench
.PHONY: bench-drift

# Quiet machine, please; about 12 minutes.
bench-peers: deps-check ## beside other pipelines and libraries: measure, write docs/performance.md and docs/img/peers-*.svg (QUICK=1 T=substring RENDER=1)
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release bench-peers-run
bench-peers-run: $(BIN) $(addprefix $(B)/tests/bench/,payload drift_bench malloc_count.so)
	$(Q)tests/bench/bench_peers.py --build $(B) --results $(BUILD)/peers.json $(if $(QUICK),--quick) $(if $(T),--only '$(T)') $(if $(RENDER),--render)
.PHONY: bench-peers bench-peers-run
# Minutes; fixed seeds, so that the page changes with the code alone.
simulate: ## measure false alarms and power of the drift verdicts anew: docs/drift-simulations.md
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release $(BUILD)/release/tests/bench/simulate
	$(Q)$(BUILD)/release/tests/bench/simulate >$(BUILD)/simulations.md && mv $(BUILD)/simulations.md docs/drift-simulations.md

interop: deps-interop $(BIN) ## run the binary against real foreign software (T=substring: only those tests)
	$(Q)tests/interop/run.sh $(BIN) $(T)

# ---- Gates ----------------------------------------------------------------------------------------------

C_FILES = $(shell git ls-files '*.c' '*.h')
LINT_SRC := $(foreach f,$(FOLDERS),$(SRC.$f))

check: format layers sources scripts headers symbols readme-tables lint ## every gate that is no test

format: ## gate: the layout of the source is clang-format's (make format FIX=1 mends)
	$(Q)clang-format $(if $(FIX),-i,--dry-run -Werror) $(C_FILES) && echo "format: ok"
layers: ## gate: who may include whom
	$(Q)tests/check/layers.sh
sources: ## gate: licence lines, file length, no sleeps in tests
	$(Q)tests/check/source.sh
scripts: ## gate: the shell scripts are shellcheck's, what the bench of peers writes is right
	$(Q)shellcheck -S warning .ci/run $$(git ls-files '*.sh') && tests/bench/test_peers.py -q && echo "scripts: ok"
headers: $(PROTO_H) ## gate: every header compiles alone
	$(Q)tests/check/headers.sh $(GEN)
symbols: $(BIN) ## gate: components export their factory alone
	$(Q)tests/check/symbols.sh $(B)
lint: $(LINT_SRC:%.c=$(B)/lint/%.ok) ## gate: clang-tidy
	@echo "lint: ok"
$(B)/lint/%.ok: %.c .clang-tidy $(B)/%.o | $(PROTO_H)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  TIDY    $<")
	$(Q)tests/check/tidy.sh $< $(@:.ok=.log) $(CPPFLAGS) -std=gnu17
	@touch $@
readme-tables: $(BIN) ## gate: settings tables in the components' READMEs and docs/compatibility.md are up to date (FIX=1 mends)
	$(Q)tests/check/readme_tables.sh $(BIN) $(if $(FIX),--fix)
	$(Q)tests/check/readme_examples.sh
	$(Q)tests/check/compatibility.py $(BIN) $(if $(FIX),--fix)

compile_commands.json: Makefile components.mk tests/check/compile_commands.sh
	$(Q)tests/check/compile_commands.sh "$(CC) -std=gnu17 -I. -I$(GEN) -D_GNU_SOURCE -include common/base/banned.h" $(LINT_SRC) >$@

# ---- For others' components -----------------------------------------------------------------------------

PREFIX ?= /usr/local
MODULE := $(DESTDIR)$(PREFIX)/share/otelcol-aimon/ocb
.PHONY: install install-headers install-bridge
install: install-headers install-bridge ## the release build; for others' components headers, libotelcol_aimon.a, ocb/ (PREFIX=/usr/local DESTDIR=)
	$(Q)$(MAKE) $(if $(V),,-s) --no-print-directory -j$(JOBS) VARIANT=release $(BUILD)/release/bin/otelcol-aimon
	$(Q)install -D $(BUILD)/release/bin/otelcol-aimon $(DESTDIR)$(PREFIX)/bin/otelcol-aimon
	@echo "installed: $(DESTDIR)$(PREFIX)/bin/otelcol-aimon"
install-headers:
	$(Q)for h in $(API_HEADERS); do install -D -m 644 $$h $(DESTDIR)$(PREFIX)/include/otelcol-aimon/$$h || exit 1; done
	$(Q)mkdir -p $(DESTDIR)$(PREFIX)/lib/pkgconfig
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' common/component/otelcol-aimon.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/otelcol-aimon.pc
# The Go module whole: its library is the installed one.
install-bridge: install-headers bridge
	$(Q)install -D -m 644 $(BRIDGE_GO)/lib/libotelcol_aimon.a $(DESTDIR)$(PREFIX)/lib/libotelcol_aimon.a
	$(Q)cd ocb && for f in $$(find . -type f ! -path './internal/passes/*' \( -name '*.go' ! -name '*_test.go' -o -path './internal/*' -name '*.[ch]' -o -name 'go.*' -o -name README.md \)); do \
	  install -D -m 644 $$f $(abspath $(MODULE))/$$f || exit 1; done
	$(Q)mkdir -p $(MODULE)/internal/bridge/lib && ln -sf ../../../../../../lib/libotelcol_aimon.a $(MODULE)/internal/bridge/lib/

clean: ## remove the build folder
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
