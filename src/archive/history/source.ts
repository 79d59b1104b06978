import type { HistorySource } from '../../model/history-source.ts';
import type { PoolSource } from '../../model/report-source.ts';
import type { Destination } from '../destination.ts';
import type { SealedSnapshot } from '../sealed-snapshot.ts';
import { listGroups, listUsers, streamMembers, streamMemberships } from './access.ts';
import { findUnknownAttributes } from './attribute-names.ts';
import type { ArchiveContext } from './context.ts';
import { AnswerDatabase } from './database.ts';
import { hasGroup, streamGroupDifferences, streamUserDifferences } from './differences.ts';
import { PartFiles } from './part-files.ts';
import {
  explainEmpty,
  findCurrentAt,
  findSnapshot,
  listNewest,
  notArchivedError,
} from './points.ts';
import { findProfiles, listHistories } from './profiles.ts';
import { archiveReportSource } from './report.ts';
import { findMembershipVersions } from './revocations.ts';
import { listSettingDifferences } from './settings.ts';
import { findUserStates } from './user-states.ts';

/** The archive of a pool that is asked. */
export interface AskedArchive {
  readonly destination: Destination;
  readonly poolId: string;
  /** Its sealed snapshots, oldest first; at least one. */
  readonly sealed: readonly SealedSnapshot[];
  /** A private folder for copies of parts, which the caller removes. */
  readonly folder: string;
}

/**
 * Answers a question from an archive alone, with nothing but the right to read it. What came and went
 * between two archived snapshots is not known.
 *
 * @throws ActionRequiredError if DuckDB is not installed, or an object is not what was sealed
 */
export async function askArchive<T>(
  { destination, poolId, sealed, folder }: AskedArchive,
  answer: (source: PoolSource) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const database = await AnswerDatabase.open(folder, signal);
  try {
    const parts = new PartFiles(destination, folder, signal);
    const snapshots = sealed.filter(({ isRemoved }) => !isRemoved);
    const { url } = destination;
    const context = { poolId, url, sealed, snapshots, parts, database };
    const report = archiveReportSource(context, destination, signal);
    return await answer({ ...archiveSource(context), ...report });
  } finally {
    database.close();
  }
}

function archiveSource(context: ArchiveContext): HistorySource {
  return {
    poolId: context.poolId,
    listNewest: async (limit) => listNewest(context, limit),
    findCurrentAt: async (at) => findCurrentAt(context, at),
    findSnapshot: async (subject, snapshotAt) => findSnapshot(context, subject, snapshotAt),
    findHeld: async (subject) => {
      throw notArchivedError(subject, 'held');
    },
    findLive: async (subject) => {
      throw notArchivedError(subject, 'now');
    },
    ofPool(subject) {
      throw notArchivedError(subject, 'another pool');
    },
    explainEmpty: async () => explainEmpty(context),
    findUnknownAttributes: (names) => findUnknownAttributes(context, names),
    hasGroup: (span, groupName) => hasGroup(context, span, groupName),
    streamGroupDifferences: (span, groupName) => streamGroupDifferences(context, span, groupName),
    streamUserDifferences: (span, groupName) => streamUserDifferences(context, span, groupName),
    listSettingDifferences: (span) => listSettingDifferences(context, span),
    findProfiles: (user, hashed, limit) => findProfiles(context, user, hashed, limit),
    listHidden: async () => context.sealed.flatMap(({ privacy }) => privacy ?? []),
    listHistories: (profiles) => listHistories(context, profiles),
    listGroups: (at) => listGroups(context, at),
    streamMembers: (groupName, at) => streamMembers(context, groupName, at),
    listUsers: (profiles, at) => listUsers(context, profiles, at),
    findUserStates: (users, at) => findUserStates(context, users, at),
    streamMemberships: (groupNames, at) => streamMemberships(context, groupNames, at),
    findMembershipVersions: (memberships) => findMembershipVersions(context, memberships),
    async findHead() {
      const newest = context.sealed.at(-1);
      return newest === undefined ? null : { snapshot: newest.snapshot, sha256: newest.sha256 };
    },
  };
}
