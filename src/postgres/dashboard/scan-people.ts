import type { Asking } from '../history/ask.ts';
import { PUBLISHED_STATES } from '../store/states.ts';
import type { Comparison, FoundPerson } from './find-people.ts';

type Db = Pick<Asking, 'db'>;

/** What to look for among the current users of some pools. */
export interface ScanQuestion {
  readonly poolIds: readonly string[];
  /** The name of an attribute; null for the username. */
  readonly attribute: string | null;
  readonly text: string;
  readonly comparison: Comparison;
  /** The hashes that stand for the text where the attribute is hashed. */
  readonly hashes: readonly string[];
}

/** What a scan found, until it had enough or its time was over. */
export interface Scan {
  readonly people: readonly FoundPerson[];
  /** Where to continue; null at the end. It can hold a username. */
  readonly next: string | null;
  /** The share of users before `next`, 0 to 1; null if it is unknown. */
  readonly scanned: number | null;
}

/** A step is short, so that a scan ends in time even if it reads from a disk. */
const STEP_BLOCKS = 2_000;
const STEP_USERS = 20_000;

/**
 * A pool with less than this share of all users is read by its key. A larger one is read in the order of
 * the table, which costs half as much for each user.
 */
const SMALL_SHARE = 0.3;

const COLUMNS = `pool_id AS "poolId", username, sub, email, name, status, enabled,
  NULL::timestamptz AS "goneAt"`;

/**
 * Looks at current users, one after the other, until `limit` are found or `budgetMs` is over. There is no
 * index of arbitrary attributes, because it would slow down every first publication.
 *
 * @param from `next` of the scan that this one continues; null to begin
 */
export async function scanPeople(
  asking: Db,
  question: ScanQuestion,
  from: string | null,
  limit: number,
  budgetMs: number,
): Promise<Scan> {
  const started = performance.now();
  const people: FoundPerson[] = [];
  const begun = parsePosition(from) ?? { way: await chooseWay(asking, question), position: null };
  const step = STEPS[begun.way];
  let { position } = begun;
  for (;;) {
    const found = await step(asking, question, position, limit - people.length);
    people.push(...found.people);
    if (found.next === null) return { people, next: null, scanned: 1 };
    position = found.next;
    if (people.length >= limit || performance.now() - started >= budgetMs) {
      return { people, next: `${begun.way}:${position}`, scanned: found.scanned };
    }
  }
}

/** How users are read: in the order of the table, or of one pool's names. */
type Way = 'block' | 'name';

function parsePosition(from: string | null): { way: Way; position: string } | null {
  if (from?.startsWith('name:')) return { way: 'name', position: from.slice('name:'.length) };
  const [, tuple] = /^block:(\(\d{1,9},\d{1,4}\))$/.exec(from ?? '') ?? [];
  return tuple === undefined ? null : { way: 'block', position: tuple };
}

async function chooseWay({ db }: Db, { poolIds }: ScanQuestion): Promise<Way> {
  if (poolIds.length !== 1) return 'block';
  const { rows } = await db.query<{ share: number | null }>(
    `SELECT users / nullif((
       SELECT reltuples FROM pg_class WHERE oid = 'directory.users'::regclass
     )::double precision, 0) AS share
     FROM directory.snapshots WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES}
     ORDER BY snapshot_at DESC LIMIT 1`,
    [poolIds[0]],
  );
  // The share is negative or null without statistics.
  return (rows[0]?.share ?? 0) < SMALL_SHARE ? 'name' : 'block';
}

/** Reads a part of the users after a position. */
type Step = (
  asking: Db,
  question: ScanQuestion,
  position: string | null,
  limit: number,
) => Promise<Scan>;

const readBlocks: Step = async ({ db }, question, position, limit) => {
  const after = position ?? '(0,0)';
  const end = Number(/\d+/.exec(after)?.[0]) + STEP_BLOCKS;
  const values: unknown[] = [question.poolIds, after, `(${end},0)`, limit];
  const found = await db.query<FoundPerson & { tuple: string }>(
    `SELECT ctid::text AS tuple, ${COLUMNS} FROM directory.users
     WHERE ctid > $2::tid AND ctid < $3::tid AND pool_id = ANY ($1) AND ${matches(question, values)}
     ORDER BY ctid LIMIT $4`,
    values,
  );
  const blocks = await countBlocks(db);
  const last = found.rows.length === limit ? found.rows.at(-1)?.tuple : undefined;
  return {
    people: found.rows.map(({ tuple: _, ...person }) => person),
    next: last ?? (end < blocks ? `(${end},0)` : null),
    scanned: Math.min(1, Number(/\d+/.exec(last ?? `(${end},0)`)?.[0]) / blocks),
  };
};

async function countBlocks(db: Asking['db']): Promise<number> {
  const { rows } = await db.query<{ blocks: string }>(
    `SELECT pg_relation_size('directory.users') / current_setting('block_size')::integer AS blocks`,
  );
  return Math.max(1, Number(rows[0]?.blocks));
}

const readNames: Step = async ({ db }, question, position, limit) => {
  const [poolId] = question.poolIds;
  const after = position ?? '';
  const { rows } = await db.query<{ username: string }>(
    `SELECT username FROM directory.users WHERE pool_id = $1 AND username > $2
     ORDER BY username OFFSET $3 LIMIT 1`,
    [poolId, after, STEP_USERS - 1],
  );
  const end = rows[0]?.username ?? null;
  const values: unknown[] = [poolId, after, end, limit];
  const found = await db.query<FoundPerson>(
    `SELECT ${COLUMNS} FROM directory.users
     WHERE pool_id = $1 AND username > $2 AND ($3::text IS NULL OR username <= $3)
       AND ${matches(question, values)}
     ORDER BY username LIMIT $4`,
    values,
  );
  const last = found.rows.length === limit ? found.rows.at(-1)?.username : undefined;
  return { people: found.rows, next: last ?? end, scanned: null };
};

const STEPS: Readonly<Record<Way, Step>> = { block: readBlocks, name: readNames };

/** The condition of a question, whose parameters it appends. */
function matches({ attribute, text, comparison, hashes }: ScanQuestion, values: unknown[]): string {
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const value = attribute === null ? 'username' : `(attributes ->> ${parameter(attribute)})`;
  const lowered = `lower(${value} COLLATE "C")`;
  const conditions = inCases(text).map((each) =>
    comparison === 'is'
      ? `${lowered} = ${parameter(each)}`
      : `starts_with(${lowered}, ${parameter(each)})`,
  );
  if (hashes.length > 0) conditions.push(`${value} = ANY (${parameter(hashes)})`);
  return `(${conditions.join(' OR ')})`;
}

/**
 * The spellings of a text that differ in case, with ASCII in lower case. Postgres lowers ASCII alone by
 * collation C: in half the time of another collation, and in the same way on every server.
 */
function inCases(text: string): string[] {
  const lower = text.toLowerCase();
  const [first = ''] = text;
  const capitalised = first.toUpperCase() + lower.slice(first.length);
  const spellings = [text, lower, text.toUpperCase(), capitalised];
  return [...new Set(spellings.map(lowerAscii))];
}

function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
