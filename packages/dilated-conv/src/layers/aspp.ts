/** `asppV2`, `asppV3` and `asppV3Plus` as a layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Shape } from '@tensorflow/tfjs-layers';
import { checkInteger, checkOneOf } from '@tfkit/core';
import { asppV2, asppV3, asppV3Plus } from '../blocks/aspp';
import { checkRates } from '../design/receptiveField';
import type { ReceptivePlan } from '../design/receptivePlan';
import { BlockLayer, type BlockLayerArgs, sameWindow, withChannels } from './block';

/** Which paper's ASPP: DeepLab v2, v3, or v3+ with separable convolutions. */
export type AsppVersion = 'v2' | 'v3' | 'v3+';

export interface AsppArgs extends BlockLayerArgs {
  /** Channels of every branch, and of the output. */
  readonly filters: number;
  /** Default 'v3'. */
  readonly version?: AsppVersion;
  /** Default v2: [6, 12, 18, 24]; v3 and v3+: [6, 12, 18]. */
  readonly rates?: readonly number[];
  /** The image's mean as a branch; v3 and v3+ only. Default true. */
  readonly imagePooling?: boolean;
}

/** Atrous spatial pyramid pooling: see `asppV2`, `asppV3`, `asppV3Plus`. [batch, h, w, c] to [batch, h, w, filters]. */
export class Aspp extends BlockLayer {
  static readonly className = 'DilatedConvAspp';
  private readonly filters: number;
  private readonly version: AsppVersion;
  private readonly rates: readonly number[];
  private readonly imagePooling: boolean;
  private apply4d: (x: tf.Tensor4D) => tf.Tensor4D = (x) => x;

  constructor(args: AsppArgs) {
    super(args);
    const { filters, version = 'v3', imagePooling = true } = args;
    const { rates = version === 'v2' ? [6, 12, 18, 24] : [6, 12, 18] } = args;
    checkInteger(['Aspp', 'filters'], filters, { min: 1 });
    checkOneOf(['Aspp', 'version'], version, ['v2', 'v3', 'v3+']);
    checkRates('Aspp', rates, 3);
    this.filters = filters;
    this.version = version;
    this.rates = rates;
    this.imagePooling = imagePooling;
  }

  protected override buildFor(channels: number): void {
    const { filters, rates } = this;
    if (this.version === 'v2') {
      const branches = rates.map((_, i) => this.addConv(`branch${i}`, [3, 3, channels, filters]));
      this.apply4d = (x) => asppV2(x, { branches: branches.map((read) => read()) }, { rates });
      return;
    }
    const pointwise = this.addConv('pointwise', [1, 1, channels, filters]);
    const run = this.version === 'v3' ? this.denseBranches(channels) : this.separableBranches(channels);
    const pool = this.imagePooling ? this.addConv('pool', [1, 1, channels, filters]) : undefined;
    const joined = filters * (1 + rates.length + (pool ? 1 : 0));
    const project = this.addConv('project', [1, 1, joined, filters]);
    this.apply4d = (x) => run(x, { pointwise: pointwise(), pool: pool?.(), project: project() });
  }

  private denseBranches(channels: number) {
    const { filters, rates } = this;
    const branches = rates.map((_, i) => this.addConv(`branch${i}`, [3, 3, channels, filters]));
    return (x: tf.Tensor4D, rest: Omit<Parameters<typeof asppV3>[1], 'branches'>) =>
      asppV3(x, { ...rest, branches: branches.map((read) => read()) }, { rates });
  }

  private separableBranches(channels: number) {
    const { filters, rates } = this;
    const branches = rates.map((_, i) => {
      const depthwise = this.addKernel<tf.Tensor4D>(`branch${i}/depthwise`, [3, 3, channels, 1]);
      const pointwise = this.addConv(`branch${i}`, [1, 1, channels, filters]);
      return () => {
        const { kernel, bias } = pointwise();
        return { depthwise: depthwise(), pointwise: kernel, bias };
      };
    });
    return (x: tf.Tensor4D, rest: Omit<Parameters<typeof asppV3Plus>[1], 'branches'>) =>
      asppV3Plus(x, { ...rest, branches: branches.map((read) => read()) }, { rates });
  }

  protected override run(x: tf.Tensor): tf.Tensor {
    return this.apply4d(x as tf.Tensor4D);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return withChannels(inputShape, this.filters);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, version, rates, imagePooling } = this;
    return { ...super.getConfig(), filters, version, rates: [...rates], imagePooling };
  }

  override receptivePlan(): ReceptivePlan {
    const branches = this.rates.map((rate) => sameWindow(3, rate));
    if (this.version === 'v2') return { kind: 'branches', parts: branches };
    return {
      kind: 'branches',
      parts: ['pointwise', ...branches, ...(this.imagePooling ? (['global'] as const) : [])],
    };
  }
}
