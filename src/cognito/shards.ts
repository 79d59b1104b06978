/**
 * How a pool's users are cut into shards: by the first hex digits of `sub`, a UUID in lower case.
 * Pure rules; who walks what is decided elsewhere.
 */

const DIGITS = Array.from('0123456789abcdef');

/** The eighth character of a UUID is followed by a dash, so deeper shards would have no digit. */
export const MAX_DEPTH = 7;

/** A shard this small is a walk of seconds: splitting it costs more pages than it saves time. */
const SMALL = 1_200;
/** A shard larger than this is split whatever its part of the pool: it would outlast the others. */
const LARGE = 24_000;
/** A larger part of the pool than this is split, so that walks can run side by side. */
const DOMINANT = 1 / 5;
/** An expectation overrun by this factor was wrong… */
const OVERRUN = 4;
/** …and the shard is then taken to hold this many times what was read. */
const REESTIMATE = 16;
/**
 * Added to each child's count, so that an even spread weighs as much as a page: a service that lists
 * by `sub` fills the first page from one child alone.
 */
const SMOOTHING = 4;
/**
 * A page with at most this part of its users in one child is what chance makes of an even spread (of
 * sixty, some four in each and seldom over ten), and is taken for one. By such a page walks would end
 * up to a quarter later than expected; they would be left for last, and be too few to use the quota.
 */
const CHANCE = 1 / 4;

/** What is known of a shard when it is judged. */
export interface ShardView {
  readonly prefix: string;
  /** Users expected in it. */
  readonly expected: number;
  /** Users expected in the whole pool. */
  readonly total: number;
  /** Users its walk has read so far, where more are to come; 0 before it began. */
  readonly itemsRead: number;
}

/** All sixteen children of a shard, in order: together they hold exactly its users. */
export function listChildren(prefix: string): string[] {
  return DIGITS.map((digit) => prefix + digit);
}

/** The Filter of ListUsers that chooses a shard's users. */
export function prefixFilter(prefix: string): string {
  return `sub ^= "${prefix}"`;
}

/** True if a user with this `sub` belongs to the shard. The shard '' is the whole pool. */
export function isInside(prefix: string, sub: string | null): boolean {
  return prefix === '' || (sub?.startsWith(prefix) ?? false);
}

/** True if a user of the shard is in one of its children: if the next character is a hex digit. */
export function hasChild(prefix: string, sub: string | null): boolean {
  return sub !== null && DIGITS.includes(sub.charAt(prefix.length));
}

/**
 * True if a shard with more users to come should be cut: because it is a large part of the pool,
 * or large in itself. A walk that has overrun its expectation fourfold is judged by a new one. A
 * shard of seven digits is never cut, so that cutting ends.
 */
export function shouldSplit({ prefix, expected, total, itemsRead }: ShardView): boolean {
  if (prefix.length >= MAX_DEPTH) return false;
  const overrun = itemsRead >= Math.max(SMALL, OVERRUN * expected);
  const likely = overrun ? REESTIMATE * itemsRead : expected;
  return likely > LARGE || (likely > SMALL && likely > total * DOMINANT);
}

/**
 * How many users to expect in each of the sixteen children of a shard of `expected` users, in the
 * order of `childrenOf`: in proportion to what is known, which is either the users on a page of
 * the shard or their number by next digit. None is 0, and their sum is `expected`.
 */
export function estimateChildren(
  prefix: string,
  expected: number,
  known: Iterable<{ readonly sub: string | null }> | ReadonlyMap<string, number>,
): number[] {
  const counts = 'get' in known ? known : countByNextDigit(prefix, known);
  const weights = DIGITS.map((digit) => (counts.get(digit) ?? 0) + SMOOTHING);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (expected * weight) / sum);
}

/** By the users of a page; none where they are spread as evenly as chance has it. */
function countByNextDigit(
  prefix: string,
  users: Iterable<{ readonly sub: string | null }>,
): Map<string, number> {
  const counts = new Map<string, number>();
  let total = 0;
  for (const { sub } of users) {
    if (sub === null || !isInside(prefix, sub)) continue;
    const digit = sub.charAt(prefix.length);
    counts.set(digit, (counts.get(digit) ?? 0) + 1);
    total += 1;
  }
  return Math.max(0, ...counts.values()) <= total * CHANCE ? new Map() : counts;
}
