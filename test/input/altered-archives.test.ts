import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ArchiveRequest, writeArchive } from '../../src/archive/write-archive.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { openFolder } from '../archive/destinations.ts';
import { contentOf, MANIFEST, optionsWith, pool, requestFor, rowsOf } from '../archive/support.ts';
import fc from '../support/fast-check.ts';
import { openTestMirror } from '../support/mirror.ts';

let backend: Awaited<ReturnType<typeof openFolder>>;
beforeEach(async () => {
  backend = await openFolder();
});
afterEach(() => backend.close());

const DATASETS = pool(5);
const FIRST = 'cognito-mirror/0.0.0';
const LATER = 'cognito-mirror/9.9.9';

function archive(program: string, more: Partial<ArchiveRequest> = {}) {
  const options = optionsWith({ partRows: 2, formats: ['jsonl'], program });
  return writeArchive(backend.destination, requestFor(DATASETS, more), rowsOf(DATASETS), options);
}

const content = () => contentOf(backend.destination);
const pathOf = (key: string) => join(backend.folder, key);

/** Alters bytes: cuts them, appends to them, flips one bit, or replaces them. */
const alteration = fc.oneof(
  fc.double({ min: 0, max: 0.999, noNaN: true }).map((part) => ({
    name: `cut at ${part}`,
    of: (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * part)),
  })),
  fc.uint8Array({ minLength: 1, maxLength: 20 }).map((more) => ({
    name: `with ${more.length} more bytes`,
    of: (bytes: Buffer) => Buffer.concat([bytes, more]),
  })),
  fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(7)).map(([at, bit]) => ({
    name: `bit ${bit} at ${at}`,
    of: (bytes: Buffer) => {
      const other = Buffer.from(bytes);
      const index = Math.floor(bytes.length * at);
      other[index] = (other[index] ?? 0) ^ (1 << bit);
      return other;
    },
  })),
  fc.constant({
    name: 'of the same size',
    of: (bytes: Buffer) => Buffer.alloc(bytes.length, 0x20),
  }),
);

const EMPTIED = { name: 'emptied', of: () => Buffer.alloc(0) };

type Manifest = {
  objects: { key: string; rows: number; sha256: string }[];
  counts: { users: number };
} & Record<string, unknown>;

/** Well-formed manifests with false content. */
const FALSE_MANIFESTS: readonly (readonly [string, (manifest: Manifest) => unknown])[] = [
  ['that names nothing', (m) => ({ ...m, objects: [] })],
  ['that leaves a part out', (m) => ({ ...m, objects: m.objects.slice(1) })],
  ['that names a part twice', (m) => ({ ...m, objects: [...m.objects, ...m.objects.slice(-1)] })],
  [
    'that names objects outside of it',
    (m) => ({ ...m, objects: m.objects.map((o) => ({ ...o, key: `../../${o.key}` })) }),
  ],
  [
    'that has another hash',
    (m) => ({ ...m, objects: m.objects.map((o) => ({ ...o, sha256: '0'.repeat(64) })) }),
  ],
  ['that counts other rows', (m) => ({ ...m, counts: { ...m.counts, users: 4 } })],
  [
    'whose parts count other rows',
    (m) => ({ ...m, objects: m.objects.map((o) => ({ ...o, rows: o.rows + 1 })) }),
  ],
  ['of another time', (m) => ({ ...m, walkedAt: '2026-11-20T02:10:00.124Z' })],
  ['of another pool', (m) => ({ ...m, poolId: 'us-east-1_Other' })],
  ['of an earlier version', (m) => ({ ...m, version: 1 })],
  ['of a later version', (m) => ({ ...m, version: 4 })],
  ['with an additional field', (m) => ({ ...m, more: true })],
  ['that follows another one', (m) => ({ ...m, previous: { snapshot: 'x', sha256: 'x' } })],
];

