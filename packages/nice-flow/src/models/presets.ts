/** The settings of the papers' models. Figures not in a paper's text are from its published program, and said to be. */
import type { Quantization } from '../quantization';

/** Optimizer settings that a paper reports. */
export interface TrainingSettings {
  readonly batchSize: number;
  /** Adam's numbers. */
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly epochs?: number;
}

/**
 * Of NICE, section 5.1, in today's terms: the paper's beta2 = 0.01 is read as Adam's first edition (arXiv:1412.6980v1) has it,
 * the weight of the new squared gradient, so that the decay is 0.99. Taken as the decay, 0.01 diverges within 25 steps on MNIST.
 * The paper's whitening of TFD, SVHN and CIFAR-10 is left to you: its log-determinant would have to be counted.
 */
const niceTraining: TrainingSettings = {
  batchSize: 200,
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-4,
  epochs: 1500,
};

const unit: Quantization = { levels: 256, range: [0, 1] };
const symmetric: Quantization = { levels: 256, range: [-1, 1] };

const nice = (
  features: number,
  layers: number,
  units: number,
  base: 'logistic' | 'gaussian',
  quantization: Quantization,
) => ({
  shape: [features],
  couplings: 4,
  hidden: Array.from({ length: layers }, () => units),
  base,
  quantization,
  training: niceTraining,
});

/**
 * NICE's four models. 5 hidden layers of 1000 units for MNIST, 4 of 5000 for TFD, 4 of 2000 for SVHN and CIFAR-10. The
 * batch size is not in the paper; 200 is that of its program.
 */
export const nicePresets = {
  mnist: nice(784, 5, 1000, 'logistic', unit),
  tfd: nice(2304, 4, 5000, 'gaussian', unit),
  svhn: nice(3072, 4, 2000, 'logistic', unit),
  cifar10: nice(3072, 4, 2000, 'logistic', symmetric),
} as const;

const adamDefaults = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

const realNVP = (side: number, scales: number, channels: number, blocks: number) => ({
  shape: [side, side, 3],
  scales,
  channels,
  blocks,
  alpha: 0.05,
  quantization: unit,
  training: { batchSize: 64, ...adamDefaults } as TrainingSettings,
});

/**
 * RealNVP, section 4.1: scales down to 4x4, but one alone for CIFAR-10. The logit is that of its program,
 * alpha + (1 - 2 alpha) x, which unlike the text's is finite at both ends. Left out: the batch and weight normalisation inside
 * the nets, and the penalty on weights.
 */
export const realNVPPresets = {
  cifar10: realNVP(32, 2, 64, 8),
  imagenet32: realNVP(32, 4, 32, 4),
  imagenet64: realNVP(64, 5, 32, 2),
} as const;

const glow = (side: number, levels: number, steps: number, batchSize: number) => ({
  shape: [side, side, 3],
  levels,
  steps,
  channels: 512,
  coupling: 'affine' as 'affine' | 'additive',
  quantization: { levels: 256, range: [-0.5, 0.5] as [number, number] },
  training: { batchSize, ...adamDefaults } as TrainingSettings,
});

/** Glow, the appendix's table of hyperparameters (5-bit images for CelebA-HQ); hidden channels are 512 throughout. */
export const glowPresets = {
  cifar10: glow(32, 3, 32, 512),
  imagenet32: glow(32, 3, 48, 512),
  imagenet64: glow(64, 4, 48, 128),
  celebahq256: {
    ...glow(256, 6, 32, 40),
    coupling: 'additive',
    quantization: { levels: 32, range: [-0.5, 0.5] as [number, number] },
  },
} as const;
