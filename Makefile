# SPDX-License-Identifier: Apache-2.0
# rf: train, evaluate and detect faces. `make deps demo` and `make deps test` do everything; `make help` lists the rest.
# Variants: each has its own folder below build/.   make V=release|debug|asan|tsan|double|cover|fuzz [CC=clang]
# Another machine: make CROSS=aarch64-linux-gnu-    (scripts/check_cross.sh builds and tests one; docs/architecture.md)
# THREADS=openmp links programs and tests with an OpenMP runtime instead of the threads of core/team_posix.c, into a folder of
# its own; the objects are the same.

V ?= release
ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS)ar
endif
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
VERSION := 0.2.0
ifeq ($(origin THREADS),command line)
ifeq ($(filter posix openmp,$(THREADS)),)
$(error THREADS=$(THREADS): expected posix or openmp)
endif
else
THREADS := posix
endif
O := build/$(V)

# The other machine's libraries: what scripts/cross_sysroot.sh unpacked, or the system's own (Debian's multi-arch packages).
CFLAGS_target :=
ifdef CROSS
TRIPLET := $(patsubst %-,%,$(notdir $(CROSS)))
O := build/$(TRIPLET)/$(V)
SYSROOT ?= $(wildcard $(CURDIR)/build/sysroot/$(TRIPLET))
CFLAGS_target := $(if $(SYSROOT),--sysroot=$(SYSROOT))
ifneq ($(filter demo check fuzz,$(MAKECMDGOALS)),)
$(error $(filter demo check fuzz,$(MAKECMDGOALS)) runs programs of this machine, and CROSS=$(CROSS) builds those of another; make test CROSS=$(CROSS) runs its tests in QEMU)
endif
ifeq ($(SYSROOT)$(wildcard /usr/lib/$(TRIPLET)/libjpeg.*)$(filter deps test clean help,$(MAKECMDGOALS)),)
$(error there are no libraries for $(TRIPLET): scripts/cross_sysroot.sh $(TRIPLET) fetches them, or SYSROOT=FOLDER says where they are)
endif
endif
B := $(O)$(if $(filter openmp,$(THREADS)),-openmp)

