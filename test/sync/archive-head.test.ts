import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { openBucket, wrap } from '../archive/destinations.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let poolId: string;
beforeEach(async () => {
  mirror = await openTestMirror({ users: 40, groups: 3, seed: 77 });
  poolId = mirror.pool.settings.id;
  const { error } = await mirror.sync();
  expect(error).toBeNull();
  mirror.simulator.attempts.clear();
});
afterEach(() => mirror.close());

const newest = async (): Promise<{ snapshot: string; manifest: string }> => {
  const [row] = await mirror.rows<{ snapshot: string; manifest: string }>(
    'SELECT snapshot, manifest FROM directory.snapshots ORDER BY snapshot_at DESC LIMIT 1',
  );
  if (!row) throw new Error('no snapshot');
  return row;
};

/** Expects the next run to be refused before it reads the pool or starts a snapshot. */
async function expectEarlyRefusal(
  options: Parameters<TestMirror['sync']>[0] = {},
): Promise<string> {
  const before = await newest();
  const { error } = await mirror.sync(options);
  expect(error).toBeInstanceOf(ActionRequiredError);
  const calls = mirror.simulator.attempts.entries().map(({ operation }) => operation);
  expect(new Set(calls)).toEqual(new Set(['DescribeUserPool']));
  expect(await newest()).toEqual(before);
  return error?.message ?? '';
}

describe('before a pool is read', () => {
  it.each([
    ['is not JSON', () => 'no manifest', /it is not JSON\./],
    ['is empty', () => '', /it is empty\./],
    [
      'has a newer format',
      (text: string) => text.replace('"version": 2', '"version": 4'),
      /its format has version 4, and this program reads versions up to 3\./,
    ],
    [
      'lacks a field',
      (text: string) => text.replace('"objects"', '"things"'),
      /its field `objects` is wrong \([^()]+\)\./,
    ],
  ])('a last manifest that %s is detected and named', async (_, change, problem) => {
    const { manifest } = await newest();
    const path = join(mirror.archive, manifest);
    await writeFile(path, change(await readFile(path, 'utf8')));
    const message = await expectEarlyRefusal();
    const [before, after = ''] = message.split(`${manifest} cannot be read as a manifest: `);
    expect(before).toMatch(/^ARCHIVE_URL: /);
    expect(after).toMatch(
      new RegExp(`^${problem.source} Restore the missing or changed manifests`),
    );
  });

  it('a manifest of a later snapshot than the next one is detected and named', async () => {
    const { manifest, snapshot } = await newest();
    const text = await readFile(join(mirror.archive, manifest), 'utf8');
    const later = manifest.replace(snapshot, '20990101T000000Z');
    await writeFile(join(mirror.archive, later), text);
    const message = await expectEarlyRefusal();
    expect(message).toContain(`it holds a later snapshot of ${poolId} (20990101T000000Z)`);
    expect(message).toContain(later);
  });

  it('a last manifest that expired is detected and named', async () => {
    const { manifest } = await newest();
    await rm(join(mirror.archive, manifest));
    const message = await expectEarlyRefusal();
    expect(message).toContain(
      `the manifest ${manifest} is missing there. In the database it is the last of ${poolId} before`,
    );
    expect(message).toContain(' It was deleted, or a lifecycle rule removed it. ');
    expect(message).toContain('Exclude manifests/ from lifecycle rules.');
  });

  it('an archive whose last manifest was sealed but not recorded is continued', async () => {
    const folder = await openDestination(pathToFileURL(mirror.archive).href);
    const lost = wrap(folder, {
      async create(key, file, signal) {
        const made = await folder.create(key, file, signal);
        if (key.startsWith('manifests/')) throw new Error('the response was lost');
        return made;
      },
    });
    expect((await mirror.sync({ destination: lost })).error?.message).toBe('the response was lost');
    const { error, report } = await mirror.sync();
    expect({ error, state: report.state }).toEqual({ error: null, state: 'archived' });
    expect((await mirror.sync()).error).toBeNull();
  });
});

it('an archive that fails temporarily does not prevent a snapshot in Postgres', async () => {
  const before = await newest();
  const folder = await openDestination(pathToFileURL(mirror.archive).href);
  const failing = wrap(folder, {
    list: () => {
      throw new ResumableError('The call ListObjectsV2 failed');
    },
  });
  const { error, report } = await mirror.sync({ destination: failing });
  expect(error?.message).toBe('The call ListObjectsV2 failed');
  expect(report.state).toBe('published');
  expect((await newest()).snapshot).not.toBe(before.snapshot);
  expect((await mirror.sync()).report.state).toBe('archived');
});

describe('a last manifest in cold storage', () => {
  let backend: Awaited<ReturnType<typeof openBucket>>;
  beforeEach(async () => {
    backend = await openBucket();
    expect((await mirror.sync({ destination: backend.destination })).error).toBeNull();
    for (const [key, object] of backend.server.buckets.get('archive')?.objects ?? []) {
      if (key.includes('manifests/')) object.storageClass = 'DEEP_ARCHIVE';
    }
    mirror.simulator.attempts.clear();
  });
  afterEach(() => backend.close());

  it('is followed by the next with the hash from the database', async () => {
    const before = await mirror.rows<{ sha256: string }>(
      'SELECT manifest_sha256 AS sha256 FROM directory.snapshots ORDER BY snapshot_at DESC LIMIT 1',
    );
    const { error } = await mirror.sync({ destination: backend.destination });
    expect(error).toBeNull();
    const { manifest } = await newest();
    const bytes = backend.server.buckets.get('archive')?.objects.get(`of/pools/${manifest}`)?.bytes;
    expect(JSON.parse(String(bytes)).previous.sha256).toBe(before[0]?.sha256);
  });

  it('stops a database without a record of it, with the storage class and the remedy', async () => {
    const { manifest } = await newest();
    await mirror.rows('UPDATE mirror.runs SET destination = NULL');
    const message = await expectEarlyRefusal({ destination: backend.destination });
    expect(message).toContain(
      `the object of/pools/${manifest} in the bucket archive cannot be read. Its storage class is DEEP_ARCHIVE.`,
    );
    expect(message).toContain('aws s3api restore-object --bucket archive');
  });
});
