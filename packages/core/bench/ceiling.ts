/** What the machine's 128-bit wasm arithmetic can do at most: multiply-adds on registers, no memory. */
import { compileAssembly } from '../scripts/wasm-kernels';

const source = `
export function run(steps: i32): f32 {
  const x = f32x4.splat(0.999);
  const y = f32x4.splat(0.001);
  let a = f32x4.splat(1), b = f32x4.splat(2), c = f32x4.splat(3), d = f32x4.splat(4);
  let e = f32x4.splat(5), f = f32x4.splat(6), g = f32x4.splat(7), h = f32x4.splat(8);
  for (let i = 0; i < steps; i++) {
    a = f32x4.add(f32x4.mul(a, x), y); b = f32x4.add(f32x4.mul(b, x), y);
    c = f32x4.add(f32x4.mul(c, x), y); d = f32x4.add(f32x4.mul(d, x), y);
    e = f32x4.add(f32x4.mul(e, x), y); f = f32x4.add(f32x4.mul(f, x), y);
    g = f32x4.add(f32x4.mul(g, x), y); h = f32x4.add(f32x4.mul(h, x), y);
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return f32x4.extract_lane(sum, 0);
}`;

const steps = 2e6;

/** A function that runs once for some milliseconds, and the floating-point operations that it does, in 1e9. */
export async function registerArithmetic(): Promise<{ run: () => void; gflop: number }> {
  const code = await compileAssembly('ceiling.ts', ['--enable', 'simd'], (name) =>
    name === 'ceiling.ts' ? source : null,
  );
  const { instance } = await WebAssembly.instantiate(Buffer.from(code, 'base64'), {});
  const run = instance.exports.run as (steps: number) => number;
  return { run: () => void run(steps), gflop: (steps * 8 * 8) / 1e9 };
}
