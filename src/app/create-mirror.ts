import type { SnapshotReport } from '../runner/outcome.ts';
import type { Mirror, SyncOptions } from './mirror.ts';
import type { MirrorOptions } from './options.ts';

/**
 * Creates a mirror. It opens servers and files on first use: `status` and `query`, for example,
 * create nothing. It reads no environment variables and leaves the process as it is.
 *
 * @throws ActionRequiredError with every wrong option
 */
export async function createMirror(options: MirrorOptions = {}): Promise<Mirror> {
  const { openMirror } = await import('./open-mirror.ts');
  return openMirror(options);
}

/** Creates a mirror, takes one snapshot of a pool, and closes the mirror. */
export async function syncPool(
  poolId: string,
  { signal, onProgress, ...options }: MirrorOptions & SyncOptions = {},
): Promise<SnapshotReport> {
  const mirror = await createMirror(options);
  try {
    return await mirror.sync(poolId, {
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    });
  } finally {
    await mirror.close();
  }
}
