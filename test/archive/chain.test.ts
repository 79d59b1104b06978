import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { manifestKey } from '../../src/archive/layout.ts';
import { readWhole } from '../../src/archive/read-object.ts';
import { type ArchiveRequest, writeArchive } from '../../src/archive/write-archive.ts';
import { openFolder } from './destinations.ts';
import {
  catchRefusal,
  contentOf,
  NEVER,
  optionsWith,
  POOL,
  pool,
  readManifest,
  requestFor,
  rowsOf,
} from './support.ts';

let backend: Awaited<ReturnType<typeof openFolder>>;
beforeEach(async () => {
  backend = await openFolder();
});
afterEach(() => backend.close());

const DATASETS = pool(2);

function archive(day: number, more: Partial<ArchiveRequest> & { program?: string } = {}) {
  const { program = 'cognito-mirror/0.0.0', ...request } = more;
  const snapshotAt = new Date(Date.UTC(2026, 10, day, 2));
  return writeArchive(
    backend.destination,
    requestFor(DATASETS, { snapshotAt, ...request }),
    rowsOf(DATASETS),
    optionsWith({ formats: ['jsonl'], program }),
  );
}

function manifest(day: number, poolId = POOL): Promise<{ previous: unknown }> {
  const snapshotAt = new Date(Date.UTC(2026, 10, day, 2));
  return readManifest(backend.destination, requestFor(DATASETS, { snapshotAt, poolId }));
}

function pathOf(day: number): string {
  return `${backend.folder}/${manifestKey(POOL, `202611${day}T020000Z`)}`;
}

test('each manifest holds the hash of the one before it', async () => {
  let previous: ArchiveRequest['previous'] = null;
  for (const day of [20, 21, 25]) {
    const { manifestSha256, manifest: key } = await archive(day, { previous });
    expect((await manifest(day)).previous).toEqual(previous);
    const bytes = await readWhole(backend.destination, key, NEVER);
    expect(
      createHash('sha256')
        .update(bytes ?? '')
        .digest('hex'),
    ).toBe(manifestSha256);
    previous = { snapshot: `202611${day}T020000Z`, sha256: manifestSha256 };
  }
});

test('each pool has its own chain', async () => {
  await archive(20);
  await archive(21, { poolId: 'us-east-1_Other' });
  expect((await manifest(21, 'us-east-1_Other')).previous).toBeNull();
});

test('a new database continues an old archive', async () => {
  const { manifestSha256 } = await archive(20);
  await archive(21, { previous: null });
  const previous = { snapshot: '20261120T020000Z', sha256: manifestSha256 };
  expect((await manifest(21)).previous).toEqual(previous);
});

test('a changed manifest stops the chain with an error that shows both hashes', async () => {
  const { manifestSha256 } = await archive(20);
  await writeFile(
    pathOf(20),
    (await readFile(pathOf(20), 'utf8')).replace('"rows": 2', '"rows": 1'),
  );
  const changed = createHash('sha256')
    .update(await readFile(pathOf(20)))
    .digest('hex');
  const previous = { snapshot: '20261120T020000Z', sha256: manifestSha256 };
  const { message } = await catchRefusal(archive(21, { previous }));
  expect(message).toContain(
    `before 20261121T020000Z is 20261120T020000Z (SHA-256 ${changed}) there, but 20261120T020000Z (SHA-256 ${manifestSha256}) in the database`,
  );
  expect(message).toContain('Restore');
});

test('a deleted manifest stops the chain', async () => {
  const { manifestSha256 } = await archive(20);
  await rm(pathOf(20));
  const previous = { snapshot: '20261120T020000Z', sha256: manifestSha256 };
  const { message } = await catchRefusal(archive(21, { previous }));
  expect(message).toContain(
    `the manifest ${manifestKey(POOL, '20261120T020000Z')} is missing there. In the database it is the last of ${POOL} before 20261121T020000Z. It was deleted, or a lifecycle rule removed it.`,
  );
});

test('a manifest that the database has not recorded stops the chain', async () => {
  const { manifestSha256 } = await archive(20);
  await archive(21);
  const previous = { snapshot: '20261120T020000Z', sha256: manifestSha256 };
  expect((await catchRefusal(archive(22, { previous }))).message).toContain('is 20261121T020000Z');
});

test('a later snapshot at the destination is refused', async () => {
  await archive(21);
  const before = await contentOf(backend.destination);
  const { message } = await catchRefusal(archive(20));
  expect(message).toContain('a later snapshot of us-east-1_Ab12Cd34 (20261121T020000Z)');
  expect(await contentOf(backend.destination)).toEqual(before);
});

test('a sealed archive can be written again after later ones were sealed', async () => {
  const first = await archive(20);
  await archive(21);
  expect(await archive(20)).toEqual(first);
});

test('a later version of the program reuses a sealed archive', async () => {
  const first = await archive(20);
  const before = await contentOf(backend.destination);
  expect(await archive(20, { program: 'cognito-mirror/9.9.9' })).toEqual(first);
  expect(await contentOf(backend.destination)).toEqual(before);
});

test('a version that archives settings reuses a sealed archive without them', async () => {
  const first = await archive(20);
  const before = await contentOf(backend.destination);
  const counts = { ...requestFor(pool(2)).counts, settings: 1 };
  expect(await archive(20, { counts, program: 'cognito-mirror/9.9.9' })).toEqual(first);
  expect(await contentOf(backend.destination)).toEqual(before);
});

test('only the version that wrote a sealed archive restores its lost object', async () => {
  const first = await archive(20);
  const before = await contentOf(backend.destination);
  const [lost = ''] = [...before.keys()].filter((key) => key.startsWith('jsonl/users/'));
  await backend.destination.delete([lost], NEVER);
  await catchRefusal(archive(20, { program: 'cognito-mirror/9.9.9' }));
  expect(await archive(20)).toEqual(first);
  expect(await contentOf(backend.destination)).toEqual(before);
});

test('a sealed archive is never overwritten with other content', async () => {
  await archive(20);
  const before = await contentOf(backend.destination);
  const { message } = await catchRefusal(
    archive(20, { publishedAt: new Date('2026-11-20T09:00:00.000Z') }),
  );
  expect(message).toContain(
    "the sealed archive of us-east-1_Ab12Cd34/20261120T020000Z there has other content than this run's",
  );
  expect(await contentOf(backend.destination)).toEqual(before);
  const other = pool(3);
  await catchRefusal(
    writeArchive(
      backend.destination,
      requestFor(other),
      rowsOf(other),
      optionsWith({ formats: ['jsonl'] }),
    ),
  );
  expect(await contentOf(backend.destination)).toEqual(before);
});

test('a sealed manifest that cannot be read is named and not overwritten', async () => {
  await archive(20);
  await writeFile(pathOf(20), 'not a manifest');
  const { message } = await catchRefusal(archive(20));
  expect(message).toContain('cannot be read as a manifest: it is not JSON');
  expect(await readFile(pathOf(20), 'utf8')).toBe('not a manifest');
});

test('a lost object of a sealed archive is stored again', async () => {
  await archive(20);
  const before = await contentOf(backend.destination);
  const [key = ''] = [...before.keys()];
  await backend.destination.delete([key], NEVER);
  await archive(20);
  expect(await contentOf(backend.destination)).toEqual(before);
});
