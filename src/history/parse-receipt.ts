import { z } from 'zod';
import { COMMON, parseDocument, SHA256, TIME, type Unreadable } from '../archive/manifest.ts';
import type { ReviewReceipt } from './receipt.ts';

const RECEIPT = z.object({
  ...COMMON,
  kind: z.literal('access-review'),
  exportedAt: TIME,
  groups: z.array(z.string()),
  rows: z.number().int().nonnegative(),
  sha256: SHA256,
  rowsSha256: SHA256,
  head: z.object({ snapshot: z.string(), sha256: SHA256 }).nullable(),
}) satisfies z.ZodType<ReviewReceipt>;

/** Parses a receipt. Returns the problem, the end of a sentence, if it cannot be read. */
export function parseReceipt(bytes: Buffer): ReviewReceipt | Unreadable {
  return parseDocument(bytes, RECEIPT);
}
