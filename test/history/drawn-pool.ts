import type pg from 'pg';
import type { Group, User } from '../../src/model/directory.ts';
import { snapshotId } from '../../src/model/snapshot.ts';
import { countStage } from '../../src/postgres/store/count-stage.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { keepConfirmedUsers } from '../../src/postgres/store/missing.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { markWalked, saveCounts } from '../../src/postgres/store/snapshot-notes.ts';
import { holdSnapshot } from '../../src/postgres/store/transitions.ts';
import { begin, group, stage, user } from '../postgres/fixtures.ts';
import fc from '../support/fast-check.ts';

/** What a pool holds at one snapshot: the plain model that answers are compared with. */
export interface State {
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly members: Readonly<Record<string, readonly User[]>>;
}

/** A snapshot that was taken, and what it holds. */
export interface Taken extends State {
  readonly id: string;
  readonly at: Date;
}

const NAMES = ['ann', 'Bob', 'carol', 'da\u2028ve', 'Google_7', 'é', 'zoë 🦊'];
const GROUPS = ['admins', 'Staff', 'ops'];

/** A few values of each field, so that a user often comes back as before. */
const drawnUser = (username: string): fc.Arbitrary<User> =>
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
      mfa: fc.boolean(),
    })
    .map(({ person, status, created, verified, enabled, modified, email, odd, identity, mfa }) => {
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
      return user(username, {
        sub,
        status,
        enabled,
        createdAt: new Date(`2025-01-0${created}T00:00:00Z`),
        modifiedAt: new Date(`2025-06-0${modified}T00:00:00Z`),
        attributes: Object.fromEntries(attributes),
        mfaOptions: mfa ? [{ deliveryMedium: 'SMS', attributeName: 'phone_number' }] : [],
      });
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
  )
  .map(([users, groups, bits]) => ({
    users,
    groups,
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

/** Publishes a state as a snapshot of the pool. */
export async function take(db: pg.Pool, poolId: string, state: State): Promise<Taken> {
  const lease = await begin(db, poolId);
  await stage(db, lease, state);
  await markWalked(db, lease);
  await mergeReads(db, lease, never);
  await saveCounts(db, lease, (await countStage(db, lease)).next);
  await publish(db, lease, 'walking');
  return { ...state, id: snapshotId(lease.snapshotAt), at: lease.snapshotAt };
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
  await keepConfirmedUsers(db, lease, lost);
  await holdSnapshot(db, lease, 'The test holds it.');
  return lease;
}
