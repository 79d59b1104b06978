import { createHash } from 'node:crypto';

/** What of an archive is verified. */
export interface Selection {
  /** The earliest and the latest time of a snapshot, both included. Null: no limit. */
  readonly from: Date | null;
  readonly to: Date | null;
  /**
   * How much of the objects is read: all of them, none (sizes are compared with the listing, and
   * checksums where the server shows them), or one of `of` parts, chosen by their keys.
   */
  readonly content: 'all' | 'structure' | Subset;
}

/** One part of the objects, counted from 1. */
export interface Subset {
  readonly part: number;
  readonly of: number;
  /** The keys of objects that are read too. */
  readonly also?: ReadonlySet<string>;
}

/** True if the time of a snapshot is in the range. */
export function isInRange(at: Date, { from, to }: Pick<Selection, 'from' | 'to'>): boolean {
  return (from === null || at >= from) && (to === null || at <= to);
}

/** True if an object is read. A key is always in the same part, so that `of` runs read everything. */
export function isRead(key: string, content: Selection['content']): boolean {
  if (typeof content === 'string') return content === 'all';
  if (content.also?.has(key)) return true;
  const hash = createHash('sha256').update(key).digest();
  return (hash.readUIntBE(0, 6) % content.of) + 1 === content.part;
}
