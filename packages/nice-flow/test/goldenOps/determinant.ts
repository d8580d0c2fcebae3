/** A sign that no layer tells. */

/** The sign of a small determinant, by elimination. */
export function signOf(matrix: ArrayLike<number>, size: number): number {
  if (size === 1) return Math.sign(matrix[0]!);
  let sum = 0;
  for (let column = 0; column < size; column++) {
    const minor = Array.from({ length: (size - 1) ** 2 }, (_, at) => {
      const [row, rest] = [Math.floor(at / (size - 1)), at % (size - 1)];
      return matrix[(row + 1) * size + rest + (rest >= column ? 1 : 0)]!;
    });
    sum += (column % 2 === 0 ? 1 : -1) * matrix[column]! * determinant(minor, size - 1);
  }
  return Math.sign(sum);
}

function determinant(matrix: number[], size: number): number {
  if (size === 1) return matrix[0]!;
  return matrix.slice(0, size).reduce((sum, value, column) => {
    const minor = matrix.slice(size).filter((_, at) => at % size !== column);
    return sum + (column % 2 === 0 ? 1 : -1) * value * determinant(minor, size - 1);
  }, 0);
}
