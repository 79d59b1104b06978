import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Machine, machine } from './machine.ts';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

/** What one case of a benchmark measured; a string for what is not a number. */
export type Figures = Readonly<Record<string, number | string>>;

/** A benchmark's figures as they are kept: those of one run, on one machine. */
export interface Result {
  readonly name: string;
  readonly machine: Machine;
  /** By case, in the order they were measured. */
  readonly cases: Readonly<Record<string, Figures>>;
}

/**
 * Prints what a benchmark measured, a column for each case, and keeps it as `bench/results/NAME.json`.
 */
export async function report(
  name: string,
  cases: Readonly<Record<string, Figures>>,
): Promise<void> {
  const result: Result = { name, machine: await machine(), cases };
  console.log(`\n${name}\n${table(cases)}\n`);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(`${RESULTS}${name}.json`, `${JSON.stringify(result, null, 2)}\n`);
}

function table(cases: Readonly<Record<string, Figures>>): string {
  const names = Object.keys(cases);
  const labels = [...new Set(Object.values(cases).flatMap((figures) => Object.keys(figures)))];
  const rows = [
    ['', ...names],
    ...labels.map((label) => [label, ...names.map((each) => shown(cases[each]?.[label]))]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths?.[column] ?? 0;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function shown(figure: number | string | undefined): string {
  if (typeof figure !== 'number') return figure ?? '';
  const digits = Math.abs(figure) >= 100 ? 0 : 3;
  return figure.toLocaleString('en', { maximumFractionDigits: digits });
}
