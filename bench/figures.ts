/** Prints what a benchmark measured, a line each. */
export function printFigures(name: string, figures: Readonly<Record<string, number>>): void {
  const width = Math.max(...Object.keys(figures).map((label) => label.length));
  const lines = Object.entries(figures).map(
    ([label, value]) => `  ${label.padEnd(width)}  ${Number(value.toFixed(3))}`,
  );
  console.log(`${name}\n${lines.join('\n')}`);
}
