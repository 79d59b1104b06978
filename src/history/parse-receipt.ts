import { z } from 'zod';
import { COMMON, parseDocument, SHA256, TIME, type Unreadable } from '../archive/manifest.ts';

/** A document beside the file of an access review: what was exported. */
const RECEIPT = z.object({
  ...COMMON,
  kind: z.literal('access-review'),
  exportedAt: TIME,
  groups: z.array(z.string()),
  rows: z.number().int().nonnegative(),
  /** Of the file as it was exported. */
  sha256: SHA256,
  /** Of the rows without the columns that reviewers fill in, by `ReviewDigest`. */
  rowsSha256: SHA256,
  head: z.object({ snapshot: z.string(), sha256: SHA256 }).nullable(),
});

export type ReviewReceipt = z.output<typeof RECEIPT>;

/** Parses a receipt. Returns the problem, the end of a sentence, if it cannot be read. */
export function parseReceipt(bytes: Buffer): ReviewReceipt | Unreadable {
  return parseDocument(bytes, RECEIPT);
}
