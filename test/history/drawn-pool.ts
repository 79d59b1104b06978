import type pg from 'pg';
import type { Group, User } from '../../src/model/directory.ts';
import { snapshotId } from '../../src/model/snapshot.ts';
import { countStage } from '../../src/postgres/store/count-stage.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { carryMfa, chooseForMfa, countKnownMfa, stageMfa } from '../../src/postgres/store/mfa.ts';
import { keepConfirmedUsers } from '../../src/postgres/store/missing.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { markWalked, saveCounts } from '../../src/postgres/store/snapshot-notes.ts';
import { stageTables } from '../../src/postgres/store/stage.ts';
import { holdSnapshot } from '../../src/postgres/store/transitions.ts';
import { begin, group, stage, user } from '../postgres/fixtures.ts';
import fc from '../support/fast-check.ts';
import {
  drawnSettings,
  keepSettings,
  type Parts,
  type ReadSettings,
  stageRead,
} from './drawn-settings.ts';

/** The second factors of a user, and when the service first returned them. */
export interface DrawnMfa {
  readonly settings: readonly string[];
  readonly preferred: string | null;
  /** Null: what a snapshot that is still to be taken reads. */
  readonly readAt: Date | null;
}

/** A user with what is known of its MFA state, or is read; null or absent: nothing. */
export interface DrawnUser extends User {
  readonly mfa?: DrawnMfa | null;
}

/** What a pool holds at one snapshot: the plain model that answers are compared with. */
export interface State {
  readonly users: readonly DrawnUser[];
  readonly groups: readonly Group[];
  readonly members: Readonly<Record<string, readonly User[]>>;
  /** The settings that the snapshot has; null or absent: it keeps none. */
  readonly settings?: Parts | null;
  /** What a snapshot that is still to be taken reads of the settings. */
  readonly toRead?: ReadSettings | null;
}

/** A snapshot that was taken, and what it holds. */
export interface Taken extends State {
  readonly id: string;
  readonly at: Date;
  /** The newest settings of it or an earlier one. */
  readonly lastSettings: Parts;
}

const NAMES = ['ann', 'Bob', 'carol', 'da\u2028ve', 'Google_7', 'é', 'zoë 🦊'];
const GROUPS = ['admins', 'Staff', 'ops'];

/** A few values of each field, so that a user often comes back as before. */
const MFA: readonly DrawnMfa[] = [
  { settings: [], preferred: null, readAt: null },
  { settings: ['SMS_MFA'], preferred: null, readAt: null },
  { settings: ['SMS_MFA', 'SOFTWARE_TOKEN_MFA'], preferred: 'SMS_MFA', readAt: null },
];

const drawnUser = (username: string): fc.Arbitrary<DrawnUser> =>
  fc
    .record({
      person: fc.constantFrom(1, 1, 1, 2),
      status: fc.constantFrom('CONFIRMED', 'CONFIRMED', 'UNCONFIRMED'),
      created: fc.constantFrom(1, 1, 1, 2),
      verified: fc.constantFrom('true', 'true', 'false'),
      enabled: fc.boolean(),
      modified: fc.constantFrom(1, 2),
      email: fc.constantFrom(null, `${username}@example.com`, 'Shared@Example.com'),
      odd: fc.constantFrom(null, '__proto__', 'custom:größe'),
      identity: fc.constantFrom(null, '7', '8'),
      options: fc.boolean(),
      mfa: fc.option(fc.constantFrom(...MFA)),
    })
    .map((drawn) => {
      const { person, status, created, verified, enabled, modified } = drawn;
      const { email, odd, identity, options, mfa } = drawn;
      const sub = `${username} ${person}`;
      const primary = String(username === `Google_${identity}`);
      const identities = JSON.stringify([{ userId: identity, providerName: 'Google', primary }]);
      const attributes: [string, string][] = [
        ['sub', sub],
        // The service keeps it if the address is deleted.
        ['email_verified', verified],
        ...(email === null ? [] : ([['email', email]] as [string, string][])),
        ...(odd === null ? [] : ([[odd, 'x']] as [string, string][])),
        ...(identity === null ? [] : ([['identities', identities]] as [string, string][])),
      ];
      const content = user(username, {
        sub,
        status,
        enabled,
        createdAt: new Date(`2025-01-0${created}T00:00:00Z`),
        modifiedAt: new Date(`2025-06-0${modified}T00:00:00Z`),
        attributes: Object.fromEntries(attributes),
        mfaOptions: options ? [{ deliveryMedium: 'SMS', attributeName: 'phone_number' }] : [],
      });
      return { ...content, mfa };
    });

const drawnGroup = (groupName: string): fc.Arbitrary<Group> =>
  fc
    .record({
      precedence: fc.constantFrom(null, 1, 1, 2),
      roleArn: fc.constantFrom(null, 'arn:aws:iam::1:role/a', 'arn:aws:iam::1:role/b'),
      modified: fc.constantFrom(1, 2),
    })
    .map(({ precedence, roleArn, modified }) =>
      group(groupName, {
        precedence,
        roleArn,
        modifiedAt: new Date(`2025-06-0${modified}T00:00:00Z`),
      }),
    );

