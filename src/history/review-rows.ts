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
/** How many hashes one buffer keeps. */
const CHUNK = 65_536;

/**
 * Computes one SHA-256 of the rows of a review: over the sorted SHA-256 of each row in its canonical
 * form. So the order of the rows does not matter, and neither does what a spreadsheet changes when it
 * saves a file. It keeps a hash of each row, in 32 bytes.
 */
export class ReviewDigest {
  readonly #chunks: Buffer[] = [];
  #rows = 0;

  /** The number of rows. */
  get rows(): number {
    return this.#rows;
  }

  add(fields: ReviewFields): void {
    if (this.#rows % CHUNK === 0) this.#chunks.push(Buffer.alloc(CHUNK * DIGEST_BYTES));
    const digest = createHash('sha256').update(canonicalRow(fields)).digest();
    digest.copy(this.#chunkOf(this.#rows), startOf(this.#rows));
    this.#rows += 1;
  }

  /** The hash in lower-case hex. */
  digest(): string {
    const order = Uint32Array.from({ length: this.#rows }, (_, row) => row);
    order.sort((a, b) => this.#compare(a, b));
    const hash = createHash('sha256');
    for (const row of order) {
      hash.update(this.#chunkOf(row).subarray(startOf(row), startOf(row) + DIGEST_BYTES));
    }
    return hash.digest('hex');
  }

  #compare(a: number, b: number): number {
    const [startA, startB] = [startOf(a), startOf(b)];
    return this.#chunkOf(a).compare(
      this.#chunkOf(b),
      ...[startB, startB + DIGEST_BYTES, startA, startA + DIGEST_BYTES],
    );
  }

  #chunkOf(row: number): Buffer {
    return this.#chunks[Math.floor(row / CHUNK)] as Buffer;
  }
}

/** Where the hash of a row begins in its chunk. */
function startOf(row: number): number {
  return (row % CHUNK) * DIGEST_BYTES;
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
