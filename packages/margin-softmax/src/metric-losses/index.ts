/** Losses on pairs, triplets, centres and norms; logits without a margin; enrolling classes after training. */
export {};
