import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'vitest';
import { PartEditors } from '../src/archive/erasure/part-editors.ts';
import { openDestination } from '../src/archive/open-destination.ts';
import { eraseFromArchive } from '../src/erasure/erase-archive.ts';
import { readState, searchArchive } from '../src/erasure/search-archive.ts';
import { NEVER, POOL } from '../test/archive/support.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { type Figures, report } from './support/figures.ts';
import { randomSubs, sealGenerated } from './support/generated-archive.ts';

/** Fewer on a busy machine. */
const USERS = Number(process.env.FORGET_USERS ?? 1_000_000);
/** As many parts as with a million users, whose parts have 250,000 rows. */
const PART_ROWS = Math.ceil(USERS / 4);
const NIGHTS = 30;
const DAY_MS = 86_400_000;

/** Removes one person from thirty snapshots of a million users: only the parts that hold them change. */
test('forget', async () => {
  const folder = await temporaryFolder();
  try {
    const subs = randomSubs(USERS);
    const nights = Array.from({ length: NIGHTS }, (_, night) => ({
      at: new Date(Date.UTC(2026, 9, 1, 2) + night * DAY_MS),
      // A fiftieth of the users changes each night.
      versionOf: (index: number) => (index % 50 <= night ? night : 0),
    }));
    const url = await sealGenerated(folder.path, subs, nights, { partRows: PART_ROWS });
    const sub = subs[Math.floor(USERS / 2)] as string;
    await report('forget', { 'one person': await measure(folder.path, url, sub) });
  } finally {
    await folder.remove();
  }
}, 3_600_000);

async function measure(parent: string, url: string, sub: string): Promise<Figures> {
  const folder = await mkdtemp(join(parent, 'forget-'));
  const destination = await openDestination(url);
  const editors = new PartEditors(folder);
  const options = { editors, folder, signal: NEVER };
  const started = performance.now();
  const before = process.cpuUsage();
  const states = await readState(destination, POOL, NEVER);
  const searched = await searchArchive(destination, states, new Set([sub]), options);
  const found = performance.now();
  const revised = await eraseFromArchive(destination, POOL, searched, [{ username: sub, sub }], {
    ...options,
    ...{ program: 'bench', owner: 'bench', signer: null, lock: null },
  });
  const ended = performance.now();
  const { user, system } = process.cpuUsage(before);
  editors.close();
  const objects = states.flatMap(({ documents }) => documents.objects);
  const parts = revised.flatMap((each) => each.parts);
  return {
    users: USERS,
    'search s': (found - started) / 1000,
    'rewriting s': (ended - found) / 1000,
    'processor s': (user + system) / 1e6,
    'parts rewritten': parts.length,
    'parts in all': objects.length,
    'rows removed': parts.reduce((sum, { rows }) => sum + rows, 0),
  };
}
