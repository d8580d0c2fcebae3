/** The heads on plain arrays behind a backbone that runs in ONNX Runtime, against PyTorch with the same weights. */
import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web';
import { expect, it } from 'vitest';
import * as typed from '../src/typed';
import expected from './onnx/expected.json';

it.each(expected.cases)(
  'a backbone in ONNX Runtime and heads behind it, image $image.dims',
  async (given) => {
    const file = await readFile(new URL('onnx/backbone.onnx', import.meta.url));
    const backbone = await ort.InferenceSession.create(new Uint8Array(file));
    const image = new ort.Tensor('float32', Float32Array.from(given.image.data), given.image.dims);
    const { features } = (await backbone.run({ image })) as { features: ort.TypedTensor<'float32'> };
    const weights = expected.branches.map(({ kernel, bias }) => ({
      kernel: Float32Array.from(kernel),
      bias: Float32Array.from(bias),
    }));
    const map = { data: features!.data as Float32Array, dims: features!.dims };
    const tolerance = { rtol: 1e-5, atol: 1e-5 };
    const compare = ({ data, dims }: typed.TypedMap, { data: values, dims: shape }: typeof given.head) =>
      expect({ shape: dims, data }).toBeAllclose({ shape, data: values }, tolerance);
    const head = typed.pyramidPoolingModule(map, weights, { bins: expected.bins });
    compare(head, given.head);
    compare(typed.spatialPyramidPool(map), given.pyramid);
    // Results go back into ONNX Runtime as they are.
    expect(new ort.Tensor('float32', head.data, head.dims).dims).toEqual(given.head.dims);
    await backbone.release();
  },
);
