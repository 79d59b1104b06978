import type { ParsedManifest } from '../archive/manifest.ts';
import { FULL_PAGE } from '../cognito/pages.ts';
import type { ArchiveFormat } from '../config/config.ts';
import { type Counts, DATASETS, type Dataset } from '../model/snapshot.ts';
import type { LastSnapshot } from '../postgres/store/last-snapshot.ts';
import { MAX_CONFIRMATIONS } from '../snapshot/confirm-users.ts';
import { computeItemsPerPage, countListCalls, type ListCalls } from './list-calls.ts';

/** What is known about a pool before its snapshot, without reading a user. */
export interface KnownOfPool {
  /** The service's own estimate. */
  readonly estimatedUsers: number;
  /** The names of its groups, the calls that listed them, and how long that took. */
  readonly groups: {
    readonly names: readonly string[];
    readonly calls: number;
    readonly seconds: number;
  };
  readonly last: LastSnapshot | null;
  /** The newest archive of the pool, or null. */
  readonly archive: { readonly key: string; readonly objects: ParsedManifest['objects'] } | null;
  readonly formats: readonly ArchiveFormat[];
  /** Calls a second that the UserList bucket allows. */
  readonly callsASecond: number;
  /** The most calls for MFA states, and how many a second; null: the snapshot reads none. */
  readonly mfa: { readonly budget: number; readonly callsASecond: number } | null;
  /** How long the service takes to answer. */
  readonly answerSeconds: number;
}

/** What a snapshot of a pool will probably take, in the form of `plan --json` without the pool's fields. */
export interface Estimate {
  /** The snapshot that the estimate is based on; null before a pool's first. */
  readonly lastSnapshot: string | null;
  /** The larger of the service's estimate, which may be old, and the last snapshot's users. */
  readonly users: number;
  readonly estimatedUsers: number;
  readonly groups: number;
  /** In groups of known size; null if all sizes are unknown. */
  readonly memberships: number | null;
  /** Groups that the last snapshot did not have. If there are any, the following numbers are minimums. */
  readonly unknownGroups: number;
  readonly calls: {
    readonly describeUserPool: number;
    readonly listGroups: number;
    readonly listUsers: number;
    readonly listUsersInGroup: number;
    /** For MFA states. */
    readonly adminGetUser: number;
    readonly total: number;
  };
  /** Items per page on average: as in the last snapshot, else 60. */
  readonly itemsAPage: number;
  readonly callsASecond: number;
  readonly answerSeconds: number;
  /** Calls of the longest chain of page tokens. */
  readonly longestChain: number;
  /** Reading takes the longer of `quota` and `chain`; `total` adds MFA states, publishing and archiving. */
  readonly seconds: {
    readonly quota: number;
    readonly chain: number;
    readonly mfa: number;
    readonly publish: number;
    readonly archive: number;
    readonly total: number;
  };
  /** Rows that are new or differ, and the growth of the database in bytes; null if unknown. */
  readonly changedRows: number | null;
  readonly databaseBytes: number | null;
  readonly archive: {
    readonly formats: readonly ArchiveFormat[];
    readonly bytes: number;
    /** The manifest whose bytes per row are used; null if the sizes of simulated users are used. */
    readonly manifest: string | null;
  };
}

/** Estimates what the pool's next snapshot takes, with the assumptions below. Pure. */
export function estimate(known: KnownOfPool): Estimate {
  const { last, groups, formats, callsASecond, answerSeconds } = known;
  const users = Math.max(known.estimatedUsers, last?.users ?? 0);
  const members = groups.names.map((name) => last?.members.get(name) ?? null);
  const memberships = members.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const unknownGroups = members.filter((count) => count === null).length;
  const counts = { users, groups: members.length, memberships };

  const perPage = last === null ? FULL_PAGE : computeLastItemsAPage(last, groups.calls);
  const lists = countListCalls({ users, members }, perPage);
  const changes = last === null ? counts : estimateChanges(last, users);
  const mfaCalls = Math.min(known.mfa?.budget ?? 0, users);
  return {
    lastSnapshot: last?.snapshot ?? null,
    users,
    estimatedUsers: known.estimatedUsers,
    groups: members.length,
    memberships: unknownGroups > 0 && unknownGroups === members.length ? null : memberships,
    unknownGroups,
    calls: {
      describeUserPool: 1,
      listGroups: groups.calls,
      listUsers: lists.listUsers,
      listUsersInGroup: lists.listUsersInGroup,
      adminGetUser: mfaCalls,
      total: 1 + groups.calls + lists.listUsers + lists.listUsersInGroup + mfaCalls,
    },
    itemsAPage: round(perPage),
    callsASecond,
    answerSeconds: round(answerSeconds),
    longestChain: lists.longestChain,
    seconds: estimateSeconds(known, lists, counts, mfaCalls),
    changedRows: changes && sumWeighted(changes, () => 1),
    databaseBytes: changes && sumWeighted(changes, (dataset) => DATABASE_BYTES[dataset]),
    archive: {
      formats,
      bytes: estimateArchiveBytes(counts, known),
      manifest: known.archive?.key ?? null,
    },
  };
}

