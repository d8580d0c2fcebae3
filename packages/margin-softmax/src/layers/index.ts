/** Heads as tf.layers layers. */
export {};
