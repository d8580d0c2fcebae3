/** Reads a model and tells, layer by layer, what one output position sees of the input. */
import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import { coverageOf } from '../design/coverage';
import { follow, onlyItself, type Reads, type ReceptivePlan, union } from '../design/receptivePlan';
import type { HasReceptivePlan } from './block';

type Layer = layers.Layer;

/** One spatial axis of a layer's output. */
export interface AxisView {
  /** Input positions between the first and the last that one output depends on. */
  readonly receptiveField: number;
  /** Input positions between neighbouring outputs: the strides so far. */
  readonly stride: number;
  /** Share of the receptive field that is read; below 1 there is gridding. */
  readonly coverage: number;
  /** Positions of the receptive field that are not read, from 0 at the first. */
  readonly holes: readonly number[];
}

/** What one layer of a model sees of its input. */
export interface LayerView {
  readonly name: string;
  readonly className: string;
  /** One an axis, in the order of the shape; null where it cannot be told, or the layer has no spatial axes. */
  readonly axes: readonly AxisView[] | null;
  /** True where some path reads the whole input, as through global pooling; `axes` then tell of the other paths. */
  readonly global: boolean;
  /** Why `axes` is null. */
  readonly reason?: string;
}

type State = Reads | { readonly reason: string; readonly global: boolean };

/**
 * For each layer of a model its receptive field, stride and coverage holes on the model's input, exactly: as sets of
 * positions, through branches that meet.
 *
 * @param model a `tf.LayersModel` or `tf.Sequential` with one input of rank 3 to 5, channels last. Blocks of this package
 * are known; another custom layer can say what it reads with a method `receptivePlan()`.
 * @returns one entry a layer, in the model's order.
 * @example
 * for (const { name, axes } of analyzeModel(model)) console.log(name, axes?.[0]?.receptiveField, axes?.[0]?.coverage);
 */
export function analyzeModel(model: LayersModel): LayerView[] {
  const states = new Map<Layer, State>();
  for (const layer of inOrder(model)) states.set(layer, stateOf(layer, states));
  return model.layers.map((layer) => viewOf(layer, states.get(layer)!));
}

interface Node {
  readonly inboundLayers: Layer[];
  readonly inputShapes: (number | null)[][];
}

const nodeOf = (layer: Layer): Node | undefined =>
  (layer as unknown as { inboundNodes: Node[] }).inboundNodes[0];

/** Each layer after those that it reads. */
function inOrder(model: LayersModel): Layer[] {
  const order = new Set<Layer>();
  const visit = (layer: Layer) => {
    if (order.has(layer)) return;
    for (const parent of nodeOf(layer)?.inboundLayers ?? []) visit(parent);
    order.add(layer);
  };
  for (const layer of model.layers) visit(layer);
  return [...order];
}

function stateOf(layer: Layer, states: ReadonlyMap<Layer, State>): State {
  const node = nodeOf(layer);
  const parents = (node?.inboundLayers ?? []).map((parent) => states.get(parent)!);
  const global = parents.some((parent) => parent.global);
  if (parents.length === 0) return inputState(layer);
  const unknown = parents.find((parent) => 'reason' in parent);
  if (unknown) return { ...unknown, global };
  const sizes = (node?.inputShapes[0] ?? []).slice(1, -1);
  try {
    const met = union(parents as Reads[]);
    const plan = planOf(layer);
    if (plan === 'global' || met.axes.length === 0) return { axes: [], global: true };
    return follow(met, plan, sizes);
  } catch (error) {
    return { reason: (error as Error).message, global };
  }
}

/** A Sequential's first layer has an input of its own that is not among the layers' nodes, or is one. */
function inputState(layer: Layer): State {
  const shape = (layer as unknown as { batchInputShape?: (number | null)[] }).batchInputShape;
  const spatial = (shape?.length ?? 2) - 2;
  return { axes: new Array(Math.max(spatial, 0)).fill(onlyItself), global: spatial <= 0 };
}

function viewOf(layer: Layer, state: State): LayerView {
  const base = { name: layer.name, className: layer.getClassName(), global: state.global };
  if ('reason' in state) return { ...base, axes: null, reason: state.reason };
  if (state.axes.length === 0) return { ...base, axes: null, reason: 'reads the whole input' };
  return {
    ...base,
    axes: state.axes.map(({ read, jump }) => {
      const { receptiveField, fraction, holes } = coverageOf(read);
      return { receptiveField, stride: jump, coverage: fraction, holes };
    }),
  };
}

/** The fields of tfjs-layers' layers that say what they read. */
interface Configured {
  readonly kernelSize: readonly number[];
  readonly dilationRate: number | readonly number[];
  readonly strides: readonly number[];
  readonly padding: 'same' | 'valid' | 'causal';
  readonly poolSize: readonly number[];
  readonly size: readonly number[];
  readonly dataFormat?: string;
  readonly cropping: readonly (readonly [number, number])[];
}

const pointwise = new Set([
  ...['InputLayer', 'Activation', 'ReLU', 'LeakyReLU', 'PReLU', 'ELU', 'Softmax', 'ThresholdedReLU'],
  ...[
    'BatchNormalization',
    'Dropout',
    'SpatialDropout1D',
    'GaussianNoise',
    'GaussianDropout',
    'AlphaDropout',
  ],
  ...['Dense', 'Masking', 'Add', 'Average', 'Concatenate', 'Maximum', 'Minimum', 'Multiply'],
]);

function planOf(layer: Layer): ReceptivePlan {
  const own = layer as unknown as Partial<HasReceptivePlan>;
  if (own.receptivePlan) return own.receptivePlan();
  const name = layer.getClassName();
  const config = layer as unknown as Configured;
  if (pointwise.has(name)) return 'pointwise';
  if (/^Global|^Flatten$|^LayerNormalization$/.test(name)) return 'global';
  if (config.dataFormat === 'channelsFirst') throw new Error(`${name} has its channels first`);
  const { strides, padding } = config;
  if (/^(Separable|Depthwise)?Conv[123]D$/.test(name)) {
    const { kernelSize, dilationRate } = config;
    return { kind: 'window', kernelSize, dilationRate, strides, padding };
  }
  if (/^(Max|Average)Pooling[123]D$/.test(name)) {
    return { kind: 'window', kernelSize: config.poolSize, strides, padding };
  }
  if (name === 'UpSampling2D') return { kind: 'upsample', factor: config.size };
  if (name === 'ZeroPadding2D') {
    const zeros = (layer.getConfig() as { padding: [number, number][] }).padding;
    return { kind: 'shift', by: zeros.map(([before]) => -before) };
  }
  if (name === 'Cropping2D') return { kind: 'shift', by: config.cropping.map(([before]) => before) };
  throw new Error(`what ${name} reads is not known`);
}
