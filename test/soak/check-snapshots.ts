import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { partName, partsPrefix } from '../../src/archive/layout.ts';
import { type ArchiveFormat, DEFAULT_FORMATS } from '../../src/config/config.ts';
import { DATASETS, type Dataset } from '../../src/model/snapshot.ts';
import { readCsv } from '../archive/support.ts';
import { decodeGroup, decodeUser, type UserRow } from '../support/directory.ts';
import type { Fleet } from '../support/fleet.ts';
import { canonical } from './canonical.ts';
import { type Content, groupKey, membershipKey, type PoolLog, userKey } from './pool-log.ts';

type Row = Record<string, unknown>;
type State = Readonly<Record<Dataset, readonly Row[]>>;

/** A published snapshot. */
export interface Taken {
  readonly pool_id: string;
  readonly snapshot: string;
  readonly snapshot_at: Date;
  readonly walked_at: Date;
}

/** What came of comparing: how much was compared, and what is wrong, each as a sentence. */
export interface Compared {
  readonly wrong: readonly string[];
  /** Users, groups and memberships that stood still while the snapshot was read. */
  readonly still: number;
  /** Entities that changed during the snapshot: any of their states is correct. */
  readonly changing: number;
}

/** A snapshot is named in whole seconds, at least one after the last; clocks are read in parts of them. */
const EARLIER_MS = 1_500;
const LATER_MS = 500;

/** Compares a snapshot, as readers see it, with what its pool held while it was read. */
export function compareWithPool(log: PoolLog, taken: Taken, state: State): Compared {
  const content = contentOf(state);
  const from = taken.snapshot_at.getTime() - EARLIER_MS;
  const to = taken.walked_at.getTime() + LATER_MS;
  const wrong: string[] = [];
  let still = 0;
  let changing = 0;
  for (const key of new Set([...log.keys(), ...content.keys()])) {
    const held = log.heldBetween(key, from, to);
    if (held.length === 1) still += 1;
    else changing += 1;
    const found = content.get(key) ?? null;
    if (!held.includes(found)) {
      wrong.push(`${nameOf(taken)}: ${key} is ${found}, and was ${held.join(' or ')}`);
    }
  }
  return { wrong, still, changing };
}

/** Compares both formats of a snapshot's archive with what readers see, row by row. */
export async function compareWithArchive(
  taken: Taken,
  state: State,
  objects: ReadonlyMap<string, Buffer>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const dataset of DATASETS) {
    const expected = state[dataset].map(({ pool_id: _, valid_from: __, ...row }) => canonical(row));
    for (const format of DEFAULT_FORMATS) {
      const prefix = partsPrefix(format, dataset, taken.pool_id, taken.snapshot);
      const found = await readPart(format, dataset, objects.get(`${prefix}${partName(format, 0)}`));
      const rows = Math.max(found.length, expected.length);
      for (let i = 0; i < rows; i += 1) {
        if (found[i] === expected[i]) continue;
        wrong.push(`${nameOf(taken)}: ${dataset} in ${format}: ${found[i]}, not ${expected[i]}`);
      }
    }
  }
  return wrong;
}

const nameOf = ({ pool_id, snapshot }: Taken) => `${pool_id}/${snapshot}`;

/** What readers have as of a snapshot, in the archive's order and with its `groups` of users. */
export async function stateAt(fleet: Fleet, { pool_id, snapshot_at }: Taken): Promise<State> {
  const rows = (sql: string) => fleet.rows<Row>(sql, [pool_id, snapshot_at]);
  return {
    users: await rows(
      `SELECT u.*, ARRAY(
         SELECT group_name FROM directory.memberships_at($1, $2) AS m
         WHERE m.username = u.username ORDER BY group_name COLLATE "C") AS groups
       FROM directory.users_at($1, $2) AS u ORDER BY username COLLATE "C"`,
    ),
    groups: await rows(`SELECT * FROM directory.groups_at($1, $2) ORDER BY group_name COLLATE "C"`),
    memberships: await rows(
      `SELECT * FROM directory.memberships_at($1, $2)
       ORDER BY group_name COLLATE "C", username COLLATE "C"`,
    ),
  };
}

function contentOf({ users, groups, memberships }: State): Content {
  return new Map([
    ...users.map(({ groups: _, ...user }): [string, string] => [
      userKey(user['username']),
      canonical(decodeUser(user as UserRow)),
    ]),
    ...groups.map((group): [string, string] => [
      groupKey(group['group_name']),
      canonical(decodeGroup(group)),
    ]),
    ...memberships.map(({ group_name, username, sub }): [string, string] => [
      membershipKey(group_name, username),
      canonical(sub),
    ]),
  ]);
}

/** The rows of a part in a form that compares; what is wrong with it where it cannot be read. */
async function readPart(
  format: ArchiveFormat,
  dataset: Dataset,
  part: Buffer | undefined,
): Promise<string[]> {
  if (part === undefined) return ['missing'];
  try {
    return (await READERS[format](part, dataset)).map(canonical);
  } catch (error) {
    return [String(error)];
  }
}

/** By itself the reader leaves out a byte order mark with which a text begins. */
const TEXT = new TextDecoder('utf-8', { ignoreBOM: true });
const PARSERS = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && TEXT.decode(bytes) };

const READERS: Readonly<Record<ArchiveFormat, (part: Buffer, dataset: Dataset) => Promise<Row[]>>> =
  {
    csv: async (part, dataset) => readCsv(part, dataset),
    async jsonl(part) {
      const lines = gunzipSync(part).toString().split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line));
    },
    async parquet(part) {
      const file = new Uint8Array(part).buffer;
      const rows = (await parquetReadObjects({ file, compressors, parsers: PARSERS })) as Row[];
      // JSON text is compared by its value.
      return rows.map((row) =>
        typeof row['mfa_options'] === 'string'
          ? { ...row, mfa_options: JSON.parse(row['mfa_options']) }
          : row,
      );
    },
  };