/** The page size that the last snapshot's list calls imply. */
function computeLastItemsAPage(last: LastSnapshot, groupCalls: number): number {
  const confirmations = Math.min(last.removed, MAX_CONFIRMATIONS);
  const sizes = { users: last.users, members: [...last.members.values()] };
  return computeItemsPerPage(sizes, last.calls - confirmations - groupCalls - 1);
}

/** The likely changes: as many as last time, or the users that the pool gained since. */
function estimateChanges({ changes, users: before }: LastSnapshot, users: number): Counts | null {
  return changes && { ...changes, users: Math.max(changes.users, users - before) };
}

function estimateSeconds(
  { groups, callsASecond, answerSeconds, mfa: ofMfa }: KnownOfPool,
  lists: ListCalls,
  counts: Counts,
  mfaCalls: number,
): Estimate['seconds'] {
  const quota = (lists.listUsers + lists.listUsersInGroup) / callsASecond;
  // Walks over members start after the groups are listed.
  const chain = groups.seconds + lists.longestChain * answerSeconds;
  const mfa = ofMfa === null ? 0 : mfaCalls / ofMfa.callsASecond;
  const publish = counts.users / CHECKED_A_SECOND + counts.users / PUBLISHED_A_SECOND;
  const archive = sumWeighted(counts, () => 1) / ARCHIVED_A_SECOND;
  return {
    quota: round(quota),
    chain: round(chain),
    mfa: round(mfa),
    publish: round(publish),
    archive: round(archive),
    total: round(Math.max(quota, chain) + mfa + publish + archive),
  };
}

/** Uses the bytes per row of the last archive in each format and dataset, if it has any. */
function estimateArchiveBytes(counts: Counts, { archive, formats }: KnownOfPool): number {
  const bytesARow = (format: ArchiveFormat, dataset: Dataset) => {
    const parts = (archive?.objects ?? []).filter(
      (object) => object.format === format && object.dataset === dataset,
    );
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    return rows > 0 ? bytes / rows : ARCHIVE_BYTES[format][dataset];
  };
  return Math.round(
    formats.reduce(
      (sum, format) => sum + sumWeighted(counts, (each) => bytesARow(format, each)),
      0,
    ),
  );
}

function sumWeighted(counts: Counts, weight: (dataset: Dataset) => number): number {
  return DATASETS.reduce((sum, dataset) => sum + counts[dataset] * weight(dataset), 0);
}

/** Rounds to thousandths. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/**
 * Assumptions for values that were not measured for the pool itself. They come from
 * docs/BENCHMARKS.md ("Sizes and estimates"), with simulated users of about 600 bytes as the service
 * sends them, and 1.8 memberships each.
 */

/** Bytes of a row in Postgres, including its indexes and a user's hash. */
const DATABASE_BYTES: Counts = { users: 940, groups: 380, memberships: 380 };

/** Bytes of a row in an archive. */
const ARCHIVE_BYTES: Readonly<Record<ArchiveFormat, Counts>> = {
  parquet: { users: 116, groups: 30, memberships: 37 },
  jsonl: { users: 123, groups: 35, memberships: 27 },
  csv: { users: 109, groups: 31, memberships: 26 },
};

/** Users a second that are checked and published, with their memberships. */
const CHECKED_A_SECOND = 100_000;
const PUBLISHED_A_SECOND = 40_000;

/** Rows a second of an archive in both formats. */
const ARCHIVED_A_SECOND = 100_000;
