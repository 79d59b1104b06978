import {
  accessOfGroup,
  accessOfUser,
  type UseMembers,
  type UsersAccess,
} from '../history/access.ts';
import { type Diff, type DiffQuestion, diff, type UseChanges } from '../history/diff.ts';
import { type HistoryOfUsers, history } from '../history/profiles.ts';
import {
  checkRevocations,
  type ReviewSummary,
  reviewAccess,
  type UseReview,
  type UseRevocations,
} from '../history/review.ts';
import type { NamedMembership } from '../model/history.ts';
import type { PoolSource } from '../model/report-source.ts';
import { HashKey } from '../privacy/hash-key.ts';
import type { Report } from '../report/report.ts';
import type { CallOptions } from './calls.ts';
import type { ReportedArchive, ReportOptions } from './report.ts';

/** At which moment to ask about a pool. */
export interface AtOptions extends CallOptions {
  /** A snapshot id, a time by ISO 8601, `latest` or `previous`; by default `latest`. */
  readonly at?: string | undefined;
}

/** Which memberships to review. */
export interface ReviewOptions extends AtOptions {
  /** The names of the groups; by default all. */
  readonly groups?: readonly string[] | undefined;
}

/** Questions about the history of a pool. */
export interface HistoryQuestions {
  /**
   * Compares two states of a pool: published snapshots, or a published and the held one. Memory does
   * not grow with the number of changes.
   *
   * @param use receives the two states, and the changes in batches
   * @returns the counts
   */
  diff(poolId: string, use: UseChanges, options?: DiffQuestion & CallOptions): Promise<Diff>;
  /** Every version and membership of the users with this username, `sub` or e-mail address. */
  history(poolId: string, user: string, options?: CallOptions): Promise<HistoryOfUsers>;
  /**
   * Who is in a group, or was. Memory does not grow with the number of members.
   *
   * @param use receives the group, and its members in batches
   */
  accessOfGroup(
    poolId: string,
    groupName: string,
    use: UseMembers,
    options?: AtOptions,
  ): Promise<void>;
  /** What the users with this username, `sub` or e-mail address have, or had. */
  accessOfUser(poolId: string, user: string, options?: AtOptions): Promise<UsersAccess>;
  /**
   * The memberships of a pool for an access review. Memory holds one hash for each of them.
   *
   * @param use receives what the review covers, and the rows in batches
   * @returns what a receipt says about them, once `use` has read all
   */
  reviewAccess(poolId: string, use: UseReview, options?: ReviewOptions): Promise<ReviewSummary>;
  /**
   * What became of memberships that a review revoked.
   *
   * @param batches the memberships, as `reviewAccess` gave them
   * @param use receives the newest snapshot, and the memberships in batches with what became of them
   */
  checkRevocations<T extends NamedMembership>(
    poolId: string,
    batches: AsyncIterable<readonly T[]>,
    use: UseRevocations<T>,
    options?: CallOptions,
  ): Promise<void>;
  /**
   * What a report says about a pool and its changes, for `renderReport`. It verifies the archive of
   * the later snapshot. Memory grows with the limit of the lists, not with the pool.
   */
  report(poolId: string, options?: ReportOptions): Promise<Report>;
}

/** Answers one question about a pool: opens its source, and closes it afterwards. */
export type Ask = <T>(
  poolId: string,
  signal: AbortSignal | undefined,
  answer: (source: PoolSource, stop: AbortSignal) => Promise<T>,
) => Promise<T>;

/**
 * The questions, answered from the source that `question` opens.
 *
 * @param archive what a report verifies
 */
export function answerQuestions(question: Ask, archive: ReportedArchive): HistoryQuestions {
  const { hashKey } = archive.options;
  const key = hashKey ? new HashKey(hashKey) : null;
  return {
    diff: (poolId, use, { signal, ...options } = {}) =>
      question(poolId, signal, (source) => diff(source, options, use)),

    history: (poolId, user, { signal } = {}) =>
      question(poolId, signal, (source) => history(source, user, key)),

    accessOfGroup: (poolId, groupName, use, { signal, at = 'latest' } = {}) =>
      question(poolId, signal, (source) => accessOfGroup(source, groupName, at, use)),

    accessOfUser: (poolId, user, { signal, at = 'latest' } = {}) =>
      question(poolId, signal, (source) => accessOfUser(source, user, at, key)),

    reviewAccess: (poolId, use, { signal, groups = [], at = 'latest' } = {}) =>
      question(poolId, signal, (source) => reviewAccess(source, groups, at, use)),

    checkRevocations: (poolId, batches, use, { signal } = {}) =>
      question(poolId, signal, (source) => checkRevocations(source, batches, use)),

    report: (poolId, { signal, ...request } = {}) =>
      question(poolId, signal, async (source, stop) => {
        const { makeReport } = await import('./report.ts');
        return makeReport(source, request, archive, stop);
      }),
  };
}
