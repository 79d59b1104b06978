import type { ArchiveFormat } from '../config/config.ts';
import type { Counts } from '../model/snapshot.ts';

/**
 * What the estimates of `estimate.ts` rest on where nothing was measured of the pool itself:
 * docs/DESIGN.md, "Measurements", and docs/BENCHMARKS.md, with simulated users of about 600 bytes as
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
