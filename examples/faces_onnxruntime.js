// SPDX-License-Identifier: Apache-2.0
// Faces in a picture with onnxruntime: a model written by
//   rf-export best.safetensors -o face.onnx --outputs faces --preprocess --input dynamic
//   node faces_onnxruntime.js face.onnx picture.ppm          (npm install --ignore-scripts onnxruntime-node)
// The network takes 8-bit RGB pixels and returns decoded, suppressed faces: nothing is left to do but reading the picture.
// PPM is what every converter writes (magick photo.jpg photo.ppm); with another decoder hand its RGB bytes over.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

function readPpm(file) {
  const bytes = fs.readFileSync(file), head = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 64));
  if (!head) throw new Error(file + ' is no 8-bit PPM');
  const [width, height] = [Number(head[1]), Number(head[2])];
  if (bytes.length < head[0].length + 3 * width * height) throw new Error(file + ' ends before its last pixel');
  return {width, height, rgb: new Uint8Array(bytes.subarray(head[0].length, head[0].length + 3 * width * height))};
}

async function main(model, file) {
  const {width, height, rgb} = readPpm(file);
  const session = await ort.InferenceSession.create(model);
  const {boxes, scores, points} = await session.run({image: new ort.Tensor('uint8', rgb, [1, height, width, 3])});
  const faces = Array.from(scores.data, (score, i) => ({
    score,
    box: Array.from(boxes.data.slice(4 * i, 4 * i + 4)),                  // x1 y1 x2 y2, pixels
    points: points ? Array.from(points.data.slice(10 * i, 10 * i + 10)) : [],  // x y of eyes, nose, mouth corners
  }));
  console.log(JSON.stringify({image: file, width, height, faces}));
}

if (process.argv.length !== 4) {
  console.error('usage: node faces_onnxruntime.js MODEL.onnx PICTURE.ppm');
  process.exit(2);
}
main(process.argv[2], process.argv[3]).catch((error) => {
  console.error('faces_onnxruntime: ' + error.message);
  process.exit(2);
});
