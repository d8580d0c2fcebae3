/** The kernels of the wasm backend. Memory is imported: it is tfjs' own, and holds all data. */
export { binMax, gather, scatter } from './binMax';
export { keyMax } from './keyMax';
export { separable, separableBackprop } from './separable';
export { slidingMax } from './slidingMax';
