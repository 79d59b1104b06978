import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CHECKS } from '../../src/doctor/checks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test('docs/DOCTOR.md has every check of the list, in its order and its words, and no other', () => {
  const rows = [
    ...readFileSync(join(ROOT, 'docs/DOCTOR.md'), 'utf8').matchAll(
      /^\| `([\w-]+)` \| (.*) \| (yes|) ?\|$/gm,
    ),
  ].map(([, id, examines, quick]) => ({ id, examines, isQuick: quick === 'yes' }));
  expect(rows).toEqual(CHECKS.map(({ id, examines, isQuick }) => ({ id, examines, isQuick })));
});

test('the ids of checks are unique words', () => {
  const ids = CHECKS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
});
