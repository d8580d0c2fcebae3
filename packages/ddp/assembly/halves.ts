/**
 * float32 to 16 bits and back, for compressed gradients: rounded to nearest, ties to even. Encoding may be done in place
 * (`to` = `from`). The sums are taken in float32.
 */

function toBfloat16(value: f32): u32 {
  const bits = reinterpret<u32>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >> 16) | 0x40;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

function fromBfloat16(code: u32): f32 {
  return reinterpret<f32>(code << 16);
}

function toFloat16(value: f32): u32 {
  const sign = (reinterpret<u32>(value) >> 16) & 0x8000;
  let bits = reinterpret<u32>(value) & 0x7fffffff;
  if (bits >= 0x47800000) return sign | (bits > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (bits < 0x38800000) {
    // Below 2^-14: adding 0.5 moves the bits of the subnormal to the end of the mantissa, rounded by the addition.
    return sign | (reinterpret<u32>(reinterpret<f32>(bits) + <f32>0.5) - 0x3f000000);
  }
  bits += 0xc8000fff + ((bits >> 13) & 1);
  return sign | (bits >> 13);
}

function fromFloat16(code: u32): f32 {
  const sign = (code & 0x8000) << 16;
  let bits = (code & 0x7fff) << 13;
  const exponent = bits & 0x0f800000;
  bits += 0x38000000;
  if (exponent === 0x0f800000) bits += 0x38000000;
  else if (exponent === 0) {
    const subnormal = reinterpret<f32>(bits + 0x00800000) - reinterpret<f32>(0x38800000);
    bits = reinterpret<u32>(subnormal);
  }
  return reinterpret<f32>(bits | sign);
}

export function encodeBfloat16(to: usize, from: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count; i++)
    store<u16>(to + (i << 1), <u16>toBfloat16(load<f32>(from + (i << 2))));
}

export function encodeFloat16(to: usize, from: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count; i++)
    store<u16>(to + (i << 1), <u16>toFloat16(load<f32>(from + (i << 2))));
}

export function reduceBfloat16(
  out: usize,
  slots: usize,
  stride: usize,
  ranks: i32,
  count: i32,
  scale: f32,
): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    let from = slots + (i << 1);
    let sum: f32 = 0;
    for (let rank = 0; rank < ranks; rank++, from += stride) sum += fromBfloat16(load<u16>(from));
    store<f32>(out + (i << 2), sum * scale);
  }
}

export function reduceFloat16(
  out: usize,
  slots: usize,
  stride: usize,
  ranks: i32,
  count: i32,
  scale: f32,
): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    let from = slots + (i << 1);
    let sum: f32 = 0;
    for (let rank = 0; rank < ranks; rank++, from += stride) sum += fromFloat16(load<u16>(from));
    store<f32>(out + (i << 2), sum * scale);
  }
}
