import { PROGRAM } from '../config/config.ts';
import type { ReviewSummary } from './review.ts';

/** A document beside the file of an access review: what was exported. */
export interface ReviewReceipt {
  readonly version: number;
  readonly kind: 'access-review';
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  readonly poolId: string;
  readonly snapshot: string;
  readonly exportedAt: string;
  readonly groups: readonly string[];
  readonly rows: number;
  /** Of the file as it was exported. */
  readonly sha256: string;
  /** Of the rows without the columns that reviewers fill in, by `ReviewDigest`. */
  readonly rowsSha256: string;
  readonly head: { readonly snapshot: string; readonly sha256: string } | null;
}

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
