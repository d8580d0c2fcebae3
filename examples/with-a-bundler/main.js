/**
 * The same in a bundle. Import the backends that your page may use, best first; nothing else is bundled.
 *
 *   npx esbuild with-a-bundler/main.js --bundle --format=esm --outfile=page.js
 */
import * as tf from '@tensorflow/tfjs-core';
import { cpu } from '@tfkit/core/backends/cpu';
import { wasm } from '@tfkit/core/backends/wasm';
import { ensureGradients, ensureKernels, selectBackend } from '@tfkit/core/tfjs';
import { dilatedConv2d } from '@tfkit/dilated-conv';
import { ConfusionMatrix, meanIou } from '@tfkit/seg-metrics';

const print = (line) => document.querySelector('#output').append(`${line}\n`);

const { name, tried } = await selectBackend({ backends: [wasm, cpu] });
for (const attempt of tried) print(`${attempt.name}: ${attempt.reason}`);
await ensureGradients();
await ensureKernels();

const image = tf.ones([1, 8, 8, 1]);
const gradient = tf.grad((w) => tf.sum(dilatedConv2d(image, w, { dilationRate: 2 })))(tf.ones([3, 3, 1, 1]));
print(`${name}: gradient of a dilated convolution ${Array.from(await gradient.data()).join(' ')}`);

const matrix = new ConfusionMatrix({ numClasses: 2 });
matrix.update(Uint8Array.of(0, 1, 1, 0), Uint8Array.of(0, 1, 0, 0));
print(`mIoU ${meanIou(matrix).value.toFixed(4)}`);
