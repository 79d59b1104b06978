import type { LinkedProfile, Profile, ProfileHistory } from '../../model/history.ts';
import { quoteLiteral } from '../duckdb.ts';
import { parseContent, selectContent } from './content.ts';
import { type ArchiveContext, type Reading, withReading } from './context.ts';
import { identityNames } from './identities.ts';
import { Periods } from './periods.ts';

/**
 * The profiles with this username, `sub` or e-mail address in any snapshot, at most `limit`.
 *
 * @param hashed the hash that stands for `user` where e-mail addresses are hashed, or null
 */
export async function findProfiles(
  context: ArchiveContext,
  user: string,
  hashed: string | null,
  limit: number,
): Promise<Profile[]> {
  const found = new Map<string, Profile>();
  await withReading(context, async (reading) => {
    const select = (table: string) => `SELECT DISTINCT username, sub FROM ${table}
      WHERE username = $1 OR sub = $1 OR lower(email) IN (lower($1), $2) LIMIT ${limit}`;
    for await (const { rows } of reading.walk<Profile>('users', select, [user, hashed ?? user])) {
      for (const profile of rows) found.set(keyOf(profile), profile);
      if (found.size >= limit) break;
    }
  });
  return [...found.values()].sort(byProfile).slice(0, limit);
}

/** Everything about each of some profiles, in their order. */
export async function listHistories(
  context: ArchiveContext,
  profiles: readonly Profile[],
): Promise<ProfileHistory[]> {
  return withReading(context, async (reading) => {
    const names = profiles.map(({ username }) => username);
    const versions = await readVersions(reading, profiles, names);
    const memberships = await readMemberships(reading, profiles, names);
    const linked = await readLinked(
      context,
      reading,
      versions.map((own, index) => ({
        username: names[index] ?? '',
        identities: new Set(own.flatMap(({ content }) => namesIn(content))),
      })),
    );
    return profiles.map((profile, index) => ({
      ...profile,
      versions: versions[index] ?? [],
      memberships: memberships[index] ?? [],
      linked: linked[index] ?? [],
    }));
  });
}

async function readVersions(
  reading: Reading,
  profiles: readonly Profile[],
  names: readonly string[],
): Promise<ProfileHistory['versions'][]> {
  const periods = profiles.map(() => new Periods());
  const select = (table: string) =>
    `SELECT username, sub, to_json(${selectContent('users')})::VARCHAR AS content
     FROM ${table} WHERE ${isNamed(names)}`;
  for await (const { at, rows } of reading.walk<Profile & { content: string }>('users', select)) {
    const contents = new Map(rows.map((row) => [keyOf(row), row.content]));
    for (const [index, profile] of profiles.entries()) {
      periods[index]?.add(at, contents.get(keyOf(profile)) ?? null);
    }
  }
  return periods.map(({ all }) =>
    all.map(({ value, ...period }) => ({ ...period, content: parseContent('users', value) })),
  );
}

async function readMemberships(
  reading: Reading,
  profiles: readonly Profile[],
  names: readonly string[],
): Promise<ProfileHistory['memberships'][]> {
  const periods = profiles.map(() => new Map<string, Periods>());
  const select = (table: string) =>
    `SELECT username, sub, group_name AS "groupName" FROM ${table} WHERE ${isNamed(names)}`;
  const walk = reading.walk<Profile & { groupName: string }>('memberships', select);
  for await (const { at, rows } of walk) {
    for (const [index, profile] of profiles.entries()) {
      const own = periods[index] as Map<string, Periods>;
      const groups = new Set(
        rows.filter((row) => keyOf(row) === keyOf(profile)).map(({ groupName }) => groupName),
      );
      for (const name of groups) if (!own.has(name)) own.set(name, new Periods());
      for (const [name, each] of own) each.add(at, groups.has(name) ? name : null);
    }
  }
  return periods.map((groups) =>
    [...groups]
      .sort(([a], [b]) => compareText(a, b))
      .flatMap(([groupName, { all }]) =>
        all.map(({ validFrom, validTo }) => ({ groupName, validFrom, validTo })),
      ),
  );
}

/** A profile, and the names of federated profiles in the identities of any of its versions. */
interface Person {
  readonly username: string;
  readonly identities: ReadonlySet<string>;
}

async function readLinked(
  { snapshots }: ArchiveContext,
  reading: Reading,
  people: readonly Person[],
): Promise<LinkedProfile[][]> {
  const links = people.map(({ identities }) => new Set(identities));
  const select = (table: string) =>
    `SELECT username, attributes['identities'] AS identities FROM ${table}
     WHERE attributes['identities'] LIKE '%"primary"%false%'`;
  await reading.using(snapshots.length - 1, 'users', async (table) => {
    const today = reading.statements.stream<{ username: string; identities: string }>(
      select(table),
    );
    for await (const rows of today) {
      for (const { username, identities } of rows) {
        const names = identityNames(identities);
        for (const [index, person] of people.entries()) {
          const isLinked = names.some(
            (name) => person.identities.has(name) || name === person.username,
          );
          if (isLinked) links[index]?.add(username);
        }
      }
    }
  });
  const found = await readPresence(reading, [...new Set(links.flatMap((names) => [...names]))]);
  return people.map(({ username: own }, index) =>
    found.filter(({ username }) => username !== own && links[index]?.has(username)),
  );
}

/** Every profile with one of these names, from its first snapshot to its last one. */
async function readPresence(reading: Reading, names: readonly string[]): Promise<LinkedProfile[]> {
  if (names.length === 0) return [];
  const found = new Map<string, { profile: Profile; periods: Periods }>();
  const select = (table: string) => `SELECT username, sub FROM ${table} WHERE ${isNamed(names)}`;
  for await (const { at, rows } of reading.walk<Profile>('users', select)) {
    const present = new Map(rows.map((row) => [keyOf(row), row]));
    for (const [key, profile] of present) {
      if (!found.has(key)) found.set(key, { profile, periods: new Periods() });
    }
    for (const [key, { periods }] of found) periods.add(at, present.has(key) ? key : null);
  }
  return [...found.values()]
    .map(({ profile, periods: { all } }) => ({
      ...profile,
      validFrom: all[0]?.validFrom as Date,
      validTo: all.at(-1)?.validTo ?? null,
    }))
    .sort(
      (a, b) =>
        compareText(a.username, b.username) || a.validFrom.getTime() - b.validFrom.getTime(),
    );
}

function namesIn({ attributes }: { readonly [name: string]: unknown }): string[] {
  return identityNames((attributes as Record<string, string>)['identities']);
}

function isNamed(names: readonly string[]): string {
  return `username IN (${names.map(quoteLiteral).join(', ')})`;
}

function keyOf({ username, sub }: Profile): string {
  return JSON.stringify([username, sub]);
}

/** By code point, as Postgres and DuckDB order names. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function byProfile(a: Profile, b: Profile): number {
  if (a.username !== b.username) return compareText(a.username, b.username);
  if (a.sub === null || b.sub === null) return a.sub === null ? 1 : -1;
  return compareText(a.sub, b.sub);
}
