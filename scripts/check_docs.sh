#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the documents: every command block (```sh) of README.md and docs/*.md, from top to bottom, in a clean clone below
# build/docs/. What a block names and no block makes (PHOTOS, W, photo.png ...) is drawn first, under that very name. A
# comment on the line before a block says what is not simply run:
#   <!-- check_docs: example: REASON -->     is not run
#   <!-- check_docs: long -->                is left out by --quick; with a need: long; needs: COMMAND
#   <!-- check_docs: needs: COMMAND -->      is skipped where the command fails
#   <!-- check_docs: file: NAME -->          of any block: its text is written to NAME before the document's first command
# A training is ended as its reader may end it, by Ctrl-C: as soon as best.safetensors is there, or last.safetensors for
# five minutes (20 seconds where nothing is evaluated); it must then end with 130 and leave its checkpoint. apt-get installs
# nothing: where a package is missing, or npm cannot fetch one, the block is skipped and says so (--install: apt-get may).
# Programs without a folder are taken from build/, as after `make install`. A block without a language must hold no commands.
# Options, settings and files that a text names in `code` must exist.
# --quick, or a list of documents without README.md, takes the programs that are built here. Last line: "N passed, N failed".
# Usage: scripts/check_docs.sh [--quick] [--install] [DOCUMENT...]
set -u
cd "$(dirname "$0")/.." || exit 2
home=$PWD
quick=no
export DOCS_INSTALL=no
while case "${1:-}" in --*) true ;; *) false ;; esac; do
    case "$1" in
    --quick) quick=yes ;;
    --install) DOCS_INSTALL=yes ;;
    *)
        echo "check_docs: unknown option $1; known are --quick and --install" >&2
        exit 2
        ;;
    esac
    shift
done
[ $# -gt 0 ] || set -- README.md docs/deploy.md $(git ls-files 'docs/*.md' | grep -v '^docs/deploy.md$')
documents=" $*"
clone=$home/build/docs/rf
blocks=$home/build/docs/blocks
passed=0
failed=0
skipped=0

die() {
    echo "check_docs: $*" >&2
    exit 2
}

# ---- a clean clone, with the changes of this tree that are not committed yet ----
mkdir -p "$home/build"
exec 8>"$home/build/docs.lock"
flock -n 8 || die "another check_docs.sh runs in this tree"
rm -rf "$home/build/docs"
mkdir -p "$blocks"
git clone -q . "$clone" || die "this tree cannot be cloned"
git diff HEAD --binary >"$home/build/docs/changes"
[ ! -s "$home/build/docs/changes" ] || git -C "$clone" apply "$home/build/docs/changes" || die "the tree's changes do not apply"
make -s -j"$(nproc)" programs build/release/wider_truth build/release/dump_network >"$home/build/docs/make.log" 2>&1 || {
    tail -n 20 "$home/build/docs/make.log"
    die "the programs that draw the pictures could not be built"
}
mkdir -p "$clone/build"
case "$quick $documents " in
no*" README.md "*) ;; # its first block builds them
*)
    for program in "$home"/build/release/rf "$home"/build/release/rf-*; do
        ln -s "$program" "$clone/build/$(basename "$program")"
    done
    ln -s "$home/build/release" "$clone/build/release"
    ;;
esac

# ---- what the documents speak of: drawn faces, in the folders and files that the commands name ----
pictures() { # pictures DIR TRAIN VAL SEED
    "$home"/build/release/rf-data synth --out "$1" --train "$2" --val "$3" --seed "$4" --size 320x240 --min-face 24 \
        --max-faces 4 --no-crowds
}

wider_list() { # wider_list LABEL OUT: label.txt as wider_face_*_bbx_gt.txt
    awk '/^#/ { name[++n] = $2; next }
        { rows[n] = rows[n] sprintf("%d %d %d %d 0 0 0 0 0 0 \n", $1, $2, $3 + 0.5, $4 + 0.5); faces[n]++ }
        END { for (i = 1; i <= n; i++) printf "%s\n%d\n%s", name[i], faces[i], faces[i] ? rows[i] : "0 0 0 0 0 0 0 0 0 0 \n" }' \
        "$1" >"$2"
}

