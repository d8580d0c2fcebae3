/** One integration of an initial value problem: the state, each item's time and step, and the dense output. */
import { ValueError } from '@tfkit/core';
import type { Arithmetic, Tolerance } from './arithmetic';
import type { Field, OdeSolution } from './ode';
import type { Embedded, Tableau } from './tableaus';

/** One run: the state and each item's time. */
export class Integration<V> {
  readonly #field: Field<V>;
  readonly #items: number;
  readonly #from: number;
  readonly #to: number;
  readonly #on: Arithmetic<V>;
  readonly #signal: AbortSignal | undefined;
  readonly #times: Float64Array;
  #parts: readonly V[];
  #slopes: (readonly V[])[] = [];
  #dense: (readonly V[] | undefined)[] = [];
  #owned = false;
  #calls = 0;
  #accepted = 0;
  #rejected = 0;

  constructor(
    field: Field<V>,
    parts: readonly V[],
    items: number,
    from: number,
    to: number,
    on: Arithmetic<V>,
    signal: AbortSignal | undefined,
  ) {
    this.#field = field;
    this.#parts = parts;
    this.#items = items;
    this.#from = from;
    this.#to = to;
    this.#on = on;
    this.#signal = signal;
    this.#times = new Float64Array(items).fill(from);
  }

