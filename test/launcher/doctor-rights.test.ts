import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { WORKER_RIGHTS } from '../../src/postgres/worker-rights.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `INSERT ON directory.users`, for every right on rows that the statements grant to the worker. */
function documentedRights(): string[] {
  const text = readFileSync(join(ROOT, 'docs/OPERATIONS.md'), 'utf8');
  const grants = text.matchAll(/^GRANT ([A-Z, ]+) ON ([a-z_.,\s]+?) TO mirror_worker;/gm);
  return [...grants].flatMap(([, privileges = '', relations = '']) =>
    privileges
      .split(', ')
      .flatMap((privilege) => relations.split(/,\s*/).map((name) => `${privilege} ON ${name}`)),
  );
}

test('doctor looks for the rights that docs/OPERATIONS.md grants to a worker', () => {
  const examined = WORKER_RIGHTS.flatMap(({ privileges, relations }) =>
    privileges.flatMap((privilege) => relations.map((name) => `${privilege} ON ${name}`)),
  );
  // MAINTAIN exists from Postgres 17 and is not required.
  const documented = documentedRights().filter((right) => !right.startsWith('MAINTAIN'));
  expect(documented.length).toBeGreaterThan(20);
  expect([...examined].sort()).toEqual(documented.sort());
});
