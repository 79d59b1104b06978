import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Change, InterruptedError, openArchive } from '../../src/index.ts';
import { catchRefusal, POOL } from '../archive/support.ts';
import { setEnvironment } from '../support/environment.ts';
import { temporaryFolder } from '../support/temp.ts';
import {
  type Copy,
  removalOf,
  revisionOf,
  SNAPSHOTS,
  sha256,
  useSealedArchive,
} from '../verify/support.ts';

/** Three to seven users of one group, a new one in each snapshot. */
const archive = useSealedArchive();
const [FIRST = '', SECOND = '', , FOURTH = '', NEWEST = ''] = SNAPSHOTS;

const ask = ({ folder }: { readonly folder: string }) => openArchive(pathToFileURL(folder).href);

/** The names of the users that differ. */
async function changed(copy: Copy, from: string, to: string): Promise<string[]> {
  const all: Change[] = [];
  await (await ask(copy)).diff(
    POOL,
    async (_, batches) => {
      for await (const changes of batches) all.push(...changes);
    },
    { from, to },
  );
  return all.flatMap((change) => (change.entity === 'user' ? change.username : []));
}

const partOf = ({ folder }: Copy, dataset: string, snapshot: string) =>
  `parquet/${dataset}/pool_id=${POOL}/snapshot=${snapshot}/${
    readdirSync(join(folder, `parquet/${dataset}/pool_id=${POOL}/snapshot=${snapshot}`)).sort()[0]
  }`;

describe('a part', () => {
  test.each(['users', 'groups', 'memberships'])(
    'of %s that was altered is an error that names `verify`',
    async (dataset) => {
      const copy = archive().copy();
      const key = partOf(copy, dataset, NEWEST);
      const bytes = copy.read(key);
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      copy.write(key, bytes);
      const { message } = await catchRefusal(changed(copy, FOURTH, NEWEST));
      expect(message).toContain(`${key} is not as it was sealed. Its SHA-256`);
      expect(message).toContain('Run `cognito-mirror verify`');
      // No question that does not need it is refused.
      expect(await changed(copy, FIRST, SECOND)).toEqual(['user-000003']);
    },
  );

  test('that is missing is an error that names `verify`', async () => {
    const copy = archive().copy();
    const key = partOf(copy, 'users', NEWEST);
    rmSync(join(copy.folder, key));
    const { message } = await catchRefusal(changed(copy, FOURTH, NEWEST));
    expect(message).toContain(`${key} is not as it was sealed. Its manifest names it, but`);
    expect(message).toContain('Run `cognito-mirror verify`');
  });
});

