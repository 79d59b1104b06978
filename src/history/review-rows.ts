import { createHash } from 'node:crypto';
import { parseTime } from '../common/time.ts';
import type { NamedMembership, ReviewedMembership } from '../model/history.ts';

/** A membership in an access review, with the role of its group. */
export interface ReviewRow extends ReviewedMembership {
  /** The ARN of the group's IAM role. */
  readonly roleArn: string | null;
}

/** The columns of a review that its receipt covers. `decision`, `reviewer` and `reason` follow them. */
export const REVIEW_FIELDS = [
  ...(['pool', 'group', 'role', 'username', 'name', 'email', 'status'] as const),
  ...(['enabled', 'member_since'] as const),
];

/** A row as text, in the order of `REVIEW_FIELDS`. */
export type ReviewFields = readonly (string | null)[];

/** `enabled` is yes or no, because a spreadsheet would change true to TRUE. */
export function toReviewFields(poolId: string, row: ReviewRow): ReviewFields {
  const { groupName, roleArn, username, name, email, status, enabled, memberSince } = row;
  return [
    ...[poolId, groupName, roleArn, username, name, email, status],
    ...[enabled === null ? null : enabled ? 'yes' : 'no', memberSince.toISOString()],
  ];
}

/** What identifies a row of a review. */
export interface ReviewKey extends NamedMembership {
  readonly poolId: string;
}

/** Finds the key of a row that a person may have edited; null if it has none. */
export function parseReviewFields(fields: ReviewFields): ReviewKey | null {
  const text = (name: (typeof REVIEW_FIELDS)[number]) => fields[REVIEW_FIELDS.indexOf(name)] ?? '';
  const poolId = withoutApostrophes(text('pool'));
  const memberSince = parseTime(withoutApostrophes(text('member_since')));
  const [groupName, username] = [text('group'), text('username')];
  return poolId === '' || groupName === '' || username === '' || memberSince === null
    ? null
    : { poolId, groupName, username, memberSince };
}

/** Spreadsheets add and remove them. */
function withoutApostrophes(text: string): string {
  return text.replace(/^'+/, '');
}

const DIGEST_BYTES = 32;

/**
 * Computes one SHA-256 of the rows of a review: over the sorted SHA-256 of each row in its canonical
 * form. So the order of the rows does not matter, and neither does what a spreadsheet changes when it
 * saves a file. It keeps a hash of each row.
 */
export class ReviewDigest {
  #rows = 0;
  #digests = Buffer.alloc(1024 * DIGEST_BYTES);

  /** The number of rows. */
  get rows(): number {
    return this.#rows;
  }

  add(fields: ReviewFields): void {
    const end = this.#rows * DIGEST_BYTES;
    if (end === this.#digests.length) {
      this.#digests = Buffer.concat([this.#digests, Buffer.alloc(end)]);
    }
    createHash('sha256').update(canonicalRow(fields)).digest().copy(this.#digests, end);
    this.#rows += 1;
  }

  /** The hash in lower-case hex. */
  digest(): string {
    const all = this.#digests;
    const startOf = (row: number) => row * DIGEST_BYTES;
    const order = Uint32Array.from({ length: this.#rows }, (_, row) => row).sort((a, b) =>
      all.compare(all, startOf(b), startOf(b + 1), startOf(a), startOf(a + 1)),
    );
    const hash = createHash('sha256');
    for (const row of order) hash.update(all.subarray(startOf(row), startOf(row + 1)));
    return hash.digest('hex');
  }
}

/**
 * A row in its canonical form: a JSON array of text without leading apostrophes and with line feeds
 * alone. The time is in UTC with milliseconds.
 */
function canonicalRow(fields: ReviewFields): string {
  const texts = fields.map((field) => withoutApostrophes(field ?? '').replaceAll(/\r\n?/g, '\n'));
  const since = REVIEW_FIELDS.indexOf('member_since');
  const time = parseTime(texts[since] ?? '');
  return JSON.stringify(time === null ? texts : texts.with(since, time.toISOString()));
}
