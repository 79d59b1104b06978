/** The most moments that any sliding second holds: [t, t + 1000). */
export function mostInAnySecond(moments: readonly number[]): number {
  const sorted = moments.toSorted((a, b) => a - b);
  let most = 0;
  let first = 0;
  sorted.forEach((moment, i) => {
    while (moment - (sorted[first] ?? moment) >= 1_000) first += 1;
    most = Math.max(most, i - first + 1);
  });
  return most;
}
