// SPDX-License-Identifier: Apache-2.0
// Runs an ONNX model of rf-export in onnxruntime and compares it with what rf computed (tests/dump/dump_network.c).
//   node onnx_ort.js compare MODEL.onnx DUMP...          raw or anchors outputs; several dumps are one batch
//   node onnx_ort.js faces MODEL.onnx DUMP...            faces of each dump as JSON lines (scripts/same_faces.py compares)
//   node onnx_ort.js time MODEL.onnx [RUNS]              median milliseconds of a run on two threads
//   node onnx_ort.js threshold DUMP N                    a score that about N anchors reach, in a gap between two
// Prints one line; exit code 1 when a difference is too large, 77 when onnxruntime-node is not installed.
'use strict';
const fs = require('fs');
const path = require('path');
let ort;
try {
  ort = require('onnxruntime-node');
} catch (e) {
  console.log('skip: onnxruntime-node is missing (npm install onnxruntime-node, NODE_PATH names its node_modules)');
  process.exit(77);
}
const RELATIVE = 1e-4;

function card(model) {
  return JSON.parse(fs.readFileSync(model + '.json', 'utf8'));
}

function open(model) {
  return ort.InferenceSession.create(model, {intraOpNumThreads: 2, interOpNumThreads: 1, logSeverityLevel: 3});
}

function floats(file) {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

// The dumps as one tensor, in the form that the card asks for.
function input(info, dumps) {
  const shape = JSON.parse(fs.readFileSync(path.join(dumps[0], 'shapes.json'), 'utf8')).input;
  const [c, h, w] = shape, n = dumps.length;
  const pixels = info.input.preprocessed;
  const data = new (pixels ? Uint8Array : Float32Array)(n * c * h * w);
  dumps.forEach((dump, i) => {
    const one = pixels ? fs.readFileSync(path.join(dump, 'image.u8')) : floats(path.join(dump, 'input.f32'));
    data.set(one, i * c * h * w);
  });
  const dims = pixels ? [n, h, w, c] : [n, c, h, w];
  return {[info.input.name]: new ort.Tensor(pixels ? 'uint8' : 'float32', data, dims)};
}

async function compare(model, dumps) {
  const info = card(model), session = await open(model);
  const results = await session.run(input(info, dumps));
  let worst = 0, where = '';
  for (const {name} of info.outputs) {
    const have = results[name].data, each = have.length / dumps.length;
    dumps.forEach((dump, i) => {
      const want = floats(path.join(dump, name + '.f32'));
      if (want.length !== each) throw new Error(`${name}: ${each} numbers, expected ${want.length}`);
      let largest = 0, difference = 0;
      for (let k = 0; k < each; k++) {
        largest = Math.max(largest, Math.abs(want[k]));
        difference = Math.max(difference, Math.abs(want[k] - have[i * each + k])); // NaN stays NaN
      }
      const relative = difference / largest;
      if (!Number.isFinite(relative)) throw new Error(`${name} is not finite`);
      if (relative >= worst) [worst, where] = [relative, name];
    });
  }
  console.log(`largest relative difference ${worst.toExponential(1)} (${where}, ${info.outputs.length} outputs)`);
  return worst <= RELATIVE;
}

// One JSON line for each image of the batch, as rf-detect --json writes them.
async function faces(model, dumps) {
  const info = card(model), session = await open(model);
  const results = await session.run(input(info, dumps)), scores = Array.from(results.scores.data);
  dumps.forEach((dump, image) => {
    const list = [];
    scores.forEach((score, k) => {
      if (results.image_of_face && Number(results.image_of_face.data[k]) !== image) return;
      list.push({score, box: Array.from(results.boxes.data.slice(4 * k, 4 * k + 4)),
                 points: results.points ? Array.from(results.points.data.slice(10 * k, 10 * k + 10)) : []});
    });
    console.log(JSON.stringify({image: dump, faces: list}));
  });
  return true;
}

async function time(model, runs) {
  const info = card(model), session = await open(model);
  const dims = info.input.shape, count = dims.reduce((a, b) => a * b);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = ((i * 2654435761) % 200) - 100;
  const feed = {[info.input.name]: new ort.Tensor('float32', data, dims)}, times = [];
  for (let i = 0; i <= runs; i++) {
    const begin = process.hrtime.bigint();
    await session.run(feed);
    if (i > 0) times.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  times.sort((a, b) => a - b);
  console.log(times[times.length >> 1].toFixed(3));
  return true;
}

async function threshold(dump, n) {
  const scores = Array.from(floats(path.join(dump, 'conf.f32'))).filter((_, i) => i % 2).sort((a, b) => b - a);
  let at = n;
  for (let i = n / 2; i < 2 * n && i < scores.length; i++)
    if (scores[i - 1] - scores[i] > scores[at - 1] - scores[at]) at = i;
  console.log((scores[at - 1] + scores[at]) / 2);
  return true;
}

const [command, model, ...rest] = process.argv.slice(2);
const jobs = {
  compare: () => compare(model, rest),
  faces: () => faces(model, rest),
  threshold: () => threshold(model, Number(rest[0])),
  time: () => time(model, Number(rest[0] || 21)),
};
const job = jobs[command]();
job.then((good) => process.exit(good ? 0 : 1), (e) => {
  console.log('failed: ' + e.message);
  process.exit(1);
});
