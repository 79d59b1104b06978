import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { manifestKey } from '../../src/archive/layout.ts';
import { isRead } from '../../src/verify/select.ts';
import { POOL } from '../archive/support.ts';
import fc from '../support/fast-check.ts';
import { named, SNAPSHOTS, useSealedArchive } from './support.ts';

const archive = useSealedArchive();
const [FIRST = '', SECOND = '', THIRD = '', FOURTH = '', LAST = ''] = SNAPSHOTS;
const objectKeys = () => archive().keys.filter((key) => !key.startsWith('manifests/'));

test('every object is in exactly one part of a subset, always the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.string(), (of, key) => {
      const parts = Array.from({ length: of }, (_, index) => ({ part: index + 1, of }));
      expect(parts.filter((content) => isRead(key, content))).toHaveLength(1);
    }),
  );
  expect(isRead('parquet/users/part-00000.parquet', { part: 2, of: 7 })).toBe(true);
});

test('the parts of a subset together find what a whole check finds', async () => {
  const copy = archive().copy();
  for (const key of objectKeys()) copy.write(key, Buffer.alloc(copy.read(key).length));
  const found: string[] = [];
  for (const part of [1, 2, 3]) {
    const { findings, objects } = await copy.verify({ content: { part, of: 3 } });
    expect(objects).toBe(objectKeys().length);
    found.push(...findings.map(({ key }) => key));
  }
  expect(found.sort()).toEqual(objectKeys());
});

test('a range checks its own snapshots, and what the first of them follows', async () => {
  const copy = archive().copy();
  const [broken = ''] = objectKeys().filter((key) => key.includes(SECOND));
  rmSync(join(copy.folder, broken));
  const whole = await copy.verify();
  expect(named(whole.findings)).toEqual([['missing', broken]]);
  const range = { from: new Date('2026-11-22T02:00:00Z'), to: new Date('2026-11-23T02:00:00Z') };
  const part = await copy.verify(range);
  expect(part).toMatchObject({
    findings: [],
    snapshots: 2,
    range: { from: THIRD, to: FOURTH },
    head: whole.head,
  });
  expect(whole.head?.snapshot).toBe(LAST);
  copy.write(manifestKey(POOL, SECOND), 'something else');
  expect(named((await copy.verify(range)).findings)).toEqual([
    ['broken-chain', manifestKey(POOL, THIRD)],
  ]);
});

test('a range can begin where the first snapshots are gone', async () => {
  const copy = archive().copy();
  for (const key of archive().keys.filter((each) => each.includes(FIRST))) {
    rmSync(join(copy.folder, key));
  }
  expect(named((await copy.verify()).findings)).toEqual([['missing', manifestKey(POOL, FIRST)]]);
  expect((await copy.verify({ from: new Date('2026-11-21') })).findings).toEqual([]);
});

test('a pool without any manifest is a finding', async () => {
  const copy = archive().copy();
  rmSync(copy.folder, { recursive: true });
  const { findings, snapshots, head } = await copy.verify();
  expect({ snapshots, head }).toEqual({ snapshots: 0, head: null });
  expect(named(findings)).toEqual([['missing', `manifests/pool_id=${POOL}/`]]);
});
