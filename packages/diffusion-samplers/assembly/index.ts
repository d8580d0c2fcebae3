/** Linear combinations of float32 arrays. Memory is imported. */

/** Bytes of each operand that are worked on at a time: a handful of tiles fit the first-level cache. */
const tile: usize = 4096;

function term(c: v128, x: usize, offset: usize): v128 {
  return f32x4.mul(c, v128.load(x + offset));
}

function two(c: v128, x: usize, d: v128, y: usize, offset: usize): v128 {
  return f32x4.add(term(c, x, offset), term(d, y, offset));
}

function three(c: v128, x: usize, d: v128, y: usize, e: v128, z: usize, offset: usize): v128 {
  return f32x4.add(two(c, x, d, y, offset), term(e, z, offset));
}

/** Writes 32 bytes. @returns zeros, unless a NaN or an infinity is among them. */
function write(out: usize, low: v128, high: v128): v128 {
  v128.store(out, low);
  v128.store(out, high, 16);
  return f32x4.mul(f32x4.add(low, high), f32x4.splat(0));
}

/**
 * Runs `combines` programs, tile by tile: each is [count, out, (pointer, coefficient) x count], 32 bits a word, and
 * writes sum coefficient * [pointer], summed in that order. There are two terms or more; `out` may be one of the first three
 * pointers. All arrays have `bytes` bytes, a multiple of 32.
 *
 * @returns whether a result was a NaN or an infinity.
 */
export function run(program: usize, combines: i32, bytes: usize): bool {
  let check = f32x4.splat(0);
  for (let start: usize = 0; start < bytes; start += tile) {
    const end = min<usize>(start + tile, bytes);
    let at = program;
    for (let i = 0; i < combines; i++) {
      const last = at + 8 + ((<usize>load<u32>(at)) << 3);
      const out = <usize>load<u32>(at, 4);
      const x = <usize>load<u32>(at, 8);
      const y = <usize>load<u32>(at, 16);
      const c = v128.load32_splat(at, 12);
      const d = v128.load32_splat(at, 20);
      at += 24;
      if (at === last) {
        for (let k = start; k < end; k += 32) {
          check = f32x4.add(check, write(out + k, two(c, x + k, d, y + k, 0), two(c, x + k, d, y + k, 16)));
        }
        continue;
      }
      const z = <usize>load<u32>(at);
      const e = v128.load32_splat(at, 4);
      for (let k = start; k < end; k += 32) {
        check = f32x4.add(
          check,
          write(out + k, three(c, x + k, d, y + k, e, z + k, 0), three(c, x + k, d, y + k, e, z + k, 16)),
        );
      }
      for (at += 8; at < last; at += 8) {
        const more = <usize>load<u32>(at);
        const f = v128.load32_splat(at, 4);
        const one = f32x4.splat(1);
        for (let k = start; k < end; k += 32) {
          check = f32x4.add(
            check,
            write(out + k, two(one, out + k, f, more + k, 0), two(one, out + k, f, more + k, 16)),
          );
        }
      }
    }
  }
  return v128.any_true(f32x4.ne(check, check));
}
