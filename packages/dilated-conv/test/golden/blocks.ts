/** Golden cases of whole modules: flat names such as 'branch0.kernel' become the weights of the package's functions. */
import type * as tf from '@tensorflow/tfjs-core';
import { asppV2, asppV3, contextModule, denseAspp, duc, receptiveField, tcn, waveNet } from '../../src/index';
import type { Config, GoldenOp, Inputs } from '../golden';

/** [x, config, nested weights] to the output. */
type Block = (x: tf.Tensor4D, config: Config, weights: Nested) => tf.Tensor;
// biome-ignore lint/suspicious/noExplicitAny: the shape of the nest depends on the block
type Nested = any;

function block(run: Block, output = 'y', numbers?: GoldenOp['numbers']): GoldenOp {
  return {
    output,
    gradientOf: (input) => `grad.${input}`,
    run: ({ x, ...weights }, config) => run(x as tf.Tensor4D, config, nested(weights)),
    numbers,
  };
}

/** {'layer0.kernel': t} to {layer: [{kernel: t}]}; {'pool.kernel': t} to {pool: {kernel: t}}. */
function nested(weights: Inputs): Nested {
  const tree: Nested = {};
  for (const [name, tensor] of Object.entries(weights)) {
    const path = name.split('.').flatMap((part) => {
      const [, word, index] = part.match(/^(branch|layer|block)(\d+)$/) ?? [];
      return word ? [word, Number(index)] : [part];
    });
    let node = tree;
    path.forEach((key, depth) => {
      if (depth === path.length - 1) node[key] = tensor;
      else node = node[key] ??= typeof path[depth + 1] === 'number' ? [] : {};
    });
  }
  return tree;
}

const fieldsOf = (layers: readonly { kernelSize: number; dilationRate: number }[]) =>
  layers.map((_, i) => receptiveField(layers.slice(0, i + 1)).size);

const lastField = (dilations: readonly number[], kernelSize: number, convolutions: number) =>
  receptiveField(dilations.flatMap((dilationRate) => Array(convolutions).fill({ kernelSize, dilationRate })))
    .size;

export const blockOps: Record<string, GoldenOp> = {
  aspp: block((x, { version, rates }, { branch, pool, project }) => {
    if (version === 'v2') return asppV2(x, { branches: branch }, { rates });
    if (version !== 'v3') throw new Error(`unknown version '${version}'`);
    const [pointwise, ...branches] = branch;
    return asppV3(x, { pointwise, branches, pool, project }, { rates });
  }),
  'dense-aspp': block((x, { rates }, { layer }) => denseAspp(x, { layers: layer }, { rates })),
  'context-module': block(
    (x, { dilations }, { layer, final }) => contextModule(x, { layers: layer, final }, { rates: dilations }),
    'y',
    ({ dilations }) => ({
      receptiveFields: fieldsOf([
        ...dilations.map((dilationRate: number) => ({ kernelSize: 3, dilationRate })),
        { kernelSize: 1, dilationRate: 1 },
      ]),
    }),
  ),
  tcn: block(
    (x, { dilations }, { block }) =>
      tcn(
        x as unknown as tf.Tensor3D,
        { blocks: block.map(({ res, ...rest }: Nested) => ({ ...rest, residual: res })) },
        { rates: dilations },
      ),
    'y',
    ({ dilations, kernel }) => ({ receptiveField: lastField(dilations, kernel, 2) }),
  ),
  wavenet: block(
    (x, { dilations }, { input, layer }) =>
      waveNet(
        x as unknown as tf.Tensor3D,
        { input, layers: layer.map(({ res, ...rest }: Nested) => ({ ...rest, residual: res })) },
        { rates: dilations },
      ),
    'skip',
    ({ dilations, kernel }) => ({ receptiveField: lastField(dilations, kernel, 1) }),
  ),
  duc: block((x, { factor, order }, weights) => duc(x, weights, { factor, order })),
};
