import type { PoolSource } from '../../model/report-source.ts';
import { listGroups, listUsers, streamMembers } from './access.ts';
import type { Asking } from './ask.ts';
import { findUnknownAttributes } from './attribute-names.ts';
import { hasGroup, streamGroupDifferences, streamUserDifferences } from './differences.ts';
import { listHidden } from './hidden.ts';
import { findCurrentAt, listNewest } from './moments.ts';
import {
  explainUnpublished,
  findHeldPoint,
  findLivePoint,
  findPointById,
  type LiveReading,
} from './points.ts';
import { findProfiles, listHistories } from './profiles.ts';
import { postgresReportSource } from './report.ts';
import { findKnownHead, findMembershipVersions, streamMemberships } from './review.ts';
import { listSettingDifferences } from './settings.ts';
import { findUserStates } from './user-states.ts';

/**
 * The database as the source of answers, in the transaction of `asking`.
 *
 * @param live the live pool, if it was read for this answer
 */
export function postgresSource(asking: Asking, live: LiveReading | null = null): PoolSource {
  return {
    ...postgresReportSource(asking),
    poolId: asking.poolId,
    listNewest: (limit) => listNewest(asking, limit),
    findCurrentAt: (at) => findCurrentAt(asking, at),
    findSnapshot: (subject, snapshotAt) => findPointById(asking, subject, snapshotAt),
    findHeld: (subject) => findHeldPoint(asking, subject),
    async findLive(subject) {
      if (live !== null) return findLivePoint(asking, live);
      throw new Error(`The live pool was not read for ${subject}.`);
    },
    ofPool: (_, poolId) => postgresSource({ ...asking, poolId }),
    explainEmpty: () => explainUnpublished(asking),
    findUnknownAttributes: (names) => findUnknownAttributes(asking, names),
    hasGroup: (span, groupName) => hasGroup(asking, span, groupName),
    streamGroupDifferences: (span, groupName) => streamGroupDifferences(asking, span, groupName),
    streamUserDifferences: (span, groupName) => streamUserDifferences(asking, span, groupName),
    listSettingDifferences: (span) => listSettingDifferences(asking, span),
    findProfiles: (user, hashed, limit) => findProfiles(asking, user, hashed, limit),
    listHidden: () => listHidden(asking),
    listHistories: (profiles) => listHistories(asking, profiles),
    listGroups: ({ snapshotAt }) => listGroups(asking, snapshotAt),
    streamMembers: (groupName, { snapshotAt }) => streamMembers(asking, groupName, snapshotAt),
    listUsers: (profiles, { snapshotAt }) => listUsers(asking, profiles, snapshotAt),
    findUserStates: (users, { snapshotAt }) => findUserStates(asking, users, snapshotAt),
    streamMemberships: (groupNames, { snapshotAt }) =>
      streamMemberships(asking, groupNames, snapshotAt),
    findMembershipVersions: (memberships) => findMembershipVersions(asking, memberships),
    findHead: () => findKnownHead(asking),
  };
}
