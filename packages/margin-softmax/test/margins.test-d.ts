import type * as tf from '@tensorflow/tfjs-core';
import { expectTypeOf } from 'vitest';
import { adaCos, arcFace, cosFace, type Margin, type MarginLossOptions, marginLoss, subCenter } from '../src';

declare const x: tf.Tensor2D;
declare const w: tf.Tensor2D;

expectTypeOf(arcFace()).toEqualTypeOf<Margin>();
expectTypeOf(subCenter(cosFace(), 2)).toEqualTypeOf<Margin>();
expectTypeOf(marginLoss(x, w, [0], arcFace())).toEqualTypeOf<tf.Tensor>();
expectTypeOf<MarginLossOptions['reduction']>().toEqualTypeOf<'mean' | 'sum' | 'none' | undefined>();
// @ts-expect-error the rule is a closed list
arcFace({ pastPi: 'clamp' });
// @ts-expect-error an unknown option
cosFace({ margins: 0.3 });
// @ts-expect-error the number of classes sets the scale
adaCos({});
// @ts-expect-error a margin is no name
marginLoss(x, w, [0], 'arcFace');
