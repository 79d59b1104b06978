/**
 * The rules that split a pool's users into shards: by the first hex digits of `sub`, a UUID in lower
 * case. They do not decide which worker walks a shard.
 */

const DIGITS = Array.from('0123456789abcdef');

/** A dash follows the eighth character of a UUID, so a deeper shard would have no children. */
export const MAX_DEPTH = 7;

/** A walk of a shard this small takes seconds: a split costs more pages than it saves time. */
const SMALL = 1_200;
/** A larger shard is split even if it is a small part of the pool: it would outlast the others. */
const LARGE = 24_000;
/** A larger part of the pool is split, so that walks can run in parallel. */
const DOMINANT = 1 / 5;
/** An expectation exceeded by this factor was wrong… */
const OVERRUN = 4;
/** …and the shard is then expected to hold this many times what was read. */
const REESTIMATE = 16;
/**
 * Added to each child's count, so that an even spread weighs as much as a page. A service that lists
 * in order of `sub` fills the first page from a single child.
 */
const SMOOTHING = 4;
/**
 * A page with at most this part of its users in one child counts as an even spread: of sixty users
 * chance puts about four in each child, and rarely over ten. Trusting such a page would order walks
 * badly: some end up to a quarter late, and the last ones are too few to use the quota.
 */
const CHANCE = 1 / 4;

/** What is known about a shard. */
interface ShardView {
  readonly prefix: string;
  /** Users expected in it. */
  readonly expected: number;
  /** Users expected in the whole pool. */
  readonly total: number;
  /** Users that its unfinished walk has read so far; 0 before it starts. */
  readonly itemsRead: number;
}

/** The sixteen children of a shard, in order. Together they hold exactly its users. */
export function listChildren(prefix: string): string[] {
  return DIGITS.map((digit) => prefix + digit);
}

/** The Filter of ListUsers for a shard. */
export function prefixFilter(prefix: string): string {
  return `sub ^= "${prefix}"`;
}

/** True if a user with this `sub` belongs to the shard. The shard '' is the whole pool. */
export function isInside(prefix: string, sub: string | null): boolean {
  return prefix === '' || (sub?.startsWith(prefix) ?? false);
}

/** True if a user of the shard belongs to one of its children: the next character is a hex digit. */
export function hasChild(prefix: string, sub: string | null): boolean {
  return sub !== null && DIGITS.includes(sub.charAt(prefix.length));
}

/**
 * True if a shard with more users to read should be split: it is large, or a large part of the pool.
 * A walk that has read four times its expectation gets a new one. A shard of seven digits is never
 * split.
 */
export function shouldSplit({ prefix, expected, total, itemsRead }: ShardView): boolean {
  if (prefix.length >= MAX_DEPTH) return false;
  const overrun = itemsRead >= Math.max(SMALL, OVERRUN * expected);
  const likely = overrun ? REESTIMATE * itemsRead : expected;
  return likely > LARGE || (likely > SMALL && likely > total * DOMINANT);
}

/**
 * How many of a shard's `expected` users to expect in each child, in the order of `listChildren`.
 * They are in proportion to `known`: the users of a page of the shard, or their number by next digit.
 * Each is above 0, and their sum is `expected`.
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

/** Counts the users of a page; empty if they are spread evenly enough for chance. */
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
