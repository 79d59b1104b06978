import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TRANSITIONS, type Transition } from '../../src/postgres/store/states.ts';

const STORE = 'src/postgres/store';

describe('the states of a snapshot', () => {
  it('are in docs/DESIGN.md as in the code', () => {
    const all: [string, Transition][] = Object.entries(TRANSITIONS);
    const rows = all.map(([name, { from, to, actor, condition }]) =>
      [name, from.join(', ') || '–', to ?? '–', actor, condition].join(' | '),
    );
    expect(readTable()).toEqual(rows);
  });

  it('are written by transitions.ts alone', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const writers = files.filter((file) =>
      /(UPDATE directory\.snapshots\b[^`]*\bSET[^`]*\bstate = (?!ANY)|INSERT INTO directory\.snapshots|DELETE FROM directory\.snapshots|mirror\.end_comparison)/.test(
        readFileSync(join('src', file), 'utf8').replaceAll(/\bWHERE\b[^`]*/g, ''),
      ),
    );
    expect(writers.map((file) => join('src', file))).toEqual([`${STORE}/transitions.ts`]);
  });
});

function readTable(): string[] {
  const design = readFileSync('docs/DESIGN.md', 'utf8');
  const section = /## Snapshot states\n([\s\S]*?)\n## /.exec(design)?.[1] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) => line.slice(2, -2));
}