describe('a sealed archive that changed before the database recorded it', () => {
  test('is refused or restored, whatever byte of it was changed', async () => {
    const sealed = await archive(FIRST);
    const before = await content();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...before.keys()),
        alteration,
        fc.constantFrom(FIRST, LATER),
        async (key, { of }, program) => {
          const right = before.get(key) as Buffer;
          const altered = of(right);
          fc.pre(!altered.equals(right));
          writeFileSync(pathOf(key), altered);
          const outcome = await archive(program).catch((error: unknown) => error);
          if (key === MANIFEST && altered.length === 0) {
            // A killed run can leave an empty file in a folder: nothing was sealed.
            expect(outcome).toEqual(await archive(program));
            const parts = [...before].filter(([name]) => name !== MANIFEST);
            expect([...(await content())].filter(([name]) => name !== MANIFEST)).toEqual(parts);
            if (program === FIRST) expect(readFileSync(pathOf(key)).equals(right)).toBe(true);
          } else if (key === MANIFEST) {
            expect(outcome).toBeInstanceOf(ActionRequiredError);
            expect(readFileSync(pathOf(key)).equals(altered)).toBe(true);
          } else if (program === FIRST) {
            expect(outcome).toEqual(sealed);
            expect(await content()).toEqual(before);
          } else {
            expect(outcome).toBeInstanceOf(ActionRequiredError);
          }
          writeFileSync(pathOf(key), right);
        },
      ),
      {
        numRuns: 80,
        examples: [
          [MANIFEST, EMPTIED, FIRST],
          [MANIFEST, EMPTIED, LATER],
        ],
      },
    );
  });

  test.each(FALSE_MANIFESTS)(
    'is refused with a manifest %s, and the manifest stays',
    async (_, falsify) => {
      await archive(FIRST);
      const manifest = JSON.parse(readFileSync(pathOf(MANIFEST), 'utf8')) as Manifest;
      const altered = `${JSON.stringify(falsify(manifest), null, 2)}\n`;
      writeFileSync(pathOf(MANIFEST), altered);
      for (const program of [FIRST, LATER]) {
        await expect(archive(program)).rejects.toThrow(ActionRequiredError);
        expect(readFileSync(pathOf(MANIFEST), 'utf8')).toBe(altered);
      }
    },
  );

  test('is reused if it is unchanged, whatever version sealed it', async () => {
    const sealed = await archive(FIRST);
    expect(await archive(LATER)).toEqual(sealed);
  });
});

describe('the previous archive', () => {
  const next = { snapshotAt: new Date('2026-11-21T02:00:00.000Z') };

  test.each([
    ['is cut short', (text: string) => text.slice(0, -20), /it is not JSON\./],
    ['is empty', () => '', /it is empty\./],
    ['is something else', () => '{"version":1}', /its field `program` is wrong \([^()]+\)\./],
    [
      'is another snapshot’s',
      (text: string) => text.replaceAll('20261120T', '20261119T'),
      /it names another snapshot\./,
    ],
  ])('%s: a new database without a record of it is refused too', async (_, of, problem) => {
    await archive(FIRST);
    writeFileSync(pathOf(MANIFEST), of(readFileSync(pathOf(MANIFEST), 'utf8')));
    const before = await content();
    const start = `^ARCHIVE_URL: ${MANIFEST} cannot be read as a manifest: `;
    await expect(archive(FIRST, { ...next, previous: null })).rejects.toThrow(
      new RegExp(`${start}${problem.source} Restore the missing or changed manifests`),
    );
    expect(await content()).toEqual(before);
  });

  test('stops the next snapshot of a mirror until it is restored', async () => {
    const mirror = await openTestMirror({ users: 20, groups: 2 });
    try {
      const first = await mirror.sync();
      const path = join(mirror.archive, first.report.archive?.manifest ?? '');
      const right = readFileSync(path);
      for (const alter of [
        () => writeFileSync(path, right.subarray(0, -1)),
        () => writeFileSync(path, Buffer.concat([right, Buffer.from('\n')])),
        () => rmSync(path),
      ]) {
        alter();
        const { error, report } = await mirror.sync();
        expect(error).toBeInstanceOf(ActionRequiredError);
        expect(error?.message).toMatch(/^ARCHIVE_URL: .*\. Restore the missing or changed/);
        // The check comes before the pool is read: no snapshot was started.
        expect(report).toMatchObject({ snapshot: null, state: null, archive: null });
      }
      writeFileSync(path, right);
      const { error, report } = await mirror.sync();
      expect({ error, state: report.state }).toEqual({ error: null, state: 'archived' });
    } finally {
      await mirror.close();
    }
  });
});
