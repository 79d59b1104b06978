import type { Moment } from '../../model/history.ts';
import type {
  ReportSource,
  SnapshotRecord,
  StateCounts,
  StatusCount,
} from '../../model/report-source.ts';
import { DATASETS, type Dataset } from '../../model/snapshot.ts';
import type { Destination } from '../destination.ts';
import { manifestKey } from '../layout.ts';
import { parseManifest } from '../manifest.ts';
import { readWhole } from '../read-object.ts';
import type { SealedSnapshot } from '../sealed-snapshot.ts';
import { findConcerns } from './concerns.ts';
import { type ArchiveContext, positionOf, withReading } from './context.ts';

/** An archive as the source of a report. It does not record how its snapshots were read. */
export function archiveReportSource(
  context: ArchiveContext,
  destination: Destination,
  signal: AbortSignal,
): ReportSource {
  return {
    describePool: async () => ({
      name: null,
      accountId: null,
      first: context.sealed[0] as SealedSnapshot,
    }),
    describeSnapshot: (at) => describeSnapshot(context, destination, at, signal),
    countState: (at) => countState(context, at),
    findConcerns: (at, question) => findConcerns(context, at, question),
  };
}

async function describeSnapshot(
  context: ArchiveContext,
  destination: Destination,
  at: Moment,
  signal: AbortSignal,
): Promise<SnapshotRecord> {
  const sealed = context.snapshots[positionOf(context, at)] as SealedSnapshot;
  const { snapshot, snapshotAt, objects, sha256 } = sealed;
  const key = manifestKey(context.poolId, snapshot);
  const manifest = parseManifest((await readWhole(destination, key, signal)) ?? Buffer.alloc(0));
  // It was read before, so it can be read.
  if ('problem' in manifest) throw new Error(`${key}: ${manifest.problem}.`);
  const [format] = new Set(objects.map((object) => object.format));
  const count = (dataset: Dataset) =>
    objects
      .filter((object) => object.format === format && object.dataset === dataset)
      .reduce((sum, { rows }) => sum + rows, 0);
  const [users = 0, groups = 0, memberships = 0] = DATASETS.map(count);
  return {
    snapshot,
    snapshotAt,
    walkedAt: new Date(manifest.walkedAt),
    publishedAt: new Date(manifest.publishedAt),
    counts: { users, groups, memberships },
    manifest: { key, sha256 },
    reason: null,
    work: null,
    check: null,
  };
}

async function countState(context: ArchiveContext, at: Moment): Promise<StateCounts> {
  const position = positionOf(context, at);
  return withReading(context, async (reading) => {
    const { statements } = reading;
    const statuses = await reading.using(position, 'users', (table) =>
      statements.rows<StatusCount>(
        `SELECT status, enabled, count(*)::INTEGER AS users,
           count(mfa_settings)::INTEGER AS "mfaKnown",
           (count(*) FILTER (WHERE len(mfa_settings) = 0))::INTEGER AS "withoutMfa"
         FROM ${table} GROUP BY status, enabled ORDER BY status, enabled`,
      ),
    );
    const groups = await reading.using(position, 'groups', (table) =>
      statements.rows<{ groups: number }>(`SELECT count(*)::INTEGER AS groups FROM ${table}`),
    );
    const members = await reading.using(position, 'memberships', (table) =>
      statements.rows<{ groupName: string; members: number }>(
        `SELECT group_name AS "groupName", count(*)::INTEGER AS members FROM ${table} GROUP BY group_name`,
      ),
    );
    return {
      statuses,
      groups: groups[0]?.groups ?? 0,
      members: new Map(members.map((row) => [row.groupName, row.members])),
    };
  });
}
