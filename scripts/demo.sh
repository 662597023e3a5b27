#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: synthetic set -> training from random weights -> evaluation -> pictures, all below demo/. The same seed gives
# the same weights, byte for byte.
set -eu
begin=$(date +%s)
rm -rf demo
mkdir -p demo
echo "== 1/4 synthetic faces: 600 to train on, 100 to test on"
build/rf-data synth --out demo/set --train 600 --val 100 --seed 1 --size 320x320 --min-face 24 --max-face 160 --max-faces 8 --no-crowds
echo "== 2/4 training MobileNet-0.25 from random weights"
build/rf-train configs/demo.ini --out demo/run
echo "== 3/4 evaluation of demo/run/last.safetensors"
build/rf-eval demo/run/last.safetensors --data demo/set/val/label.txt --json demo/eval.json
echo "== 4/4 pictures: demo/found"
build/rf-detect demo/run/last.safetensors demo/set/val/images --out demo/found --json demo/found.jsonl >demo/detect.txt
tail -n 1 demo/detect.txt
end=$(date +%s)
whole=""
[ -z "${BEGAN:-}" ] || whole=", $((end - BEGAN)) s with installation and build"
echo "demo: done in $((end - begin)) s$whole; open demo/found/0--Synth/, read demo/run/train.jsonl"
