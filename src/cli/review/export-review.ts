import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { printable } from '../../common/printable.ts';
import { counted } from '../../common/text.ts';
import {
  formatReceipt,
  type HistoryQuestions,
  type LoadedOptions,
  type Mirror,
  type ReviewSummary,
  toReviewFields,
} from '../../index.ts';
import { formatSpreadsheetLine } from '../display/csv.ts';
import { NewFiles } from '../new-files.ts';
import { writeOut } from '../output.ts';
import { REVIEW_COLUMNS } from './read-review.ts';

/** The files beside that of a review. */
export const receiptPath = (path: string) => `${path}.receipt.json`;
export const signaturePath = (path: string) => `${receiptPath(path)}.sig`;

export interface ExportRequest {
  readonly poolId: string;
  readonly groups: readonly string[];
  readonly at: string;
  readonly out: string;
}

/** Who signs the receipt, and whom the memberships come from: the mirror itself, or an archive. */
export interface ReviewSources {
  readonly mirror: Mirror;
  readonly history: HistoryQuestions;
}

/** `access-review export`: writes the file, its receipt and the receipt's signature, or none of them. */
export async function exportReview(
  { mirror, history }: ReviewSources,
  { archiveSigningKey }: LoadedOptions,
  request: ExportRequest,
  signal: AbortSignal,
): Promise<void> {
  // A key that cannot be used shows before anything is written.
  if (archiveSigningKey) await mirror.allowedSigner({ signal });
  const { out } = request;
  const files = new NewFiles();
  let done: string;
  try {
    const file = await files.create(out);
    const receiptFile = await files.create(receiptPath(out));
    const { summary, sha256 } = await writeRows(history, file, request, signal);
    const receipt = formatReceipt(summary, sha256, new Date());
    const signature = await mirror.signReceipt(receipt, { signal });
    if (signature !== null) await (await files.create(signaturePath(out))).writeFile(signature);
    await receiptFile.writeFile(receipt);
    await files.finish();
    done = describe(out, summary, signature !== null);
  } catch (error) {
    await files.remove();
    throw error;
  }
  // The files stay even if the output is closed.
  await writeOut(done);
}

async function writeRows(
  history: HistoryQuestions,
  file: FileHandle,
  { poolId, groups, at }: ExportRequest,
  signal: AbortSignal,
): Promise<{ summary: ReviewSummary; sha256: string }> {
  const hash = createHash('sha256');
  const write = async (rows: readonly (readonly (string | null)[])[]) => {
    const bytes = Buffer.from(rows.map((row) => formatSpreadsheetLine(row, false)).join(''));
    hash.update(bytes);
    await file.writeFile(bytes);
  };
  const undecided = [null, null, null];
  await write([REVIEW_COLUMNS]);
  const summary = await history.reviewAccess(
    poolId,
    async (_, batches) => {
      for await (const rows of batches) {
        await write(rows.map((row) => [...toReviewFields(poolId, row), ...undecided]));
      }
    },
    { groups, at, signal },
  );
  return { summary, sha256: hash.digest('hex') };
}

function describe(out: string, summary: ReviewSummary, isSigned: boolean): string {
  const { poolId, snapshot, groups, rows } = summary;
  const scope = `${counted(rows, 'membership')} in ${counted(groups.length, 'group')}`;
  const lines = [
    `${poolId}: exported ${scope} at ${snapshot}.`,
    `  ${out}`,
    `  ${receiptPath(out)}`,
    isSigned
      ? `  ${signaturePath(out)}`
      : 'The receipt is not signed: ARCHIVE_SIGNING_KEY is not set.',
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}
