import { PROGRAM } from '../config/config.ts';
import type { ReviewReceipt } from './parse-receipt.ts';
import type { ReviewSummary } from './review.ts';

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
