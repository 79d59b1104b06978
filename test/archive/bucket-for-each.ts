import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach } from 'vitest';
import { describeFile } from '../../src/archive/read-object.ts';
import type { S3Fault } from '../support/s3-server.ts';
import { temporaryFolder } from '../support/temp.ts';
import { openBucket } from './destinations.ts';

/** Gives each test of a file an empty bucket of a server of its own, and a folder for what it uploads. */
export function bucketForEach() {
  let backend: Awaited<ReturnType<typeof openBucket>>;
  let local: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    backend = await openBucket();
    local = await temporaryFolder();
  });
  afterEach(async () => {
    await backend.close();
    await local.remove();
  });

  return {
    backend: () => backend,

    /** A file of random bytes, ready to be uploaded. */
    file: async (length: number) => {
      const path = `${local.path}/file`;
      await writeFile(path, randomBytes(length));
      return describeFile(path);
    },

    /** What the server holds. */
    bucket: (name = 'archive') => {
      const found = backend.server.buckets.get(name);
      if (!found) throw new Error(`no bucket ${name}`);
      return found;
    },

    /** Makes the first requests of an operation fail. */
    failing: (operation: string, fault: S3Fault, times = 1) => {
      let left = times;
      backend.server.fault = (request) =>
        request.operation === operation && left-- > 0 ? fault : null;
    },
  };
}
