import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LocalFile } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile, readWhole } from '../../src/archive/read-object.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { temporaryFolder } from '../support/temp.ts';
import { BACKENDS, type Backend, wrap } from './destinations.ts';
import { NEVER } from './support.ts';

describe.each(BACKENDS)('$name as a destination', ({ open }) => {
  let backend: Backend;
  let local: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    backend = await open();
    local = await temporaryFolder();
  });
  afterEach(async () => {
    await backend.close();
    await local.remove();
  });

  async function file(bytes: Uint8Array): Promise<LocalFile> {
    const path = `${local.path}/file`;
    await writeFile(path, bytes);
    return describeFile(path);
  }

  async function keys(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of backend.destination.list(prefix, NEVER)) found.push(key);
    return found.sort();
  }

  test('a check passes and leaves nothing', async () => {
    await backend.destination.check(NEVER);
    await backend.destination.check(NEVER);
    expect(await keys('')).toEqual([]);
  });

  test.each([0, 1, 8 * 1024 * 1024, 20_000_000])(
    '%d bytes are read back unchanged',
    async (length) => {
      const bytes = randomBytes(length);
      await backend.destination.put('a/b=c/file', await file(bytes), NEVER);
      const stored = await readWhole(backend.destination, 'a/b=c/file', NEVER);
      expect(stored?.equals(bytes)).toBe(true);
    },
  );

  test('a read that breaks off throws a resumable error', async () => {
    await backend.destination.put('a/file', await file(randomBytes(100)), NEVER);
    const broken = wrap(backend.destination, {
      read: async (key, signal) => {
        const stream = await backend.destination.read(key, signal);
        stream?.destroy(new Error('ECONNRESET'));
        return stream;
      },
    });
    const run = readWhole(broken, 'a/file', NEVER);
    await expect(run).rejects.toThrow(ResumableError);
    await expect(run).rejects.toThrow(
      'reading a/file failed before its end. Run the command again.',
    );
  });

  test('an object is replaced as a whole', async () => {
    await backend.destination.put('a/file', await file(randomBytes(100)), NEVER);
    await backend.destination.put('a/file', await file(Buffer.from('new')), NEVER);
    expect((await readWhole(backend.destination, 'a/file', NEVER))?.toString()).toBe('new');
    expect(await keys('a/')).toEqual(['a/file']);
  });

  test('a listing returns exactly the objects under a prefix, with their sizes', async () => {
    const stored = ['a/1', 'a/2', 'a/b/3', 'a/b/4', 'a/b/c/5', 'ab/6'];
    const bytes = await file(Buffer.from('four'));
    for (const key of stored) await backend.destination.put(key, bytes, NEVER);
    expect(await keys('a/')).toEqual(stored.slice(0, 5));
    for await (const object of backend.destination.list('ab/', NEVER)) {
      expect(object).toEqual({ key: 'ab/6', bytes: 4 });
    }
    expect(await keys('missing/')).toEqual([]);
  });

  test('a missing object is read as null', async () => {
    expect(await backend.destination.read('a/missing', NEVER)).toBeNull();
  });

  test('a deletion removes the named objects and ignores missing ones', async () => {
    const bytes = await file(Buffer.from('x'));
    for (const key of ['a/1', 'a/2', 'a/3']) await backend.destination.put(key, bytes, NEVER);
    await backend.destination.delete(['a/1', 'a/3', 'a/missing'], NEVER);
    await backend.destination.delete([], NEVER);
    expect(await keys('a/')).toEqual(['a/2']);
  });

  test.each([10, 20_000_000])(
    '%d bytes that do not match their description are not stored',
    async (n) => {
      const described = await file(randomBytes(n));
      await writeFile(described.path, randomBytes(n));
      await expect(backend.destination.put('a/file', described, NEVER)).rejects.toThrow();
      expect(await keys('a/')).toEqual([]);
    },
  );

  test('an aborted call throws the reason of its signal', async () => {
    const signal = AbortSignal.abort(new Error('the reason'));
    const bytes = await file(Buffer.from('x'));
    await expect(backend.destination.put('a/1', bytes, signal)).rejects.toThrow('the reason');
    await expect(backend.destination.read('a/1', signal)).rejects.toThrow('the reason');
    expect(await keys('a/')).toEqual([]);
  });
});

test.each(['', 'archive', 's3://', 's3:///prefix', 'https://host/bucket', 'file://elsewhere/a'])(
  'the invalid URL "%s" is refused with the valid forms',
  async (url) => {
    await expect(openDestination(url)).rejects.toThrow(
      'ARCHIVE_URL: the URL of the destination is invalid. Set it to s3://bucket/prefix or file:///folder.',
    );
  },
);
