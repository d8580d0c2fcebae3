/** Margin-softmax losses: every method is data, one engine runs them. */
export { type MarginLossOptions, marginLoss } from './engine/marginLoss';
export type { Margin } from './margins/margin';
