/** Masked autoregressive flows in a line. */
import { checkInteger, checkOneOf, ShapeError } from '@tfkit/core';
import type { Bijector, EventShape } from '../bijector';
import type { AffineOptions } from '../bijectors/affineCoupling';
import { batchNorm } from '../bijectors/batchNorm';
import { chain } from '../combinators/chain';
import { Flow } from '../flow';
import { type FrontOptions, lineFront } from '../models/front';
import type { ModelOptions } from '../models/nice';
import type { Activation } from '../nets/net';
import { iafLayer, mafLayer } from './autoregressive';

export interface MafOptions extends ModelOptions, FrontOptions, Omit<AffineOptions, 'order'> {
  /** [features]. */
  readonly shape: EventShape;
  /** 'maf': the density in one pass; 'iaf': samples in one pass. Default 'maf'. */
  readonly kind?: 'maf' | 'iaf';
  /** Default 5. */
  readonly layers?: number;
  /** Units of each hidden layer of each masked network. Default [128, 128]. */
  readonly hidden?: readonly number[];
  /** Default 'relu'. */
  readonly activation?: Activation;
  /** Batch normalisation between the layers, as the paper has it. Default false. */
  readonly batchNorm?: boolean;
}

/**
 * MAF, or IAF, on vectors: affine autoregressive layers, the order of the entries reversed from one to the next.
 *
 * Parameters: 'layer<i>.net.<j>.kernel', '.bias' and '.mask', 'norm<i>.*', 'standardize.*'.
 * Source: Papamakarios, Pavlakou, Murray, Masked Autoregressive Flow, NeurIPS 2017 (arXiv:1705.07057); Kingma et al., IAF, 2016
 * (arXiv:1606.04934).
 * @throws ShapeError unless the shape is that of vectors; OptionError for a bad option.
 * @example
 * const flow = maf({ shape: [6], contextSize: 3, key: key(0) });
 */
export function maf(options: MafOptions): Flow {
  const name = 'maf';
  const {
    shape,
    kind = 'maf',
    layers: count = 5,
    hidden,
    activation,
    batchNorm: normalize = false,
  } = options;
  const { scaleMap, bound, key, contextSize, quantization } = options;
  if (shape?.length !== 1) {
    throw new ShapeError(`${name}: shape must be that of vectors, [features], got ${JSON.stringify(shape)}.`);
  }
  checkInteger([name, 'layers'], count, { min: 1 });
  checkOneOf([name, 'kind'], kind, ['maf', 'iaf']);
  const layers: Record<string, Bijector> = lineFront(name, options, shape[0]!);
  for (let i = 0; i < count; i++) {
    const layer = kind === 'maf' ? mafLayer : iafLayer;
    layers[`layer${i}`] = layer({
      order: i % 2 === 1 ? 'reverse' : 'natural',
      ...(hidden && { hidden }),
      ...(activation && { activation }),
      ...(scaleMap && { scaleMap }),
      ...(bound !== undefined && { bound }),
    });
    if (normalize && i < count - 1) layers[`norm${i}`] = batchNorm();
  }
  return new Flow({ bijector: chain(layers), shape, key, contextSize, quantization });
}
