import type { HistorySource } from '../../model/history-source.ts';
import { listGroups, listUsers, streamMembers } from './access.ts';
import type { Asking } from './ask.ts';
import { hasGroup, streamGroupDifferences, streamUserDifferences } from './differences.ts';
import { findCurrentAt, listNewest } from './moments.ts';
import { explainUnpublished, findHeldPoint, findPointById } from './points.ts';
import { findProfiles, listHistories } from './profiles.ts';
import { findKnownHead, findMembershipVersions, streamMemberships } from './review.ts';

/** The database as the source of answers, in the transaction of `asking`. */
export function postgresSource(asking: Asking): HistorySource {
  return {
    poolId: asking.poolId,
    listNewest: (limit) => listNewest(asking, limit),
    findCurrentAt: (at) => findCurrentAt(asking, at),
    findSnapshot: (subject, snapshotAt) => findPointById(asking, subject, snapshotAt),
    findHeld: (subject) => findHeldPoint(asking, subject),
    explainEmpty: () => explainUnpublished(asking),
    hasGroup: (span, groupName) => hasGroup(asking, span, groupName),
    streamGroupDifferences: (span, groupName) => streamGroupDifferences(asking, span, groupName),
    streamUserDifferences: (span, groupName) => streamUserDifferences(asking, span, groupName),
    findProfiles: (user, limit) => findProfiles(asking, user, limit),
    listHistories: (profiles) => listHistories(asking, profiles),
    listGroups: ({ snapshotAt }) => listGroups(asking, snapshotAt),
    streamMembers: (groupName, { snapshotAt }) => streamMembers(asking, groupName, snapshotAt),
    listUsers: (profiles, { snapshotAt }) => listUsers(asking, profiles, snapshotAt),
    streamMemberships: (groupNames, { snapshotAt }) =>
      streamMemberships(asking, groupNames, snapshotAt),
    findMembershipVersions: (memberships) => findMembershipVersions(asking, memberships),
    findHead: () => findKnownHead(asking),
  };
}