describe('a snapshot', () => {
  test('whose objects were removed cannot be named, and is passed over', async () => {
    const copy = archive().copy();
    const { key, document } = removalOf(copy, FOURTH);
    await copy.seal(key, document, archive().signer);
    for (const object of document['objects'] as string[]) rmSync(join(copy.folder, object));
    const { message } = await catchRefusal(changed(copy, FOURTH, NEWEST));
    expect(message).toContain(`FROM: the objects of ${FOURTH} were removed from the archive.`);
    expect(message).toContain(`It has ${FIRST} to ${NEWEST}.`);
    expect(await changed(copy, 'previous', 'latest')).toEqual(['user-000005', 'user-000006']);
    const { users } = await (await ask(copy)).history(POOL, 'user-000005');
    // It came with the removed snapshot, and shows from the next one on.
    expect(users[0]?.versions).toMatchObject([{ validFrom: new Date('2026-11-24T02:00:00Z') }]);
  });

  test('that was revised has the objects of its newest revision', async () => {
    const copy = archive().copy();
    const older = partOf(copy, 'groups', FIRST);
    const bytes = copy.read(older);
    const key = partOf(copy, 'groups', NEWEST).replace('.parquet', '.r1.parquet');
    copy.write(key, bytes);
    const revision = revisionOf(copy, NEWEST, (object) =>
      object.key.startsWith('parquet/groups/')
        ? { ...object, key, bytes: bytes.length, sha256: sha256(bytes) }
        : object,
    );
    await copy.seal(revision.key, revision.document, archive().signer);
    rmSync(join(copy.folder, key.replace('.r1.parquet', '.parquet')));
    expect(await changed(copy, FOURTH, NEWEST)).toEqual(['user-000006']);
  });

  test('that is not in the archive is an error that says what is there', async () => {
    const { message } = await catchRefusal(changed(archive().copy(), '20261101T020000Z', 'latest'));
    expect(message).toContain('FROM: the archive has no snapshot 20261101T020000Z');
    expect(message).toContain(`It has ${FIRST} to ${NEWEST}.`);
    const early = await catchRefusal(changed(archive().copy(), '2026-11-01', 'latest'));
    expect(early.message).toContain(`begins with ${FIRST}, after this time`);
  });

  test.each(['held', 'now'])('that is %s is in the database alone', async (text) => {
    const { message } = await catchRefusal(changed(archive().copy(), 'latest', text));
    expect(message).toBe(
      `TO: \`${text}\` is not in an archive: it needs the database. Leave out --archive.`,
    );
  });

  test('is asked for fields that a user had in one of them', async () => {
    const history = await ask(archive().copy());
    const { message } = await catchRefusal(
      history.diff(POOL, async () => {}, { fields: ['email', 'sub', 'custom:absent'] }),
    );
    expect(message).toContain(`no user or group of ${POOL} has "custom:absent".`);
  });

  test('whose manifest was altered is an error that names `verify`', async () => {
    const copy = archive().copy();
    const key = `manifests/pool_id=${POOL}/${SECOND}.json`;
    copy.write(key, copy.read(key).toString().replace('"users": 4', '"users": 5'));
    const { message } = await catchRefusal(changed(copy, FOURTH, NEWEST));
    expect(message).toContain(`${key} is not as it was sealed.`);
    expect(message).toContain('Run `cognito-mirror verify`');
  });
});

test('a time means the newest archived snapshot at that time', async () => {
  const copy = archive().copy();
  expect(await changed(copy, '2026-11-20', '2026-11-21T02:00Z').catch(String)).toContain(FIRST);
  expect(await changed(copy, '2026-11-20T02:00Z', '2026-11-22T01:59Z')).toEqual(['user-000003']);
});

test('an unknown pool is an error that lists those of the archive', async () => {
  const { message } = await catchRefusal(
    (await ask(archive())).diff('us-east-1_Other', async () => {}),
  );
  expect(message).toBe(
    `us-east-1_Other: the archive has no snapshot of this pool. The pools that it has are ${POOL}.`,
  );
});

test('a folder without a manifest is no archive', async () => {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  mkdirSync(join(folder.path, 'parquet'));
  const { message } = await catchRefusal(
    (await ask({ folder: folder.path })).history(POOL, 'user-000001'),
  );
  expect(message).toContain('there is no archive: it has no manifest.');
  await expect(openArchive('ftp://archive')).rejects.toThrow(/archive: .*s3:\/\//);
});

test('an answer that is stopped, fails or ends leaves no file behind', async () => {
  const temporary = await temporaryFolder();
  onTestFinished(setEnvironment({ TMPDIR: temporary.path }));
  onTestFinished(temporary.remove);
  const copy = archive().copy();
  const history = await ask(copy);
  const stop = new AbortController();
  const stopped = history.diff(
    POOL,
    async (_, batches) => {
      for await (const changes of batches) {
        expect(readdirSync(temporary.path)).toHaveLength(1);
        if (changes.length > 0) stop.abort();
      }
    },
    { from: FIRST, to: NEWEST, signal: stop.signal },
  );
  await expect(stopped).rejects.toThrow(InterruptedError);
  expect(readdirSync(temporary.path)).toEqual([]);
  const failing = history.diff(POOL, async (_, batches) => {
    for await (const changes of batches) throw new RangeError(String(changes.length));
  });
  await expect(failing).rejects.toThrow(RangeError);
  expect(readdirSync(temporary.path)).toEqual([]);
  await history.accessOfGroup(POOL, 'admins', async (_, members) => {
    for await (const some of members) if (some.length > 0) break;
  });
  expect(readdirSync(temporary.path)).toEqual([]);
});
