import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findChainPosition, findLastSealed } from '../../src/archive/chain.ts';
import type { Destination } from '../../src/archive/destination.ts';
import { ColdStorageError } from '../../src/archive/errors.ts';
import { manifestKey } from '../../src/archive/layout.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import { readSealedSnapshots } from '../../src/verify/sealed-snapshots.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { useS3 } from '../archive/destinations.ts';
import {
  catchError,
  NEVER,
  optionsWith,
  POOL,
  pool,
  requestFor,
  rowsOf,
} from '../archive/support.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import type { StoredS3Object } from '../support/s3-store.ts';

const SNAPSHOT = '20261120T020000Z';
const KEY = `of/pools/${manifestKey(POOL, SNAPSHOT)}`;
const RESTORE = `Restore it with \`aws s3api restore-object --bucket archive --key '${KEY}' --restore-request Days=7\`, wait until the restore is complete, then run the command again. Exclude manifests/ from lifecycle rules.`;

let server: S3Server;
let destination: Destination;
beforeEach(async () => {
  server = await startS3Server();
  useS3(server);
  destination = await openDestination('s3://archive/of/pools');
  const rows = pool(3);
  await writeArchive(
    destination,
    requestFor(rows),
    rowsOf(rows),
    optionsWith({ formats: ['jsonl'] }),
  );
  manifest().storageClass = 'DEEP_ARCHIVE';
});
afterEach(() => server.close());

const manifest = () => server.buckets.get('archive')?.objects.get(KEY) as StoredS3Object;

/** Every way in which a command reads manifests. */
const READERS: readonly [string, () => Promise<unknown>][] = [
  [
    'verify',
    () =>
      verifyPool(destination, POOL, {
        from: null,
        to: null,
        content: 'all',
        signers: null,
        head: null,
        parquet: null,
        signal: NEVER,
      }),
  ],
  ['ddl and other questions to an archive', () => readSealedSnapshots(destination, POOL, NEVER)],
  ['plan', () => findLastSealed(destination, POOL, NEVER)],
  [
    'sync',
    () =>
      findChainPosition(
        destination,
        { poolId: POOL, snapshot: '20261121T020000Z', known: null },
        NEVER,
      ),
  ],
];

describe.each(READERS)('a manifest in cold storage that %s reads', (_, read) => {
  test('is named, with the command that restores it', async () => {
    const error = await catchError(read());
    expect(error).toBeInstanceOf(ColdStorageError);
    expect(error.message).toBe(
      `ARCHIVE_URL: the object ${KEY} in the bucket archive cannot be read. Its storage class is DEEP_ARCHIVE. ${RESTORE}`,
    );
  });

  test('and that is being restored needs patience, and then can be read', async () => {
    manifest().restore = 'ongoing';
    expect((await catchError(read())).message).toMatch(
      /Its storage class is DEEP_ARCHIVE\. A restore is under way: wait until it is complete, then/,
    );
    manifest().restore = 'complete';
    await read();
  });
});
