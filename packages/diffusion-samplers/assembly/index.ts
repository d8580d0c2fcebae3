/** Linear combinations of float32 arrays. Memory is imported. */

/** Bytes of each operand that are worked on at a time: a handful of tiles fit the first-level cache. */
const tile: usize = 4096;

/**
 * Runs `combines` programs, tile by tile: each is [count, out, (pointer, coefficient) x count], 32 bits a word, and
 * writes sum coefficient * [pointer]. All arrays have `bytes` bytes, a multiple of 128.
 *
 * @returns 0 if every result was finite, else NaN.
 */
export function run(program: usize, combines: i32, bytes: usize): f32 {
  let check = f32x4.splat(0);
  for (let start: usize = 0; start < bytes; start += tile) {
    const end = min<usize>(start + tile, bytes);
    let at = program;
    for (let i = 0; i < combines; i++) {
      const terms = at + 8;
      const last = terms + ((<usize>load<u32>(at)) << 3);
      const out = <usize>load<u32>(at, 4);
      for (let k = start; k < end; k += 128) {
        let s0 = f32x4.splat(0);
        let s1 = s0;
        let s2 = s0;
        let s3 = s0;
        let s4 = s0;
        let s5 = s0;
        let s6 = s0;
        let s7 = s0;
        for (let t = terms; t < last; t += 8) {
          const p = <usize>load<u32>(t) + k;
          const c = v128.load32_splat(t, 4);
          s0 = f32x4.add(s0, f32x4.mul(c, v128.load(p)));
          s1 = f32x4.add(s1, f32x4.mul(c, v128.load(p, 16)));
          s2 = f32x4.add(s2, f32x4.mul(c, v128.load(p, 32)));
          s3 = f32x4.add(s3, f32x4.mul(c, v128.load(p, 48)));
          s4 = f32x4.add(s4, f32x4.mul(c, v128.load(p, 64)));
          s5 = f32x4.add(s5, f32x4.mul(c, v128.load(p, 80)));
          s6 = f32x4.add(s6, f32x4.mul(c, v128.load(p, 96)));
          s7 = f32x4.add(s7, f32x4.mul(c, v128.load(p, 112)));
        }
        v128.store(out + k, s0);
        v128.store(out + k, s1, 16);
        v128.store(out + k, s2, 32);
        v128.store(out + k, s3, 48);
        v128.store(out + k, s4, 64);
        v128.store(out + k, s5, 80);
        v128.store(out + k, s6, 96);
        v128.store(out + k, s7, 112);
        // A sum of zeros, unless a NaN or an infinity is among them.
        s0 = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
        s4 = f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7));
        check = f32x4.add(check, f32x4.mul(f32x4.add(s0, s4), f32x4.splat(0)));
      }
      at = last;
    }
  }
  return (
    f32x4.extract_lane(check, 0) +
    f32x4.extract_lane(check, 1) +
    f32x4.extract_lane(check, 2) +
    f32x4.extract_lane(check, 3)
  );
}
