import { printable } from '../../common/printable.ts';
import { counted, formatCount } from '../../common/text.ts';
import type { At, Revocation } from '../../index.ts';
import type { ReviewedFile } from '../review/check-review.ts';
import type { DecidedRow } from '../review/read-review.ts';
import { pad, wrap } from './text-width.ts';

/** A revoked row, and what became of it. */
export type CheckedRow = DecidedRow & Revocation;

const LABEL_WIDTH = 11;

/**
 * What a reviewed file says, in lines of at most `width` columns.
 *
 * @param newest the snapshot that the revoked memberships are compared with; null for a file without rows
 */
export function formatReviewedFile(
  { decisions, receipt }: ReviewedFile,
  newest: At | null,
  width: number,
): string {
  const { keep, revoke, undecided } = decisions;
  const row = (label: string, text: string) =>
    wrap(`  ${pad(label, LABEL_WIDTH)}`, printable(text), width);
  const words = [`keep ${formatCount(keep)}`, `revoke ${formatCount(revoke)}`];
  const lines = [
    newest === null ? 'no rows' : `${newest.poolId} at ${newest.snapshot}`,
    ...row('decisions', [...words, `undecided ${formatCount(undecided)}`].join(', ')),
    ...row('receipt', describeReceipt(receipt)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function describeReceipt(checked: ReviewedFile['receipt']): string {
  if (checked === null) return 'none beside the file: nothing shows that its rows are unchanged';
  const { receipt, signedBy } = checked;
  const rows = `${counted(receipt.rows, 'row')} unchanged since the export of ${receipt.snapshot}`;
  return `${rows}, ${signedBy === null ? 'not signed' : `signed by ${signedBy}`}`;
}

/** A revoked row in lines of at most `width` columns. */
export function formatChecked(row: CheckedRow, width: number): string {
  const { line, groupName, username } = row;
  const text = `line ${line}: ${username} in ${groupName}: ${describeRevocation(row)}`;
  return wrap('  ', printable(text), width)
    .map((each) => `${each}\n`)
    .join('');
}

function describeRevocation({ state, goneSince, backSince }: Revocation): string {
  if (state === 'unknown') return 'unknown: the history has no such membership';
  if (state === 'gone') return `gone since ${goneSince}`;
  return backSince === null
    ? 'still there'
    : `still there: gone since ${goneSince}, back since ${backSince}`;
}

/** How many revoked memberships are in each state. */
export type RevocationCounts = Readonly<Record<Revocation['state'], number>>;

export function formatRevocationCounts({ there, gone, unknown }: RevocationCounts): string {
  const words = [`${formatCount(there)} still there`, `${formatCount(gone)} gone`];
  if (unknown > 0) words.push(`${formatCount(unknown)} unknown`);
  return `revoked memberships: ${words.join(', ')}\n`;
}