# EXTRA=DIR compiles the sources of a folder (or of several, between blanks) into programs, tests and library, which begin with
# their rf_plugin_init (core/plugin.h, docs/extending.md). rf's own objects are the same ones; what is compiled and linked with
# the folder lies in a place of its own, build/VARIANT+DIR.
ifneq ($(strip $(EXTRA)),)
EXTRA_DIRS := $(foreach d,$(EXTRA),$(or $(patsubst %/,%,$(d)),$(d)))
EXTRA_SRC := $(foreach d,$(EXTRA_DIRS),$(or $(sort $(wildcard $(d)/*.c)),$(if $(filter clean help,$(MAKECMDGOALS)),,$(error \
    EXTRA=$(EXTRA): $(d) has no source *.c, expected a folder of sources as in docs/extending.md))))
B := $(subst $() ,,$(B)$(foreach d,$(EXTRA_DIRS),+$(subst /,-,$(d))))
# $(call extra_id,FILE): the file as a part of a name in C.
extra_id = $(shell printf '%s' '$(1)' | tr -c 'A-Za-z0-9' _)
EXTRA_OBJ := $(B)/extra/init.o $(foreach s,$(EXTRA_SRC),$(B)/extra/$(call extra_id,$(s)).o)
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef -Wvla -Wno-unknown-pragmas -Wno-format-zero-length
# No -ffast-math: sums keep their order. Contraction to fused multiply-add is on, the same in every build of one compiler.
# Position-independent and hidden: the same objects make programs and the shared library.
CFLAGS_common := -std=gnu11 -g -I. -Iinclude -fPIC -fvisibility=hidden $(WARN) -fopenmp-simd -ffp-contract=fast -fno-math-errno -fno-trapping-math -DRF_VERSION='"$(VERSION)"'
# Each function in a section of its own, so that the linker leaves out what a program does not call. Code without kernels
# (programs, formats, evaluation, exporters) is as fast with -O2, and a third smaller; what waits for files and people alone
# is as fast with -Os.
CFLAGS_release = $(if $(filter $(TINY),$*),-Os,$(if $(filter $(SMALL),$*),-O2,-O3)) -ffunction-sections -fdata-sections
LDFLAGS_release = -Wl,--gc-sections $(RELR)
SMALL := cli/% eval/% core/json% core/torch% core/mat_file core/zip% core/registry train/trainer% train/checkpoint \
    data/coco% data/csv% data/dataset% data/doubts data/intake% data/tool_json data/via% data/xml data/yolo_row
TINY := $(filter-out cli/detect_%,$(patsubst %.c,%,$(wildcard cli/*.c))) export/% settings/% detectors/%/presets %_section core/config% core/chart core/show \
    core/text core/output% core/plugin data/convert% data/lint% data/sniff% layers/weights_report layers/detector_table train/resume train/compare train/run_curves
# Relocations a twentieth as long, where this linker can; asked once, when something is linked.
RELR = $(eval RELR := $(if $(shell echo 'int main(void) { return 0; }' | \
    $(CC) $(CFLAGS_target) -Wl,-z,pack-relative-relocs -x c -o /dev/null - 2>&1 || echo no),,-Wl,-z,pack-relative-relocs))$(RELR)
CFLAGS_debug := -O0
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -fsanitize=thread
CFLAGS_double := -O2 -DRF_DOUBLE
CFLAGS_clang := -O2 -ffunction-sections -fdata-sections
LDFLAGS_clang := -Wl,--gc-sections
CFLAGS_cover := -O0 --coverage
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-pass-failed
CFLAGS_all = $(CFLAGS_common) $(CFLAGS_$(V)) $(CFLAGS_target) $(CFLAGS)
LDFLAGS_all = $(LDFLAGS_$(V)) $(LDFLAGS)
# matio writes and reads MATLAB files in tests, as a second opinion.
TEST_LIBS := -lcmocka -lmatio
LIBS := -ljpeg -lpng -lz -linih -lcjson -lexpat -lprotobuf-c -lm -lpthread

# Instruction sets of the kernels in autograd/kernels/isa/: each file is compiled once for each.
ARCH := $(if $(CROSS),$(firstword $(subst -, ,$(TRIPLET))),$(shell uname -m))
ISAS_x86_64 := avx512 avx2 generic
ISAS := $(or $(ISAS_$(ARCH)),generic)
ifeq ($(V),double)
ISAS := generic
endif
ISA_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mprefer-vector-width=512
ISA_FLAGS_avx2 := -mavx2 -mfma
ISA_FLAGS_generic :=

# Debian 12's gcc 12.2 for ARM64 crashes in its vectoriser (vect_transform_reduction) on a largest or smallest value taken by
# fmax or fmin in double over floats. Whether this compiler does is tried, wherever fmax is an instruction and so a
# candidate; without the built-ins these two are calls of libm with the same result, and all else stays vectorised.
ifneq ($(ARCH),x86_64)
LARGEST := double f(const float *x, int n) { double t = 0; for (int i = 0; i < n; i++) t = __builtin_fmax(t, x[i]); return t; }
CFLAGS_target += $(shell echo '$(LARGEST)' | $(CC) -O3 -x c -S -o /dev/null - 2>/dev/null || echo -fno-builtin-fmax -fno-builtin-fmin)
endif

LIB_DIRS := core settings autograd autograd/ops autograd/kernels layers layers/backbones layers/contexts detect detect/coders detect/loss data train detectors $(patsubst %/,%,$(wildcard detectors/*/))
ifneq ($(V),double) # double precision is there to check the mathematics of the engine and the layers
LIB_DIRS += eval export lib
endif
LIB_SRC := $(filter-out core/team_openmp.c,$(foreach d,$(LIB_DIRS),$(sort $(wildcard $(d)/*.c))) \
    $(if $(filter eval,$(LIB_DIRS)),,eval/eval_section.c))
ISA_SRC := $(sort $(wildcard autograd/kernels/isa/*.c))
# protoc-c turns export/onnx.proto into a source in the build folder; -lprotobuf-c is its library.
GEN := $(O)/generated
PROTO := $(if $(filter export,$(LIB_DIRS)),$(GEN)/onnx.pb-c)
# The text of the C sources that rf-export writes (scripts/embed.sh).
C_TEXTS := $(sort $(wildcard export/c/*.[ch]))
TEXTS := $(if $(filter export,$(LIB_DIRS)),$(GEN)/c_texts)
LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o) $(PROTO:=.o) $(TEXTS:=.o) $(foreach i,$(ISAS),$(ISA_SRC:%.c=$(O)/$(i)/%.o))
LIB := $(O)/librf.a
# The shared library holds what its symbols need, nothing else.
SO := $(B)/librf.so.0
SO_ROOTS = $(shell sed -n 's/^ *\(rf_[a-z_]*\);/\1/p' lib/librf.map)
# Sanitisers resolve their symbols in the program.
SO_UNDEFINED := -Wl,--no-undefined
SO_LDFLAGS = $(LDFLAGS_all) -Wl,--gc-sections $(if $(filter asan tsan fuzz,$(V)),,$(SO_UNDEFINED))
# Before the library, so that its own team_posix.o is not asked for.
TEAM := $(if $(filter openmp,$(THREADS)),$(O)/core/team_openmp.o)
$(O)/core/team_openmp.o: CFLAGS_common += -fopenmp
LIBS += $(if $(TEAM),-fopenmp)
TEAM += $(EXTRA_OBJ)

# rf holds every program; rf-train and the others are links to it (cli/rf.c).
MAIN_SRC := cli/main.c cli/rf.c cli/help.c $(wildcard cli/rf_*.c)
LINKS := $(patsubst cli/rf_%.c,rf-%,$(wildcard cli/rf_*.c))
PROGRAMS := rf $(LINKS)
# What shells need to complete command lines, beside the tables (cli/completion.h).
COMPLETIONS := cli/completion.bash cli/completion.zsh
CLI_OBJ := $(patsubst %.c,$(O)/%.o,$(filter-out $(MAIN_SRC),$(wildcard cli/*.c))) $(GEN)/completion_texts.o

# tests/test_*.c run in the float build, tests/double/test_*.c against the double-precision library.
TEST_DIR := $(if $(filter double,$(V)),tests/double,tests)
TESTS := $(patsubst $(TEST_DIR)/%.c,$(B)/tests/%,$(sort $(wildcard $(TEST_DIR)/test_*.c)))
# The double-precision library has no export/, so its tests go without what the tests of exporters share.
NO_HELPERS := $(if $(filter double,$(V)),$(wildcard tests/library_*.c tests/ncnn_*.c tests/onnx_*.c tests/protocol_*.c))
TEST_OBJ := $(patsubst %.c,$(O)/%.o,$(filter-out $(wildcard tests/test_*.c) $(NO_HELPERS),$(wildcard tests/*.c)))

# tests/fuzz/fuzz_*.c are libFuzzer targets (make fuzz); they need clang.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
export FUZZ_SECONDS ?= 20

.DELETE_ON_ERROR:
.PRECIOUS: $(O)/%.o
.PHONY: all ready FORCE help programs tests tests-parallel style fuzzers lib clean deps demo test check fuzz install install-files uninstall manual deb format

all: programs

lib: $(if $(filter double,$(V)),$(LIB),$(SO))

programs: $(PROGRAMS:%=$(B)/%)
	$(if $(CROSS),,@mkdir -p build && for p in $(PROGRAMS); do ln -sf $(B:build/%=%)/$$p build/$$p; done)

tests: $(TESTS) $(if $(filter double,$(V)),,$(B)/dump_network)

# What is missing is told before the first file is compiled (scripts/deps.sh), after `deps` where that was asked for, too.
ifdef CROSS
ready: ;
else
NEEDS := $(if $(filter tests tests-% test check fuzz% $(B)/tests/%,$(MAKECMDGOALS)),--test,--build)
ready: | $(filter deps,$(MAKECMDGOALS))
	@CC='$(CC)' CFLAGS='$(CFLAGS)' sh scripts/deps.sh --check $(NEEDS) --for='$(or $(FOR),$(filter-out deps,$(MAKECMDGOALS)))'
endif

# What another implementation of the threads is tried with.
tests-parallel: $(B)/tests/test_parallel $(B)/tests/test_engine $(B)/tests/test_finder $(B)/tests/test_conv $(B)/tests/test_library

$(O)/%.o: %.c | ready
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_all) -MMD -MP -c $< -o $@

$(GEN)/onnx.pb-c.h: export/onnx.proto | ready
	@mkdir -p $(GEN)
	protoc-c --proto_path=export --c_out=$(GEN) $<

$(GEN)/onnx.pb-c.c: $(GEN)/onnx.pb-c.h ;

$(GEN)/c_texts.c: scripts/embed.sh $(C_TEXTS) | ready
	@mkdir -p $(GEN)
	sh scripts/embed.sh export/c_source.h rf_c_text rf_c_texts $(C_TEXTS) >$@

$(GEN)/completion_texts.c: scripts/embed.sh $(COMPLETIONS) | ready
	@mkdir -p $(GEN)
	sh scripts/embed.sh cli/completion.h rf_completion_script rf_completion_scripts $(COMPLETIONS) >$@

$(GEN)/%.o: $(GEN)/%.c | ready
	$(CC) $(CFLAGS_all) -MMD -MP -c $< -o $@

$(O)/export/onnx_file.o: CFLAGS_common += -I$(GEN)
$(O)/export/onnx_file.o: | $(GEN)/onnx.pb-c.h

# Written anew when the commit is another, so that one object and what it is linked into are made again.
$(GEN)/commit.h: FORCE
	@sh scripts/commit.sh $@
$(O)/cli/version.o: $(GEN)/commit.h
$(O)/cli/version.o: CFLAGS_common += -I$(GEN) -DRF_VARIANT='"$(V)"'

# Each source's rf_plugin_init gets a name of its own; extra/init.c calls them one after the other.
define EXTRA_RULE
$(B)/extra/$(call extra_id,$(1)).o: $(1) | ready
	@mkdir -p $$(dir $$@)
	$$(CC) $$(CFLAGS_all) -Drf_plugin_init=rf_plugin_init_$(call extra_id,$(1)) -MMD -MP -c $$< -o $$@
endef
$(foreach s,$(EXTRA_SRC),$(eval $(call EXTRA_RULE,$(s))))
$(B)/extra/init.c: FORCE
	@sh scripts/extra.sh $@ $(EXTRA_SRC)
$(B)/extra/init.o: $(B)/extra/init.c | ready
	$(CC) $(CFLAGS_all) -c $< -o $@

define ISA_RULE
$(O)/$(1)/%.o: %.c | ready
	@mkdir -p $$(dir $$@)
	$(CC) $(CFLAGS_all) $(ISA_FLAGS_$(1)) -DRF_ISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach i,$(ISAS),$(eval $(call ISA_RULE,$(i))))

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# What other programs call (include/rf/), under the names that a linker and the loader look for.
$(SO): $(LIB) lib/librf.map $(TEAM)
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_all) -shared -Wl,-soname,$(notdir $(SO)) -Wl,--version-script=lib/librf.map $(SO_ROOTS:%=-Wl,-u,%) \
	    $(TEAM) $(LIB) -o $@ $(SO_LDFLAGS) -Wl,--as-needed $(LIBS) || { echo "objects from before -fPIC? make clean"; exit 1; }
	@ln -sf $(notdir $(SO)) $(B)/librf.so

$(B)/rf: $(MAIN_SRC:%.c=$(O)/%.o) $(CLI_OBJ) $(TEAM) $(LIB)
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_all) $^ -o $@ $(LDFLAGS_all) $(LIBS)

$(LINKS:%=$(B)/%): $(B)/rf
	@ln -sf rf $@

$(B)/tests/%: $(O)/$(TEST_DIR)/%.o $(TEST_OBJ) $(TEAM) $(LIB)
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_all) $(filter-out $(LIB),$^) $(LIB) -o $@ $(LDFLAGS_all) $(TEST_LIBS) $(LIBS)

# This one feeds damaged copies of the fuzz targets' seeds to them, without libFuzzer: their entry points get names.
REPLAYED := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
REPLAY_OBJ := $(REPLAYED:%=$(O)/tests/fuzz/replay_%.o) $(O)/tests/fuzz/replay_seeds_main.o $(O)/tests/fuzz/harness.o
$(REPLAYED:%=$(O)/tests/fuzz/replay_%.o): $(O)/tests/fuzz/replay_%.o: tests/fuzz/fuzz_%.c | ready
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_all) -DLLVMFuzzerTestOneInput=fuzz_$* -DLLVMFuzzerInitialize=fuzz_$*_begin -MMD -MP -c $< -o $@
$(O)/tests/fuzz/replay_seeds_main.o: tests/fuzz/seeds.c | ready
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS_all) -Dmain=seeds_main -Wno-missing-prototypes -MMD -MP -c $< -o $@
$(B)/tests/test_mutants: $(REPLAY_OBJ) $(CLI_OBJ)

# Writes a model's outputs as raw numbers, for scripts/check_onnx.sh.
$(B)/dump_network: $(O)/tests/dump/dump_network.o $(O)/tests/decode_kit.o $(O)/tests/outputs_kit.o $(CLI_OBJ) $(TEAM) $(LIB)
	$(CC) $(CFLAGS_all) $^ -o $@ $(LDFLAGS_all) $(LIBS)

# Writes WIDER FACE's ground truth of a drawn set, for scripts/check_docs.sh.
$(B)/wider_truth: $(O)/tests/dump/wider_truth.o $(TEAM) $(LIB)
	$(CC) $(CFLAGS_all) $^ -o $@ $(LDFLAGS_all) $(TEST_LIBS) $(LIBS)

# This one reads the tables of the programs themselves.
$(B)/tests/test_options: $(patsubst %.c,$(O)/%.o,$(filter-out cli/main.c,$(MAIN_SRC))) $(CLI_OBJ)

$(B)/tests/test_args: $(O)/cli/version.o $(O)/cli/manual.o $(O)/cli/args_unknown.o

# What scripts/check_c.sh compares the exported C source with.
$(B)/cexport-reference: $(O)/tests/cexport/reference.o $(O)/tests/cexport_model.o $(CLI_OBJ) $(TEAM) $(LIB)
	$(CC) $(CFLAGS_all) $^ -o $@ $(LDFLAGS_all) $(LIBS)

# These run the programs.
$(B)/tests/test_cli $(B)/tests/test_front $(B)/tests/test_info $(B)/tests/test_cli_import $(B)/tests/test_convert_cli $(B)/tests/test_export: | $(PROGRAMS:%=$(B)/%)
$(B)/tests/test_cexport $(B)/tests/test_slow_cexport: | $(PROGRAMS:%=$(B)/%) $(B)/cexport-reference

fuzzers: $(FUZZERS) $(B)/seeds

$(B)/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/harness.o $(TEAM) $(LIB)
	$(CC) $(CFLAGS_all) -fsanitize=fuzzer $(filter-out $(LIB),$^) $(LIB) -o $@ $(LDFLAGS_all) $(LIBS)
$(B)/fuzz_film: $(CLI_OBJ)

$(B)/seeds: $(O)/tests/fuzz/seeds.o $(O)/tests/image_fixtures.o $(O)/tests/mxnet_fixtures.o $(TEAM) $(LIB)
	$(CC) $(CFLAGS_all) $^ -o $@ $(LDFLAGS_all) $(TEST_LIBS) $(LIBS)

# ---- what a user calls ------------------------------------------------------------------------------------------------

help:
	@echo "make           build the programs into build/"
	@echo "make lib       build librf.so.0, the detector for other programs (docs/library.md)"
	@echo "make deps      install what is missing of the Debian packages that building and testing need (sudo apt-get);"
	@echo "               with another goal, those that it needs: make deps demo. No other goal installs packages"
	@echo "make demo      build, make the synthetic set, train, evaluate, draw, report (< 5 minutes)"
	@echo "make test      build and run every test (< 5 minutes)"
	@echo "make check     the quick loop: build, style, floors, the fast tests (< 60 s)"
	@echo "make fuzz      feed damaged input to every parser, FUZZ_SECONDS=20 each (clang)"
	@echo "make install   into PREFIX=$(PREFIX) (DESTDIR is honoured); make uninstall"
	@echo "make deb       Debian packages into build/deb (make deps deb)"
	@echo "make format    clang-format every source"
	@echo "make EXTRA=DIR also compiles the sources of a folder into programs and tests: ops, losses, terms (docs/extending.md)"
	@echo "V=debug|asan|tsan|double|cover chooses another build, CC=clang another compiler, CROSS=aarch64-linux-gnu- another machine,"
	@echo "THREADS=openmp other threads"

# The packages of a goal; those of building and testing without one.
DEPS_demo := --build
DEPS_all := --build
DEPS_programs := --build
DEPS_lib := --build
DEPS_install := --build
DEPS_fuzz := --fuzz
DEPS_fuzzers := --fuzz
DEPS_deb := --deb
DEPS := $(sort $(foreach goal,$(filter-out deps,$(MAKECMDGOALS)),$(or $(DEPS_$(goal)),--test)))
# However many jobs run at a time, nothing begins before the packages are there.
test fuzz install deb: | $(filter deps,$(MAKECMDGOALS))
deps:
	@sh scripts/deps.sh $(if $(CROSS),--cross $(TRIPLET),$(DEPS))

# For the parts of a goal; what is missing has been told.
PARTS = $(MAKE) --no-print-directory -j$(JOBS) FOR='$@'

# demo.sh says how long it took, and how long it took with what came before it; the last line of `make test` does, too.
demo test: export BEGAN := $(if $(filter demo test,$(MAKECMDGOALS)),$(shell date +%s))
demo: ready
	@$(PARTS) programs
	@sh scripts/demo.sh

ifdef CROSS
test:
	@sh scripts/check_cross.sh $(TRIPLET)
else
test: ready
	@$(PARTS) programs tests
	@$(PARTS) V=double tests
	@$(PARTS) THREADS=openmp tests-parallel
	@sh scripts/run_tests.sh build/release/tests build/double/tests build/release-openmp/tests
	@echo "test: done in $$(($$(date +%s) - $(BEGAN))) s, build (and installation) included"
endif

check: ready
	@$(PARTS) programs tests
	@sh scripts/check_layers.sh
	@$(PARTS) style
	@sh scripts/run_tests.sh --quick build/release/tests

# Each header is compiled alone, again only when it or what it includes has changed.
HEADERS := $(filter-out build/% core/keys%.h,$(wildcard */*.h */*/*.h */*/*/*.h))
style: $(HEADERS:%=$(O)/headers/%) $(O)/formatted
	@sh scripts/check_style.sh

# clang-format looks at what has changed since it was last content; at everything when its rules have.
FORMATTED := $(filter-out build/%,$(wildcard */*.[ch] */*/*.[ch] */*/*/*.[ch]))
$(O)/formatted: .clang-format $(FORMATTED)
	@mkdir -p $(dir $@)
	@if ! command -v clang-format >/dev/null; then echo "style: clang-format is not installed, formatting not checked"; \
	else echo $(or $(if $(filter .clang-format,$?),$(FORMATTED)),$?) | xargs -n 100 -P $$(nproc) clang-format --dry-run --Werror 2>$@.log && touch $@ || \
	    { head -n 5 $@.log; echo "style: run make format"; false; }; fi

$(O)/headers/%.h: %.h
	@mkdir -p $(dir $@)
	@echo '#include "$*.h"' | $(CC) -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I. -Iinclude -DRF_ISA=generic -MD -MP -MF $@.d -MT $@ -x c - \
	    || { echo "style: $*.h does not compile alone"; false; }
	@touch $@

fuzz: ready
	@$(PARTS) V=fuzz CC=clang fuzzers
	@sh scripts/fuzz.sh build/fuzz

# ---- installation: what goes where ----

bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
datadir ?= $(PREFIX)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/rf
zshdir ?= $(datadir)/zsh/site-functions
pythondir ?= $(datadir)/rf/python
# What strips programs; STRIP=no leaves that to others, as Debian's tools.
STRIP ?= $(CROSS)strip

# $(call into,KIND,FOLDER,FILES): rows of scripts/install.sh.
into = $(foreach file,$(3),$(1):$(file):$(2)/$(notdir $(file)))
# Manual pages and completion are made by rf itself, one that runs here.
MANUAL := $(B)/manual
$(MANUAL)/rf.1: $(if $(CROSS),,$(B)/rf)
	@$(if $(CROSS),$(MAKE) --no-print-directory -j$(JOBS) CROSS= V=release programs)
	@rm -rf $(MANUAL) && mkdir -p $(MANUAL)
	$(if $(CROSS),build/release/rf,$(B)/rf) help --pages $(MANUAL)
	@$(if $(CROSS),build/release/rf,$(B)/rf) help --completion bash >$(MANUAL)/rf.bash
	@$(if $(CROSS),build/release/rf,$(B)/rf) help --completion zsh >$(MANUAL)/_rf
manual: $(MANUAL)/rf.1

# One list for install and uninstall; a part of rf adds its rows to INSTALL_MORE with +=, and what makes their files to
# INSTALL_NEEDS: library:FILE:$(libdir)/NAME for a shared library, file: for headers and all else, link:TARGET:PATH.
INSTALL_NEEDS += programs manual
INSTALL = $(call into,program,$(bindir),$(B)/rf) $(foreach p,$(LINKS),link:rf:$(bindir)/$(p)) \
    $(call into,file,$(datadir)/rf/configs,$(wildcard configs/*.ini)) \
    $(call into,file,$(datadir)/rf/models,$(wildcard models/*.safetensors models/*.md models/*.json)) \
    $(call into,file,$(mandir)/man1,$(wildcard $(MANUAL)/*.1)) \
    file:$(MANUAL)/rf.bash:$(datadir)/bash-completion/completions/rf $(call into,file,$(zshdir),$(MANUAL)/_rf) \
    $(foreach p,$(LINKS),link:rf:$(datadir)/bash-completion/completions/$(p)) \
    $(call into,file,$(docdir),README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE) \
    $(call into,file,$(docdir)/docs,$(wildcard docs/*.md docs/*.svg docs/*.jpg docs/*.png)) \
    $(call into,file,$(docdir)/examples,$(wildcard examples/*)) $(INSTALL_MORE)
MANIFEST := $(datadir)/rf/installed

# The library, what programs are compiled with, and the Python module (docs/library.md).
INSTALL_NEEDS += lib $(B)/rf.pc
INSTALL_MORE += $(call into,library,$(libdir),$(SO)) link:$(notdir $(SO)):$(libdir)/librf.so $(call into,file,$(libdir)/pkgconfig,$(B)/rf.pc) \
    $(call into,file,$(includedir)/rf,$(wildcard include/rf/*.h)) $(call into,file,$(pythondir),python/rf.py)
$(B)/rf.pc: lib/rf.pc.in FORCE
	@mkdir -p $(dir $@)
	@sed -e 's,@prefix@,$(PREFIX),' -e 's,@libdir@,$(libdir),' -e 's,@includedir@,$(includedir),' -e 's,@version@,$(VERSION),' $< >$@

# Makes of their own, because the list is known when everything is built.
install:
	@$(PARTS) $(INSTALL_NEEDS)
	@$(MAKE) --no-print-directory install-files
install-files:
	@printf '%s\n' $(INSTALL) | STRIP='$(STRIP)' sh scripts/install.sh '$(DESTDIR)' '$(MANIFEST)'
	@echo "installed below $(DESTDIR)$(PREFIX); make uninstall PREFIX=$(PREFIX) removes it"

uninstall:
	@sh scripts/install.sh --remove '$(DESTDIR)' '$(MANIFEST)'

# Debian packages in build/deb, built in a copy of what git has in hand; nothing is written elsewhere.
deb:
	@sh scripts/deb.sh

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

-include $(shell test -d $(O) && find $(O) $(wildcard $(B)/extra) -type f -name '*.d')
