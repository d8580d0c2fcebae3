/** The kernels of the arena: elementwise reductions over the slots of all ranks. Memory is imported and holds all data. */
export { encodeBfloat16, encodeFloat16, reduceBfloat16, reduceFloat16 } from './halves';
export { reduce } from './reduce';
