import type pg from 'pg';
import { encodeName, escapeUnstorable, isStorable } from '../../model/storable.ts';
import {
  type Comparison,
  type FoundPerson,
  findPeople,
} from '../../postgres/dashboard/find-people.ts';
import { scanPeople } from '../../postgres/dashboard/scan-people.ts';
import { type Asking, askPool } from '../../postgres/history/ask.ts';
import { listHidden } from '../../postgres/history/hidden.ts';
import type { HashKey } from '../../privacy/hash-key.ts';
import { isHashed } from '../../privacy/hash-key.ts';

/** The most persons of one page. */
export const PAGE_SIZE = 50;

/** How long users without an index are looked at. The rest of a second is for everything else. */
const SCAN_MS = 700;

/** The longest that one statement may take, on a database that is slow or busy. */
export const STATEMENT_MS = 5_000;

/** Longer than any attribute, name or address of the service: 2,048 characters. */
const LONGEST_TEXT = 2_048;

/** What somebody searches for. */
export interface PeopleQuestion {
  readonly poolIds: readonly string[];
  /** The name of an attribute; null for username, e-mail address or `sub`. */
  readonly attribute: string | null;
  readonly text: string;
  readonly comparison: Comparison;
  /** `next` of the page before; null for the first one. */
  readonly from: string | null;
}

/** One page of what a search found. */
export interface FoundPeople {
  readonly people: readonly FoundPerson[];
  /** True if more match than a page has, and the search does not go on. */
  readonly isCut: boolean;
  /** Where to continue; null if everything was looked at. */
  readonly next: string | null;
  /** The share of users that were looked at, 0 to 1; null if it is unknown. */
  readonly scanned: number | null;
  /** Why a person may not be found: pools in which privacy rules hide what is searched. */
  readonly hidden: readonly HiddenIn[];
}

/** What privacy rules hide of a searched attribute in one pool. */
export interface HiddenIn {
  readonly poolId: string;
  readonly attribute: string;
  /** `omitted`: never found. `hashed`: found by its full value, with the key of this id. */
  readonly how: 'omitted' | 'hashed';
  /** Of a hashed attribute: the id of a key that this process does not have; else null. */
  readonly missingKey: string | null;
}

/**
 * Searches for persons within about a second, whatever the size of the pools: by indexes first, then one
 * user after the other for what no index has. The answer says how far it came.
 *
 * @param key finds what is hashed; null without one
 */
export async function searchPeople(
  db: pg.Pool,
  key: HashKey | null,
  question: PeopleQuestion,
): Promise<FoundPeople> {
  const nothing = { people: [], isCut: false, next: null, scanned: 1, hidden: [] };
  if (question.text === '' || question.text.length > LONGEST_TEXT) return nothing;
  const [poolId = ''] = question.poolIds;
  return askPool(
    db,
    poolId,
    async (asking) => {
      const hidden = await findHidden(asking, question, key);
      const found = await (question.attribute === null
        ? findNamed(asking, question, key)
        : findByAttribute(asking, question, question.attribute, key));
      return { ...found, hidden };
    },
    STATEMENT_MS,
  );
}

type Found = Omit<FoundPeople, 'hidden'>;

/** No position of a scan: it begins. */
const FROM_START = 'start';

async function findNamed(
  asking: Asking,
  { poolIds, text: given, comparison, from }: PeopleQuestion,
  key: HashKey | null,
): Promise<Found> {
  const text = encodeName(given);
  const hashes = comparison === 'is' ? hashAll(key, poolIds, 'email', given) : [];
  const indexed =
    from === null
      ? await findPeople(asking, poolIds, { text, comparison }, hashes, PAGE_SIZE + 1)
      : [];
  const shown = indexed.slice(0, PAGE_SIZE);
  if (indexed.length > PAGE_SIZE) return { people: shown, isCut: true, next: null, scanned: null };
  // No index has usernames without regard to case. If an index has a match, it is mostly the person who was meant.
  if (shown.length > 0) return { people: shown, isCut: false, next: FROM_START, scanned: 0 };
  const question = { poolIds, attribute: null, text, comparison, hashes: [] };
  const scan = await scanPeople(asking, question, from, PAGE_SIZE, SCAN_MS);
  const others = scan.people.filter((person) => !isIndexed(person, text, comparison));
  return { people: others, isCut: false, next: scan.next, scanned: scan.scanned };
}

/** True if `findPeople` finds the person. */
function isIndexed(
  { username, sub, email }: FoundPerson,
  text: string,
  comparison: Comparison,
): boolean {
  const lower = text.toLowerCase();
  const fits = (value: string | null | undefined, wanted: string) =>
    comparison === 'is' ? value === wanted : (value?.startsWith(wanted) ?? false);
  return (
    [text, lower].some((each) => fits(username, each) || fits(sub, each)) ||
    fits(email?.toLowerCase(), lower)
  );
}

async function findByAttribute(
  asking: Asking,
  { poolIds, text, comparison, from }: PeopleQuestion,
  attribute: string,
  key: HashKey | null,
): Promise<Found> {
  const hashes = comparison === 'is' ? hashAll(key, poolIds, attribute, text) : [];
  const stored = isStorable(text) ? text : escapeUnstorable(text);
  const question = { poolIds, attribute: toStorable(attribute), text: stored, comparison, hashes };
  const { people, next, scanned } = await scanPeople(asking, question, from, PAGE_SIZE, SCAN_MS);
  return { people, isCut: false, next, scanned };
}

function toStorable(text: string): string {
  return isStorable(text) ? text : escapeUnstorable(text);
}

function hashAll(
  key: HashKey | null,
  poolIds: readonly string[],
  attribute: string,
  text: string,
): string[] {
  if (key === null || isHashed(text)) return [];
  return poolIds.map((poolId) => key.hash(poolId, attribute, text));
}

async function findHidden(
  asking: Asking,
  { poolIds, attribute }: PeopleQuestion,
  key: HashKey | null,
): Promise<HiddenIn[]> {
  const name = attribute ?? 'email';
  const found: HiddenIn[] = [];
  for (const poolId of poolIds) {
    const records = await listHidden({ ...asking, poolId });
    const keyIds = records.flatMap(({ hashed }) => hashed[name] ?? []);
    const missingKey = keyIds.find((id) => id !== key?.id) ?? null;
    if (keyIds.length > 0) found.push({ poolId, attribute: name, how: 'hashed', missingKey });
    if (records.some(({ omitted }) => omitted.includes(name))) {
      found.push({ poolId, attribute: name, how: 'omitted', missingKey: null });
    }
  }
  return found;
}
