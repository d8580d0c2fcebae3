/** Autoregressive layers on masked networks. */
export {
  type AutoregressiveOptions,
  autoregressive,
  iafLayer,
  type MaskedAffineOptions,
  mafLayer,
} from './autoregressive';
export { type MadeOptions, made } from './made';
export { type MafOptions, maf } from './maf';
