/**
 * A fixed order of `0` up to `size` that looks like none: slot numbers lead to indices by steps of
 * about the golden ratio of the size. Every index comes up once.
 */
export function createScatter(size: number): (slot: number) => number {
  let step = Math.max(1, Math.floor(size * 0.6180339887));
  while (greatestCommonDivisor(step, size) > 1) step += 1;
  const offset = Math.floor(size / 3);
  return (slot) => (offset + slot * step) % size;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
