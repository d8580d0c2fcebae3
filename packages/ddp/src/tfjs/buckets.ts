/** How gradients lie in the shared buffer, and which of them are reduced together. */

export interface Bucket {
  /** In elements of the buffer; a multiple of 16. */
  readonly start: number;
  readonly count: number;
  /** Indices of variables. */
  readonly members: readonly number[];
}

export interface BucketLayout {
  /** Where the gradient of each variable begins, in elements. */
  readonly offsets: Int32Array;
  readonly buckets: readonly Bucket[];
  /** Elements of the buffer. */
  readonly length: number;
}

/** 64 bytes: TensorFlow takes aligned memory as it is, and copies other. */
const alignment = 16;

const padded = (size: number) => Math.ceil(size / alignment) * alignment;

/**
 * Buckets of at most `bucketBytes`, the first of at most `firstBucketBytes` so that communication starts early. A larger
 * variable has a bucket of its own.
 *
 * @param sizes elements of each variable.
 * @param order indices of variables in the order in which their gradients come.
 */
export function layoutBuckets(
  sizes: readonly number[],
  order: ArrayLike<number>,
  { bucketBytes, firstBucketBytes }: { bucketBytes: number; firstBucketBytes: number },
): BucketLayout {
  const offsets = new Int32Array(sizes.length);
  const buckets: Bucket[] = [];
  let members: number[] = [];
  let start = 0;
  let end = 0;
  const close = () => {
    if (members.length > 0) buckets.push({ start, count: end - start, members });
    members = [];
    start = end;
  };
  for (const index of Array.from(order)) {
    const cap = (buckets.length === 0 ? firstBucketBytes : bucketBytes) / 4;
    const size = padded(sizes[index]!);
    if (members.length > 0 && end - start + size > cap) close();
    offsets[index] = end;
    members.push(index);
    end += size;
  }
  close();
  return { offsets, buckets, length: end };
}