/** One of several things, or none. */
const some = <T>(arbitraries: readonly fc.Arbitrary<T>[]): fc.Arbitrary<T[]> =>
  fc
    .tuple(...arbitraries.map((each) => fc.option(each, { freq: 4 })))
    .map((drawn) => drawn.filter((each) => each !== null) as T[]);

const drawnState: fc.Arbitrary<State> = fc
  .tuple(
    some(NAMES.map(drawnUser)),
    some(GROUPS.map(drawnGroup)),
    fc.array(fc.nat(2 ** NAMES.length - 1), {
      minLength: GROUPS.length,
      maxLength: GROUPS.length,
    }),
    drawnSettings,
  )
  .map(([users, groups, bits, toRead]) => ({
    users,
    groups,
    toRead,
    members: Object.fromEntries(
      groups.map(({ groupName }, index) => [
        groupName,
        users.filter((_, place) => ((bits[index] ?? 0) >> place) & 1),
      ]),
    ),
  }));

/** The states of a pool at two to four snapshots. */
export const drawnHistory = fc.array(drawnState, { minLength: 2, maxLength: 4 });

const never = new AbortController().signal;

/** The last state that `take` published of each pool of a database. */
const last = new WeakMap<pg.Pool, Map<string, Taken>>();

/**
 * Publishes a state as a snapshot of the pool. The MFA states that its users have are read, and settings.
 *
 * @returns the state with the MFA states and settings that are known then.
 */
export async function take(db: pg.Pool, poolId: string, drawn: State): Promise<Taken> {
  const lease = await begin(db, poolId);
  await stage(db, lease, drawn);
  await markWalked(db, lease);
  await mergeReads(db, lease, never);
  await carryMfa(db, lease);
  const before = last.get(db) ?? new Map<string, Taken>();
  const carried = keepMfa(before.get(poolId), drawn);
  const state = { ...carried, users: await readMfa(db, lease, drawn.users, carried.users) };
  await saveCounts(db, lease, (await countStage(db, lease)).next);
  const { toRead = null } = drawn;
  if (toRead !== null) await stageRead(db, lease, toRead);
  await publish(db, lease, 'walking');
  const settings = toRead && keepSettings(before.get(poolId)?.lastSettings ?? {}, toRead);
  const taken = {
    ...state,
    settings,
    lastSettings: settings ?? before.get(poolId)?.lastSettings ?? {},
    id: snapshotId(lease.snapshotAt),
    at: lease.snapshotAt,
  };
  last.set(db, before.set(poolId, taken));
  return taken;
}

/** A state whose users have what was known of them before, and not what is to be read. */
export function keepMfa(before: State | undefined, state: State): State {
  const known = (user: DrawnUser) =>
    before?.users.find((each) => each.username === user.username && each.sub === user.sub)?.mfa;
  return { ...state, users: state.users.map((user) => ({ ...user, mfa: known(user) ?? null })) };
}

/** Stages what is read of the drawn users, and returns what is known of them then. */
async function readMfa(
  db: pg.Pool,
  lease: SnapshotLease,
  drawn: readonly DrawnUser[],
  carried: readonly DrawnUser[],
): Promise<DrawnUser[]> {
  const asked = drawn.flatMap(({ username, sub, mfa }) =>
    mfa ? [{ username, mfa: { ...mfa, sub } }] : [],
  );
  if (asked.length === 0) return [...carried];
  await chooseForMfa(db, lease, asked.length);
  await stageMfa(db, lease, asked);
  await countKnownMfa(db, lease);
  const found = await db.query<{ username: string; at: Date }>(
    `SELECT username, mfa_asked_at AS at FROM ${stageTables(lease.stage).users}`,
  );
  const times = new Map(found.rows.map(({ username, at }) => [username, at]));
  const text = (mfa: DrawnMfa) => JSON.stringify([mfa.settings, mfa.preferred]);
  return carried.map((user, index) => {
    const read = drawn[index]?.mfa;
    if (!read || (user.mfa && text(user.mfa) === text(read))) return user;
    return { ...user, mfa: { ...read, readAt: times.get(user.username) ?? null } };
  });
}

/**
 * Holds a state as a snapshot of the pool. No listing returned the `lost` users, who were confirmed by
 * name.
 */
export async function hold(
  db: pg.Pool,
  poolId: string,
  { users, groups, members }: State,
  lost: readonly string[],
): Promise<SnapshotLease> {
  const isListed = ({ username }: User) => !lost.includes(username);
  const lease = await begin(db, poolId);
  const listed = Object.entries(members).map(([name, all]) => [name, all.filter(isListed)]);
  await stage(db, lease, {
    users: users.filter(isListed),
    groups,
    members: Object.fromEntries(listed),
  });
  await mergeReads(db, lease, never);
  await carryMfa(db, lease);
  await keepConfirmedUsers(db, lease, lost);
  await holdSnapshot(db, lease, 'The test holds it.');
  return lease;
}
