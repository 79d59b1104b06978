import { z } from 'zod';
import { COMMON, parseDocument, SHA256, TIME, type Unreadable } from '../archive/manifest.ts';
import { PROGRAM } from '../config/config.ts';
import type { ReviewSummary } from './review.ts';

const COUNT = z.number().int().nonnegative();

/** A document beside the file of an access review: what was exported. */
const RECEIPT = z.object({
  ...COMMON,
  kind: z.literal('access-review'),
  exportedAt: TIME,
  groups: z.array(z.string()),
  rows: COUNT,
  /** Of the file as it was exported. */
  sha256: SHA256,
  /** Of the rows without the columns that reviewers fill in, by `ReviewDigest`. */
  rowsSha256: SHA256,
  head: z.object({ snapshot: z.string(), sha256: SHA256 }).nullable(),
});

export type ReviewReceipt = z.output<typeof RECEIPT>;

/** @param sha256 that of the exported file, in lower-case hex */
export function formatReceipt(summary: ReviewSummary, sha256: string, exportedAt: Date): Buffer {
  const { poolId, snapshot, groups, rows, rowsSha256, head } = summary;
  const receipt: ReviewReceipt = {
    version: 1,
    kind: 'access-review',
    program: PROGRAM,
    poolId,
    snapshot,
    exportedAt: exportedAt.toISOString(),
    groups: [...groups],
    rows,
    sha256,
    rowsSha256,
    head,
  };
  return Buffer.from(`${JSON.stringify(receipt, null, 2)}\n`);
}

/** Parses a receipt. Returns the problem, the end of a sentence, if it cannot be read. */
export function parseReceipt(bytes: Buffer): ReviewReceipt | Unreadable {
  return parseDocument(bytes, RECEIPT);
}
