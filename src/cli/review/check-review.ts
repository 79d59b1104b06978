import { readFile } from 'node:fs/promises';
import {
  ActionRequiredError,
  type CheckedReceipt,
  checkReceipt,
  ReviewDigest,
} from '../../index.ts';
import { receiptPath, signaturePath } from './export-review.ts';
import { type DecidedRow, type Decision, readReview } from './read-review.ts';

/** What a reviewed file says, before the mirror is asked about it. */
export interface ReviewedFile {
  /** Null if it has no row. */
  readonly poolId: string | null;
  readonly decisions: Readonly<Record<Decision, number>>;
  /** Null if no receipt is beside the file. */
  readonly receipt: CheckedReceipt | null;
}

/**
 * Reads a reviewed file to its end, and compares its rows with the receipt beside it.
 *
 * @throws ActionRequiredError if a line is wrong, or the rows are not those of the receipt
 */
export async function readReviewedFile(path: string, signal: AbortSignal): Promise<ReviewedFile> {
  const decisions = { keep: 0, revoke: 0, undecided: 0 };
  const digest = new ReviewDigest();
  let poolId: string | null = null;
  for await (const rows of readReview(path, signal)) {
    for (const row of rows) {
      poolId = row.poolId;
      decisions[row.decision] += 1;
      digest.add(row.fields);
    }
  }
  return { poolId, decisions, receipt: await compareWithReceipt(path, digest) };
}

async function compareWithReceipt(
  path: string,
  digest: ReviewDigest,
): Promise<CheckedReceipt | null> {
  const bytes = await readIfThere(receiptPath(path));
  if (bytes === null) return null;
  const checked = await checkReceipt(bytes, await readIfThere(signaturePath(path)));
  if ('problem' in checked) {
    const remedy = 'Restore the receipt and its signature, or export again.';
    throw ActionRequiredError.of(
      receiptPath(path),
      `the receipt cannot be used: ${checked.problem}.`,
      remedy,
    );
  }
  const { rows, rowsSha256 } = checked.receipt;
  const restore = 'Restore the rows from the export; only the last three columns may change.';
  if (digest.rows !== rows) {
    throw ActionRequiredError.of(
      path,
      `has ${digest.rows} rows, but its receipt has ${rows}.`,
      restore,
    );
  }
  if (digest.digest() !== rowsSha256) {
    throw ActionRequiredError.of(
      path,
      'its rows are not those of its receipt: a value was changed.',
      restore,
    );
  }
  return checked;
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw ActionRequiredError.of(path, `cannot be read (${code}).`, 'Let this user read it.');
  }
}

/** The revoked rows of a file, in batches. */
export async function* readRevoked(
  path: string,
  signal: AbortSignal,
): AsyncIterable<readonly DecidedRow[]> {
  for await (const rows of readReview(path, signal)) {
    const revoked = rows.filter(({ decision }) => decision === 'revoke');
    if (revoked.length > 0) yield revoked;
  }
}
