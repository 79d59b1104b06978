import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { wrap } from '../archive/destinations.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { moveToPast } from '../support/past.ts';
import { privacyOf } from '../support/privacy.ts';

let mirror: TestMirror;

beforeEach(async () => {
  mirror = await openTestMirror({ users: 40, groups: 3, seed: 51 });
});
afterEach(() => mirror.close());

/** A destination that takes nothing. */
async function full(): Promise<Destination> {
  const folder = await openDestination('file:///nowhere');
  return wrap(folder, {
    check: async () => {},
    put: () => Promise.reject(new ResumableError('No space is left.')),
    create: () => Promise.reject(new ResumableError('No space is left.')),
    async *list() {},
    head: async () => null,
    read: async () => null,
    localPath: () => null,
    delete: async () => [],
    hide: async () => true,
  });
}

const states = () =>
  mirror.rows('SELECT state, reason FROM directory.snapshots ORDER BY snapshot_at');

describe('the reasons that are kept, which all who see counts may see', () => {
  const quote = () => Promise.reject(new TypeError('ana@example.com is not a function'));
  const reason = 'It failed unexpectedly (TypeError). The log has the error.';

  it.each([
    ['before a snapshot', async () => ({ poolDeps: quote }), []],
    [
      'while reading',
      async () => {
        const privacy = privacyOf(mirror.pool.settings.id);
        privacy.database.hideUser = () => {
          throw new TypeError('ana@example.com is not a function');
        };
        return { privacy };
      },
      [{ state: 'walking', reason }],
    ],
    [
      'while archiving',
      async () => ({ destination: wrap(await full(), { put: quote, create: quote }) }),
      [{ state: 'published', reason }],
    ],
  ])('have no text of an unknown error: %s', async (_, options, expected) => {
    const { report } = await mirror.sync(await options());
    expect(report.reason).toBe(reason);
    expect(await mirror.rows('SELECT reason FROM mirror.attempts')).toEqual([{ reason }]);
    expect(await states()).toEqual(expected);
  });
});

describe('a snapshot that could not be archived', () => {
  it('is published with the reason, and the next run only archives it', async () => {
    const { report, error } = await mirror.sync({ destination: await full() });
    expect(error?.message).toBe('No space is left.');
    expect(report).toMatchObject({
      state: 'published',
      reason: 'No space is left.',
      archive: null,
    });
    expect(await states()).toEqual([{ state: 'published', reason: 'No space is left.' }]);
    const next = await mirror.sync();
    expect(next).toMatchObject({ error: null, resumed: true });
    expect(next.report).toMatchObject({
      snapshot: report.snapshot,
      state: 'archived',
      reason: null,
    });
    expect(next.report.archive?.objects).toBe(6);
  });

  it('a day ago does not prevent a new one, and is archived before it', async () => {
    await mirror.sync({ destination: await full() });
    await moveToPast(mirror.db, '1 day');
    mirror.pool.createUser({ username: 'newcomer' });
    const failing = await mirror.sync({ destination: await full() });
    expect(failing.report).toMatchObject({ state: 'published', added: 1 });
    const next = await mirror.sync();
    expect(next).toMatchObject({ error: null, resumed: true });
    expect((await states()).map((row) => row.state)).toEqual(['archived', 'archived']);
  });
});
