import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import * as ort from 'onnxruntime-web/wasm';
import { describe, it } from 'vitest';
import runs from './golden/onnx/runs.json';
import float32 from './golden/onnx/unet.onnx?url';
import float16 from './golden/onnx/unet16.onnx?url';
import { checkOnnx } from './onnxCheck';

ort.env.wasm.wasmPaths = { mjs, wasm };
ort.env.wasm.numThreads = 1;

describe('ONNX Runtime Web in the browser', () => {
  it.each([
    ['unet.onnx', float32],
    ['unet16.onnx', float16],
  ])('%s: latents are those of the Python runtime, step by step', async (name, url) => {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    await checkOnnx(ort as never, name, bytes, runs);
  });
});
