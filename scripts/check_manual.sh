#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Manual pages and completion, which rf makes of its own tables: every page is read without a warning, and completion offers
# commands, options, files, keys and values where they belong. Usage: scripts/check_manual.sh [build/release]
# Last line: "N passed, N failed"; what needs mandoc, man or zsh is skipped in a sentence where it is missing.
set -u
cd "$(dirname "$0")/.."
folder=$(cd "${1:-build/release}" && pwd) || exit 1
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL $*"; failed=$((failed + 1)); }

# ---- pages ----
"$folder/rf" help --pages "$work/man" || fail "rf help --pages"
for program in rf rf-train rf-eval rf-detect rf-export rf-data rf-data-synth rf-bench rf-help; do
    [ -s "$work/man/$program.1" ] && passed=$((passed + 1)) || fail "there is no page of $program"
done
for page in "$work"/man/*.1; do
    if command -v mandoc >/dev/null 2>&1; then
        faults=$(mandoc -T lint "$page" 2>&1) && [ -z "$faults" ] && passed=$((passed + 1)) || fail "mandoc: $faults"
    fi
    if command -v man >/dev/null 2>&1 && command -v groff >/dev/null 2>&1; then
        faults=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$faults" ] && passed=$((passed + 1)) || fail "man ${page##*/}: $faults"
    fi
done
command -v mandoc >/dev/null 2>&1 || echo "skip: mandoc is not installed"
command -v groff >/dev/null 2>&1 || echo "skip: man or groff is not installed"

# ---- bash ----
"$folder/rf" help --completion bash >"$work/rf.bash" || fail "rf help --completion bash"
"$folder/rf" help --completion zsh >"$work/_rf" || fail "rf help --completion zsh"
mkdir -p "$work/there/configs" "$work/there/runs" "$work/there/mine"
: >"$work/there/photo one.jpg"
: >"$work/there/mine/own.ini"
: >"$work/there/configs/tiny.ini"

# offers TESTS: what bash offers for the last of the words, cut as readline cuts them; one a line
offers() {
    (
        cd "$work/there" && PATH=$folder:$PATH exec bash -c '
            compopt() { :; } # only inside a real completion
            . "$1"
            shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _rf_complete
            printf "%s\n" "${COMPREPLY[@]}"' bash "$work/rf.bash" "$@"
    )
}

# has WANTED WORDS...: it is offered; lacks: it is not; is: nothing else is
has() {
    local wanted=$1
    shift
    offers "$@" | grep -qxF -- "$wanted" && passed=$((passed + 1)) || fail "completion of $* does not offer $wanted: $(offers "$@" | head -n 5 | tr '\n' ' ')"
}
lacks() {
    local wanted=$1
    shift
    offers "$@" | grep -qxF -- "$wanted" && fail "completion of $* offers $wanted" || passed=$((passed + 1))
}
is() {
    local wanted=$1 got
    shift
    got=$(offers "$@" | tr '\n' ' ')
    [ "$got" = "$wanted " ] && passed=$((passed + 1)) || fail "completion of $* offers $got, not $wanted"
}

has train rf ""
has help rf ""
is "train" rf tr
has --version rf --
is "synth show" rf data s
is "synth show" rf-data s
has --out rf-train --o
has --out rf train --o
has --resume rf-train configs/tiny.ini --
lacks --gt rf train --
has --no-exif rf detect --no
has optim.lr= rf train --set opt
has optim.momentum= rf-train --set opt
lacks train.batch= rf-train --set opt
is "ssh none rf pyramidbox" rf train --set model.context = ""
is "pyramidbox" rf train --model.context py
is "yes no" rf train --set "$(sed -n "s/^    '\([a-z_.]*\)') REPLY='yes no' ;;/\1/p" "$work/rf.bash" | head -n 1)" = ""
is "--optim.momentum" rf train --optim.mom
has tiny rf train t
RF_CONFIGS=nowhere:mine has own rf train o
has "photo one.jpg" rf detect ph
has mine rf eval x --data mi
lacks "photo one.jpg" rf eval x --data ph
is "python matlab" rf eval x --rule ""
is "matlab" rf eval x --rule = m
is "onnx" rf export x --to on
has coco rf data convert x --from ""
is "bash zsh" rf help --completion ""
has "photo one.jpg" rf detect x --json ph
is "train" rf help tr
is "synth show" rf help data s
lacks "photo one.jpg" rf help ""
is "" rf train x --threads ""

# ---- zsh ----
if command -v zsh >/dev/null 2>&1; then
    zsh -n "$work/_rf" && passed=$((passed + 1)) || fail "zsh cannot read the completion"
    # The functions of the completion system, as far as they are used, print what they are given.
    zsh_offers() {
        (cd "$work/there" && PATH=$folder:$PATH zsh -fc '
            compadd() { while [[ $1 == -[S] ]]; do shift 2; done; [[ $1 == -a ]] && set -- ${(P)2}; [[ $1 == -- ]] && shift; print -l -- ${(M)@:#${(b)PREFIX}*} }
            compset() { [[ $PREFIX == *=* ]] || return 1; IPREFIX=${PREFIX%%=*}=; PREFIX=${PREFIX#*=} }
            _files() { print -l -- *(N) }
            compdef() { :; }
            source $1; shift
            words=("$@") CURRENT=$# PREFIX=${@[-1]}
            _rf' zsh "$work/_rf" "$@")
    }
    zsh_has() {
        local wanted=$1
        shift
        zsh_offers "$@" | grep -qxF -- "$wanted" && passed=$((passed + 1)) || fail "zsh: completion of $* does not offer $wanted: $(zsh_offers "$@" | head -n 5 | tr '\n' ' ')"
    }
    zsh_has train rf tr
    zsh_has synth rf data s
    zsh_has --out rf-train --o
    zsh_has optim.lr rf train --set opt
    zsh_has yes rf train --set "$(sed -n "s/^    '\([a-z_.]*\)') REPLY='yes no' ;;/\1/p" "$work/_rf" | head -n 1)=y"
    zsh_has matlab rf eval x --rule m
    zsh_has tiny rf train t
    RF_CONFIGS=nowhere:mine zsh_has own rf train o
    zsh_has "photo one.jpg" rf detect ph
    zsh_has synth rf help data s
else
    echo "skip: zsh is not installed"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
