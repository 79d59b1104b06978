import { pathToFileURL } from 'node:url';
import { openDestination } from '../../src/archive/open-destination.ts';
import { parseSnapshotId, type SnapshotKey } from '../../src/model/snapshot.ts';
import { releaseHeld } from '../../src/runner/held.ts';
import type { SnapshotReport } from '../../src/runner/outcome.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import type { TestMirror } from './mirror.ts';
import { privacyOf } from './privacy.ts';

/** The snapshot that a report is about. */
export const keyOf = ({ poolId, snapshot }: SnapshotReport): SnapshotKey => ({
  poolId,
  snapshotAt: parseSnapshotId(snapshot as string) as Date,
});

/** Releases a held snapshot, as a person does. */
export async function release(mirror: TestMirror, held: SnapshotReport): Promise<SnapshotReport> {
  const context = {
    db: mirror.db,
    destination: await openDestination(pathToFileURL(mirror.archive).href),
    formats: ['jsonl'] as const,
    lock: null,
    privacy: privacyOf(held.poolId),
    signer: null,
    program: 'cognito-mirror/test',
    workFolder: mirror.work,
    progress: new SnapshotProgress(held.poolId),
    log: createLogger({ level: 'silent' }),
  };
  const never = new AbortController().signal;
  return releaseHeld(context, keyOf(held), { historyDays: null, keep: null }, never);
}
