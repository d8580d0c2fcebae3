import { backendImports, backendSetup } from '../../snippet';
import type { Backend } from '../../worker/protocol';
import type { DilatedInput } from './task';

export function dilatedCode({ rates, kernelSize }: DilatedInput, backend: Backend): string {
  return `import * as tf from '@tensorflow/tfjs-core';
${backendImports(backend)}
import { coverage, coversExactly, dilatedConv2d, hdcRule, hitsMap2d, receptiveField } from '@tfkit/dilated-conv';

${backendSetup(backend)}

const rates = [${rates.join(', ')}];
const kernelSize = ${kernelSize};
const { size } = receptiveField(rates.map((dilationRate) => ({ kernelSize, dilationRate })));
console.log('receptive field', size);
console.log('HDC rule', hdcRule(rates, kernelSize));
console.log('covers exactly', coversExactly(rates, kernelSize), coverage(rates, kernelSize));

// The hits map, counted, and as the gradient of one output through convolutions whose weights are all 1.
const counted = hitsMap2d(rates, kernelSize).data;
const filter = tf.ones([kernelSize, kernelSize, 1, 1]);
const stack = (x) => rates.reduce((y, dilationRate) => dilatedConv2d(y, filter, { dilationRate }), x);
const measured = await tf.grad((x) => tf.sum(stack(x)))(tf.zeros([1, size, size, 1])).data();
console.log('largest difference', Math.max(...counted.map((count, i) => Math.abs(count - measured[i]))));

// Of a model: every layer's receptive field, stride and holes.
// import { models } from '@tensorflow/tfjs-layers';
// import { analyzeModel } from '@tfkit/dilated-conv/layers';
// analyzeModel(await models.modelFromJSON(JSON.parse(modelJson)));
`;
}
