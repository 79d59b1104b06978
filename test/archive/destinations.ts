import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { setEnvironment } from '../support/environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { temporaryFolder } from '../support/temp.ts';

/** A destination for one test. */
export interface Backend {
  readonly destination: Destination;
  readonly close: () => Promise<void>;
}

/** Every kind of destination, for suites that all of them must pass. */
export const BACKENDS: readonly { name: string; open: () => Promise<Backend> }[] = [
  { name: 'a folder', open: openFolder },
  { name: 'a bucket', open: openBucket },
];

export async function openFolder(): Promise<Backend & { folder: string }> {
  const parent = await temporaryFolder();
  const folder = `${parent.path}/archive`;
  const destination = await openDestination(pathToFileURL(folder).href);
  return { destination, folder, close: () => parent.remove() };
}

/** Opens a bucket on a server that lists two keys per page. */
export async function openBucket(
  options: { kmsKeyId?: string } = {},
): Promise<Backend & { server: S3Server }> {
  const server = await startS3Server({ pageSize: 2 });
  useS3(server);
  const destination = await openDestination('s3://archive/of/pools/', options);
  return { destination, server, close: server.close };
}

/** Sets the SDK's environment variables to a server until the test ends. */
export function useS3(server: { url: string }): void {
  const restore = setEnvironment({
    AWS_ENDPOINT_URL_S3: server.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  onTestFinished(restore);
}

/** Replaces some methods of a destination. */
export function wrap(destination: Destination, own: Partial<Destination>): Destination {
  return {
    url: destination.url,
    check: (signal, lockMode) => destination.check(signal, lockMode),
    inspect: (signal) => destination.inspect(signal),
    list: (prefix, signal) => destination.list(prefix, signal),
    listVersions: (prefix, signal) => destination.listVersions(prefix, signal),
    head: (key, signal) => destination.head(key, signal),
    read: (key, signal, versionId) => destination.read(key, signal, versionId),
    lock: (target, retention, signal) => destination.lock(target, retention, signal),
    readLock: (key, signal) => destination.readLock(key, signal),
    localPath: (key) => destination.localPath(key),
    delete: (keys, signal) => destination.delete(keys, signal),
    findProtected: (keys, signal) => destination.findProtected(keys, signal),
    hide: (key, signal) => destination.hide(key, signal),
    put: (key, file, signal) => destination.put(key, file, signal),
    create: (key, file, signal) => destination.create(key, file, signal),
    ...own,
  };
}
