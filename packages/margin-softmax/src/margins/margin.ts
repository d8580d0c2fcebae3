/** The contract of a method: what becomes of the logit of the true class, and of the others. */
export interface Margin {
  /** The method's name, as the factory function is called. */
  readonly name: string;
  /** s: what cosines are multiplied by. */
  readonly scale: number;
}