  finish(): OdeSolution<V> {
    this.#freeSlopes();
    if (!this.#owned) this.#become(this.#copy());
    return {
      ...{ parts: this.#parts, dense: this.#dense.map((parts) => parts!) },
      ...{ calls: this.#calls, accepted: this.#accepted, rejected: this.#rejected },
    };
  }

  abandon(): void {
    if (this.#owned) this.#on.free(...this.#parts);
    this.#freeSlopes();
    for (const parts of this.#dense) if (parts) this.#on.free(...parts);
  }

  /** Equal steps. */
  async march(tableau: Tableau, steps: number): Promise<void> {
    const h = (this.#to - this.#from) / steps;
    const all = new Float64Array(this.#items).fill(h);
    for (let n = 0; n < steps; n++) {
      this.#times.fill(this.#from + n * h);
      await this.#stages(tableau, all);
      const next = this.#moved(all, tableau.weights);
      this.#freeSlopes();
      this.#become(next);
      this.#accepted++;
    }
  }

  /** Steps that follow the error. An item that has arrived takes steps of length 0. */
  async adapt(
    tableau: Tableau,
    embedded: Embedded,
    tolerance: Tolerance,
    control: 'item' | 'batch',
    outputs: readonly number[],
    maxSteps: number,
  ): Promise<void> {
    const times = this.#times;
    const [to, direction] = [this.#to, Math.sign(this.#to - this.#from)];
    this.#dense = outputs.map((time) => (time === this.#from ? this.#copy() : undefined));
    if (direction === 0) return;
    const wanted = await this.#firstSteps(tableau, tolerance, control);
    const rejectedBefore = new Uint8Array(this.#items);
    for (let n = 0; times.some((time) => time !== to); n++) {
      if (n === maxSteps) {
        throw new ValueError(`solveOde: maxSteps must be enough for the tolerance, got ${maxSteps}.`);
      }
      const steps = wanted.map((h, item) => direction * Math.min(h, Math.abs(to - times[item]!)));
      await this.#stages(tableau, steps);
      const next = this.#moved(steps, tableau.weights);
      // A step of length 0 asks again where it is.
      const ends = times.map((time, item) =>
        Math.abs(steps[item]!) === Math.abs(to - time) ? to : time + steps[item]!,
      );
      this.#slopes.push(await this.#call(next, ends));
      const errors = await this.#errors(embedded, steps, next, tolerance, control);
      const accepted = new Uint8Array(this.#items);
      for (let item = 0; item < this.#items; item++) {
        const error = errors[item]!;
        if (Number.isNaN(error)) {
          this.#on.free(...next);
          throw new ValueError(
            `solveOde: field must be finite, got a NaN or an infinity in item ${item} near time ${times[item]}.`,
          );
        }
        accepted[item] = error <= 1 ? 1 : 0;
        if (times[item] === to) continue;
        const grown = error === 0 ? 10 : Math.min(10, Math.max(0.2, 0.9 * error ** (-1 / embedded.exponent)));
        wanted[item] =
          Math.abs(steps[item]!) * (rejectedBefore[item] || !accepted[item] ? Math.min(1, grown) : grown);
        rejectedBefore[item] = accepted[item] ? 0 : 1;
      }
      await this.#densify(tableau, embedded, outputs, steps, ends, accepted);
      this.#advance(next, ends, accepted);
    }
  }

  /** Accepted items move on; the slope at the new point is the first of the next step. */
  #advance(next: readonly V[], ends: Float64Array, accepted: Uint8Array): void {
    const on = this.#on;
    if (accepted.includes(1)) this.#accepted++;
    if (accepted.includes(0)) this.#rejected++;
    const last = this.#slopes.pop()!;
    const [first, ...others] = this.#slopes;
    for (const slopes of others) on.free(...slopes);
    if (!accepted.includes(0)) {
      on.free(...first!);
      this.#slopes = [last];
      this.#become(next);
    } else {
      this.#slopes = [first!.map((old, k) => on.choose(accepted, last[k]!, old))];
      const chosen = this.#parts.map((old, k) => on.choose(accepted, next[k]!, old));
      on.free(...first!, ...last, ...next);
      this.#become(chosen);
    }
    for (const [item, flag] of accepted.entries()) if (flag) this.#times[item] = ends[item]!;
  }

  /** Fills `#slopes` up to the tableau's number of stages; what is there already is kept. */
  async #stages(
    { nodes, stages }: Pick<Tableau, 'nodes' | 'stages'>,
    steps: Float64Array,
    offset = 0,
  ): Promise<void> {
    for (let i = Math.max(0, this.#slopes.length - offset); i < nodes.length; i++) {
      const times = this.#times.map((time, item) => time + nodes[i]! * steps[item]!);
      const zero = stages[i]!.length === 0;
      const at = zero ? this.#parts : this.#moved(steps, stages[i]!);
      try {
        this.#slopes.push(await this.#call(at, times));
      } finally {
        if (!zero) this.#on.free(...at);
      }
    }
  }

  async #call(parts: readonly V[], times: Float64Array): Promise<readonly V[]> {
    this.#signal?.throwIfAborted();
    this.#calls++;
    return this.#field(parts, times);
  }

  #moved(steps: Float64Array, weights: readonly number[]): readonly V[] {
    const used = weights.map((_, j) => j).filter((j) => weights[j] !== 0);
    return this.#parts.map((part, k) =>
      this.#on.step(
        part,
        steps,
        used.map((j) => weights[j]!),
        used.map((j) => this.#slopes[j]![k]!),
      ),
    );
  }

  /** Per item the largest error of its parts, or for all the RMS of them. */
  async #errors(
    { errors, combine }: Embedded,
    steps: Float64Array,
    next: readonly V[],
    tolerance: Tolerance,
    control: 'item' | 'batch',
  ): Promise<Float64Array> {
    const worst = new Float64Array(this.#items);
    for (const [k, before] of this.#parts.entries()) {
      const slopes = this.#slopes.map((all) => all[k]!);
      const norms = [];
      for (const weights of errors) {
        norms.push(await this.#on.errors(steps, weights, slopes, { before, after: next[k]!, tolerance }));
      }
      for (let item = 0; item < this.#items; item++) {
        // max keeps a NaN.
        worst[item] = Math.max(worst[item]!, combine(norms.map((norm) => norm[item]!)));
      }
    }
    if (control === 'item') return worst;
    const mean = Math.sqrt(worst.reduce((sum, error) => sum + error ** 2, 0) / this.#items);
    return worst.fill(mean);
  }

  /** The first step of each item, from the sizes of x, x' and x'' (Hairer et al., II.4). */
  async #firstSteps(
    tableau: Tableau,
    tolerance: Tolerance,
    control: 'item' | 'batch',
  ): Promise<Float64Array> {
    const [items, span] = [this.#items, Math.abs(this.#to - this.#from)];
    const one = new Float64Array(items).fill(1);
    this.#slopes = [await this.#call(this.#parts, this.#times)];
    const sizeOf = async (values: readonly V[], weights: readonly number[], more: readonly V[] = []) => {
      const largest = new Float64Array(items);
      for (const [k, before] of this.#parts.entries()) {
        const slopes = more.length ? [values[k]!, more[k]!] : [values[k]!];
        const norms = await this.#on.errors(one, weights, slopes, { before, after: before, tolerance });
        for (let item = 0; item < items; item++) largest[item] = Math.max(largest[item]!, norms[item]!);
      }
      return largest;
    };
    const [slope] = this.#slopes as [readonly V[]];
    const d0 = await sizeOf(this.#parts, [1]);
    const d1 = await sizeOf(slope, [1]);
    const trial = d0.map((size, item) =>
      Math.min(span, size < 1e-5 || d1[item]! < 1e-5 ? 1e-6 : (0.01 * size) / d1[item]!),
    );
    const direction = Math.sign(this.#to - this.#from);
    const signed = trial.map((h) => direction * h);
    const moved = this.#moved(signed, [1]);
    const there = await this.#call(
      moved,
      this.#times.map((time, item) => time + signed[item]!),
    );
    const d2 = await sizeOf(there, [1, -1], slope);
    this.#on.free(...moved, ...there);
    const chosen = trial.map((h, item) => {
      const largest = Math.max(d1[item]!, d2[item]! / h);
      const next = largest <= 1e-15 ? Math.max(1e-6, h * 1e-3) : (0.01 / largest) ** (1 / tableau.order);
      return Math.min(span, 100 * h, next);
    });
    return control === 'item' ? chosen : chosen.fill(Math.min(...chosen));
  }

  /** Dense output for the items that pass a wanted time with this step. */
  async #densify(
    tableau: Tableau,
    { extra, interpolant }: Embedded,
    outputs: readonly number[],
    steps: Float64Array,
    ends: Float64Array,
    accepted: Uint8Array,
  ): Promise<void> {
    const on = this.#on;
    const passes = (time: number) =>
      steps.map((h, item) => {
        const theta = h === 0 ? 0 : (time - this.#times[item]!) / h;
        return accepted[item] && theta > 0 && (theta <= 1 || time === ends[item]) ? Math.min(1, theta) : 0;
      });
    const passing = outputs.map(passes);
    if (!passing.some((thetas) => thetas.some((theta) => theta > 0))) return;
    const before = this.#slopes.length;
    if (extra) await this.#stages(extra, steps, tableau.nodes.length + 1);
    for (const [n, thetas] of passing.entries()) {
      if (!thetas.some((theta) => theta > 0)) continue;
      const weights = Array.from(thetas, interpolant);
      const coefficients = this.#slopes.map((_, j) => steps.map((h, item) => h * weights[item]![j]!));
      const reached = this.#parts.map((part, k) =>
        on.combine([1, ...coefficients], [part, ...this.#slopes.map((all) => all[k]!)]),
      );
      const known = this.#dense[n];
      this.#dense[n] = known ? reached.map((value, k) => on.choose(thetas, value, known[k]!)) : reached;
      if (known) on.free(...reached, ...known);
    }
    for (const slopes of this.#slopes.splice(before)) on.free(...slopes);
  }

  #copy(): readonly V[] {
    return this.#parts.map((part) => this.#on.combine([1], [part]));
  }

  #become(parts: readonly V[]): void {
    if (this.#owned) this.#on.free(...this.#parts);
    this.#parts = parts;
    this.#owned = true;
  }

  #freeSlopes(): void {
    for (const slopes of this.#slopes.splice(0)) this.#on.free(...slopes);
  }
}