ellipse_list() { # ellipse_list LABEL OUT: label.txt as FDDB's ellipses
    awk '/^#/ { n++; name[n] = $2; sub(/\.jpg$/, "", name[n]); next }
        { rows[n] = rows[n] sprintf("%f %f 1.5708 %f %f 1\n", $4 / 2, $3 / 2, $1 + $3 / 2, $2 + $4 / 2); faces[n]++ }
        END { for (i = 1; i <= n; i++) printf "%s\n%d\n%s", name[i], faces[i], rows[i] }' "$1" >"$2"
}

fixture() { # in the clone, under set -e
    pictures drawn 48 4 5
    "$home"/build/release/rf-data convert drawn --from label --to coco --part train --images copy --out drawn-coco
    mv drawn-coco/train/coco.json annotations.json
    mv drawn-coco/train/images PHOTOS
    mkdir -p W/wider_face_split W/WIDER_train W/WIDER_val W/ground_truth PREDICTIONS
    cp -r drawn/train/images W/WIDER_train/images
    cp -r drawn/val/images W/WIDER_val/images
    wider_list drawn/train/label.txt W/wider_face_split/wider_face_train_bbx_gt.txt
    wider_list drawn/val/label.txt W/wider_face_split/wider_face_val_bbx_gt.txt
    "$home"/build/release/wider_truth W/wider_face_split/wider_face_val_bbx_gt.txt W/ground_truth
    cp -r drawn/val/images originalPics
    ellipse_list drawn/val/label.txt ellipses.txt
    # A detector of one update, and what it finds.
    "$home"/build/release/rf-train configs/demo.ini --set data.root=drawn --set train.max_steps=1 --out drawn-run
    cp drawn-run/last.safetensors best.safetensors
    "$home"/build/release/rf-eval best.safetensors --data drawn/val/label.txt --pred-out PREDICTIONS
    "$home"/build/release/dump_network best.safetensors "$(find "$PWD/drawn/val/images" -name '*.jpg' | sort | head -n 1)" 240x320 \
        drawn-picture
    cp drawn-picture/image.png photo.png
    { printf 'P6\n320 240\n255\n' && cat drawn-picture/image.u8; } >photo.ppm
    cp photo.ppm picture.ppm
    rm -rf drawn-coco drawn-run drawn-picture
    case " $documents " in
    *" README.md "*) ;;
    *) mkdir -p runs/mine && cp best.safetensors runs/mine/ ;; # what its commands make
    esac
    # The public weights and photos of docs/results.md, where they are.
    [ -d "$home/../shared/data/wider" ] || return 0
    ln -s "$home/../shared/data/wider" WIDER
    ln -s "$home"/../shared/data/weights/* "$home"/../shared/data/wider/* "$home/../shared/data/landmarks" .
}
(
    set -e
    cd "$clone"
    fixture
) >"$home/build/docs/fixture.log" 2>&1 # not the left of ||, where set -e means nothing
if [ $? -ne 0 ]; then
    tail -n 5 "$home/build/docs/fixture.log"
    die "what the documents speak of could not be drawn"
fi

# ---- the functions that stand in a block's shell for what it calls ----
cat >"$home/build/docs/shell" <<'SHELL'
set -eu -o pipefail
PATH=$PWD/build:$PATH
export NODE_PATH=$PWD/node_modules

leave() { # leave REASON: the block is skipped
    echo "$*" >&"$reason"
    exit 77
}

apt-get() {
    local package
    for package in "${@:2}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] && continue
        [ "$DOCS_INSTALL" = yes ] || leave "$package is not installed"
        command apt-get -y -q install "$package" || leave "$package could not be installed"
    done
}

npm() {
    command -v npm >/dev/null && command -v node >/dev/null || leave "npm is not installed"
    command npm --silent --no-save "$@" || leave "npm could not install ${*: -1}"
}

train() { # train PROGRAM OPTIONS...: ended by Ctrl-C
    local run="" word began job status=0
    for word in "$@"; do
        case "$word" in --plan | --list | --compare | --reference | --help) "$@" && return 0 || return $? ;; esac
    done
    for ((word = 1; word <= $#; word++)); do
        [ "${!word}" = --out ] || [ "${!word}" = -o ] || continue
        local next=$((word + 1))
        run=${!next}
    done
    began=$(mktemp)
    set -m # else the shell's jobs ignore Ctrl-C
    "$@" &
    job=$!
    set +m
    local seen=0 enough=1500 # fifths of a second
    case " $* " in *"train.eval_every=0 "* | *"data.val= "*) enough=100 ;; esac
    while kill -0 $job 2>/dev/null; do
        [ "$run/best.safetensors" -nt "$began" ] && break
        [ "$run/last.safetensors" -nt "$began" ] && seen=$((seen + 1))
        [ $seen -ge $enough ] && break
        sleep 0.2
    done
    kill -INT $job 2>/dev/null || true
    wait $job || status=$?
    [ "$run/last.safetensors" -nt "$began" ] || { echo "no new $run/last.safetensors (exit $status)"; return 1; }
    rm -f "$began"
    [ $status = 130 ] || [ $status = 0 ] || return $status
}
rf-train() { train build/rf-train "$@"; }
build/rf-train() { train "$PWD/build/rf-train" "$@"; } # by its own name: it is a link
rf() {
    if [ "$1" = train ]; then train build/rf "$@"; else build/rf "$@"; fi
}
build/rf() {
    if [ "$1" = train ]; then train "$PWD/build/rf" "$@"; else "$PWD/build/rf" "$@"; fi
}
exec {BASH_XTRACEFD}>"$trace"
set -x
SHELL

# ---- blocks: number, first line, language, mark; the text in a file each ----
cut_blocks() { # cut_blocks DOCUMENT: fills $blocks
    rm -f "$blocks"/*
    awk -v dir="$blocks" '
        /^```/ && !inside { inside = 1; lang = substr($0, 4); line = NR; n++; text = ""; next }
        /^```/ {
            inside = 0
            printf "%s", text >(dir "/" n ".text")
            print n "|" line "|" lang "|" mark >(dir "/list")
            close(dir "/" n ".text")
            mark = ""
            next
        }
        inside { text = text $0 "\n"; next }
        /^<!-- check_docs: .* -->$/ { mark = $0; gsub(/^<!-- check_docs: | -->$/, "", mark); next }
        mark != "" { print "0|" NR "|lost|stray: " mark >(dir "/list"); mark = "" }' "$1"
    [ -f "$blocks/list" ] || : >"$blocks/list"
}

tell() { # tell ok|skip|FAIL WHERE WORDS
    case $1 in
    ok) passed=$((passed + 1)) ;;
    skip) skipped=$((skipped + 1)) ;;
    FAIL) failed=$((failed + 1)) ;;
    esac
    printf '%-5s %s: %s\n' "$1" "$2" "$3"
}

run_block() { # run_block NUMBER WHERE
    local text=$blocks/$1.text log=$home/build/docs/log status=0 begin=$SECONDS
    : >"$home/build/docs/reason"
    (cd "$clone" && DOCS_TEXT=$text timeout 3600 env trace="$home/build/docs/trace" reason=9 \
        bash -c ". '$home/build/docs/shell'; . '$text'") </dev/null >"$log" 2>&1 9>"$home/build/docs/reason" || status=$?
    case $status in
    0) tell ok "$2" "$(grep -cvE '^ *(#|$)' "$text") lines, $((SECONDS - begin)) s" ;;
    77) tell skip "$2" "$(cat "$home/build/docs/reason")" ;;
    *)
        tell FAIL "$2" "exit $status after: $(grep -vE "^\+* *(\[|local|sleep|kill|wait|return|seen)" "$home/build/docs/trace" | tail -n 1)"
        tail -n 8 "$log" | sed 's/^/      /'
        ;;
    esac
}

check_document() { # check_document DOCUMENT
    local document=$1 n line lang mark where
    cut_blocks "$document"
    while IFS='|' read -r n line lang mark; do
        case "$mark" in file:*) cp "$blocks/$n.text" "$clone/${mark#file: }" ;; esac
    done <"$blocks/list"
    while IFS='|' read -r n line lang mark <&3; do
        where=$document:$line
        case "$quick:$mark" in
        yes:long*)
            tell skip "$where" "long"
            continue
            ;;
        esac
        mark=${mark#long}
        mark=${mark#; }
        case "$lang:$mark" in
        sh:example:*) tell skip "$where" "an example: ${mark#example: }" ;;
        sh:needs:*)
            if (cd "$clone" && eval "${mark#needs: }") >/dev/null 2>&1; then
                run_block "$n" "$where"
            else
                tell skip "$where" "needs ${mark#needs: }"
            fi
            ;;
        sh:) run_block "$n" "$where" ;;
        sh:*) tell FAIL "$where" "unknown mark: $mark" ;;
        lost:*) tell FAIL "$where" "a mark without a block: ${mark#stray: }" ;;
        :*)
            ! grep -qE '^ *(\$ )?(build/)?(rf|rf-[a-z]+|make|sh|cc|gcc|npm|node|apt-get|scripts/[a-z_.]+|awk|set --) ' "$blocks/$n.text" ||
                tell FAIL "$where" "holds commands but is no \`\`\`sh block"
            ;;
        esac
    done 3<"$blocks/list"
}

# ---- names in the text: options, settings and files that a document speaks of exist ----
help=$home/build/docs/help
{
    for program in rf-train rf-eval rf-detect rf-export rf-bench; do "$home/build/release/$program" --help; done
    "$home/build/release/rf" help --help
    for command in synth mesh check show convert; do "$home/build/release/rf-data" $command --help; done
    for command in $("$home/build/release/rf-bench" --help | sed -n 's/^  \([a-z]*\)   .*/\1/p'); do
        "$home/build/release/rf-bench" "$command" --help
    done
    grep -h '^#' scripts/*.sh
} >"$help" 2>/dev/null
"$home/build/release/rf-train" --reference |
    awk '/^## \[/ { section = $2; gsub(/[][]/, "", section) } /^\| `[a-z0-9_]+`/ { gsub(/`/, "", $2); print section "." $2 }' |
    sort -u >"$home/build/docs/keys"
sections=$(cut -d. -f1 "$home/build/docs/keys" | sort -u | paste -sd'|')

check_names() { # check_names DOCUMENT
    local spans word wrong=""
    spans=$(grep -oE '`[^`]+`' "$1")
    for word in $(grep -oE '(^|[ `(])--[a-z][a-z0-9-]+' <<<"$spans" | tr -d ' `(' | sort -u); do
        grep -qE -e "(^|[^a-z-])$word([^a-z-]|\$)" "$help" || wrong="$wrong $word"
    done
    for word in $(grep -oE "\\b($sections)\\.[a-z][a-z0-9_]*\\b" <<<"$spans" | sort -u); do
        grep -qx "$word" "$home/build/docs/keys" || wrong="$wrong $word"
    done
    # train/ and data/ are folders of data sets, too.
    for word in $(grep -oE '\b((docs|scripts|tests|configs|examples|core|settings|autograd|layers|detect|detectors|export|cli)/[a-z0-9_./-]+\.(md|sh|py|js|c|h|ini|def|cpp|json|proto)|(data|train|eval)/[a-z0-9_/]+\.(c|h|def))\b' \
        <<<"$spans" | sort -u); do
        [ -e "$word" ] || wrong="$wrong $word"
    done
    [ -z "$wrong" ] && tell ok "$1" "options, settings and files exist" || tell FAIL "$1" "does not exist:$wrong"
}

for document in "$@"; do
    [ -f "$document" ] || die "$document does not exist"
    check_document "$document"
    check_names "$document"
done
echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
