import type { ParsedManifest } from '../archive/manifest.ts';
import { FULL_PAGE } from '../cognito/pages.ts';
import type { ArchiveFormat } from '../config/config.ts';
import { type Counts, DATASETS, type Dataset } from '../model/snapshot.ts';
import type { LastSnapshot } from '../postgres/store/last-snapshot.ts';
import { MAX_CONFIRMATIONS } from '../snapshot/confirm-users.ts';
import { computeItemsPerPage, type ListCalls, listCalls } from './list-calls.ts';

/** What is known of a pool before its snapshot is taken, without a user having been read. */
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
  /** The newest archive of the pool; null where there is none. */
  readonly archive: { readonly key: string; readonly objects: ParsedManifest['objects'] } | null;
  readonly formats: readonly ArchiveFormat[];
  /** Calls of the UserList bucket that are allowed a second. */
  readonly callsASecond: number;
  /** How long the service takes for an answer. */
  readonly answerSeconds: number;
}

/** What a snapshot of a pool is likely to take: the form of `plan --json`, but for the pool's own fields. */
export interface Estimate {
  /** The snapshot that it rests on; null before a pool's first. */
  readonly lastSnapshot: string | null;
  /** The larger of the service's estimate, which may be old, and the last snapshot's users. */
  readonly users: number;
  readonly estimatedUsers: number;
  readonly groups: number;
  /** In groups of known size; null where none is known. */
  readonly memberships: number | null;
  /** Groups that the last snapshot did not have: what follows is at least, where there are any. */
  readonly unknownGroups: number;
  readonly calls: {
    readonly describeUserPool: number;
    readonly listGroups: number;
    readonly listUsers: number;
    readonly listUsersInGroup: number;
    readonly total: number;
  };
  /** Items that a page has on average: as in the last snapshot, else 60. */
  readonly itemsAPage: number;
  readonly callsASecond: number;
  readonly answerSeconds: number;
  /** Calls of the longest chain of page tokens. */
  readonly longestChain: number;
  /** Reading takes the longer of `quota` and `chain`; `total` is that and what comes after it. */
  readonly seconds: {
    readonly quota: number;
    readonly chain: number;
    readonly publish: number;
    readonly archive: number;
    readonly total: number;
  };
  /** Rows that are new or differ, and bytes that the database grows by; null where unknown. */
  readonly changedRows: number | null;
  readonly databaseBytes: number | null;
  readonly archive: {
    readonly formats: readonly ArchiveFormat[];
    readonly bytes: number;
    /** The manifest whose bytes a row it goes by; null where those of simulated users serve. */
    readonly manifest: string | null;
  };
}

/** Estimates what the pool's next snapshot takes. Pure; `assumptions.ts` has what it assumes. */
export function estimate(known: KnownOfPool): Estimate {
  const { last, groups, formats, callsASecond, answerSeconds } = known;
  const users = Math.max(known.estimatedUsers, last?.users ?? 0);
  const members = groups.names.map((name) => last?.members.get(name) ?? null);
  const memberships = members.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const unknownGroups = members.filter((count) => count === null).length;
  const counts = { users, groups: members.length, memberships };

  const perPage = last === null ? FULL_PAGE : lastItemsAPage(last, groups.calls);
  const lists = listCalls({ users, members }, perPage);
  const changes = last === null ? counts : changesSince(last, users);
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
      total: 1 + groups.calls + lists.listUsers + lists.listUsersInGroup,
    },
    itemsAPage: rounded(perPage),
    callsASecond,
    answerSeconds: rounded(answerSeconds),
    longestChain: lists.longestChain,
    seconds: secondsOf(known, lists, counts),
    changedRows: changes && sumOf(changes, () => 1),
    databaseBytes: changes && sumOf(changes, (dataset) => DATABASE_BYTES[dataset]),
    archive: {
      formats,
      bytes: archiveBytes(counts, known),
      manifest: known.archive?.key ?? null,
    },
  };
}

/** What the last snapshot's calls, but for those that were not of its lists, tell of its pages. */
function lastItemsAPage(last: LastSnapshot, groupCalls: number): number {
  const lookUps = Math.min(last.removed, MAX_CONFIRMATIONS);
  const sizes = { users: last.users, members: [...last.members.values()] };
  return computeItemsPerPage(sizes, last.calls - lookUps - groupCalls - 1);
}

/** The changes that are likely: those of the last time, and users whom the pool has gained since. */
function changesSince({ changes, users: before }: LastSnapshot, users: number): Counts | null {
  return changes && { ...changes, users: Math.max(changes.users, users - before) };
}

function secondsOf(
  { groups, callsASecond, answerSeconds }: KnownOfPool,
  lists: ListCalls,
  counts: Counts,
): Estimate['seconds'] {
  const quota = (lists.listUsers + lists.listUsersInGroup) / callsASecond;
  // No walk over members begins before the groups are listed.
  const chain = groups.seconds + lists.longestChain * answerSeconds;
  const publish = counts.users / CHECKED_A_SECOND + counts.users / PUBLISHED_A_SECOND;
  const archive = sumOf(counts, () => 1) / ARCHIVED_A_SECOND;
  return {
    quota: rounded(quota),
    chain: rounded(chain),
    publish: rounded(publish),
    archive: rounded(archive),
    total: rounded(Math.max(quota, chain) + publish + archive),
  };
}

/** By the bytes a row that the last archive has in a format and dataset, where it has any. */
function archiveBytes(counts: Counts, { archive, formats }: KnownOfPool): number {
  const bytesARow = (format: ArchiveFormat, dataset: Dataset) => {
    const parts = (archive?.objects ?? []).filter(
      (object) => object.format === format && object.dataset === dataset,
    );
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    return rows > 0 ? bytes / rows : ARCHIVE_BYTES[format][dataset];
  };
  return Math.round(
    formats.reduce((sum, format) => sum + sumOf(counts, (each) => bytesARow(format, each)), 0),
  );
}

function sumOf(counts: Counts, weight: (dataset: Dataset) => number): number {
  return DATASETS.reduce((sum, dataset) => sum + counts[dataset] * weight(dataset), 0);
}

/** To thousandths. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/**
 * What the estimates of `estimate.ts` rest on where nothing was measured of the pool itself:
 * docs/BENCHMARKS.md ("Sizes and estimates"), with simulated users of about 600 bytes as
 * the service sends them and 1.8 memberships each.
 */

/** Bytes of a row in Postgres, its indexes and a user's hash included. */
export const DATABASE_BYTES: Counts = { users: 940, groups: 380, memberships: 380 };

/** Bytes of a row in an archive. */
export const ARCHIVE_BYTES: Readonly<Record<ArchiveFormat, Counts>> = {
  parquet: { users: 116, groups: 30, memberships: 37 },
  jsonl: { users: 123, groups: 35, memberships: 27 },
};

/** Users a second whose snapshot is checked, and then published, with their memberships. */
export const CHECKED_A_SECOND = 100_000;
export const PUBLISHED_A_SECOND = 40_000;

/** Rows a second of an archive in both formats. */
export const ARCHIVED_A_SECOND = 100_000;
