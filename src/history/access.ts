import { ActionRequiredError } from '../model/errors.ts';
import type { GroupThen, MemberThen, UserThen, UserWithGroups } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import type { HashKey } from '../privacy/hash-key.ts';
import { type EffectiveRole, findEffectiveRole } from './effective-role.ts';
import { findPublished } from './points.ts';
import { requireProfiles } from './profiles.ts';

/** The moment of an answer. */
export interface At {
  readonly poolId: string;
  /** The published snapshot that was current at the moment. */
  readonly snapshot: string;
}

/** A member of a group. */
export interface Member extends UserThen {
  /** The first snapshot with the membership. */
  readonly memberSince: Date;
  /** The role of the user through all groups. */
  readonly role: EffectiveRole;
}

/** A group, as `accessOfGroup` gives it. */
export interface GroupAccess extends At {
  readonly group: GroupThen;
}

/** Gets the group, and its members in batches, in the order of their names. */
export type UseMembers = (
  group: GroupAccess,
  members: AsyncIterable<readonly Member[]>,
) => Promise<void>;

/**
 * Who was in a group at a moment. Memory does not grow with the number of members.
 *
 * @param at a snapshot id, a time, `latest` or `previous`
 * @throws ActionRequiredError if the group did not exist then
 */
export async function accessOfGroup(
  source: HistorySource,
  groupName: string,
  at: string,
  use: UseMembers,
): Promise<void> {
  const moment = await findPublished(source, 'AT', at);
  const { snapshot } = moment;
  const groups = new Map(
    (await source.listGroups(moment)).map((group) => [group.groupName, group]),
  );
  const group = groups.get(groupName);
  if (group === undefined) {
    const problem = `snapshot ${snapshot} of ${source.poolId} has no group with this name.`;
    const remedy = 'Give the name of a group in its exact case, or another time.';
    throw ActionRequiredError.of('GROUP', problem, remedy);
  }
  const members = source.streamMembers(groupName, moment);
  await use({ poolId: source.poolId, snapshot, group }, withRoles(members, groups));
}

async function* withRoles(
  batches: AsyncIterable<readonly MemberThen[]>,
  groups: ReadonlyMap<string, GroupThen>,
): AsyncIterable<readonly Member[]> {
  for await (const members of batches) {
    yield members.map(({ groupNames, ...member }) => ({
      ...member,
      role: findEffectiveRole(groupNames.flatMap((name) => groups.get(name) ?? [])),
    }));
  }
}

/** What one user had at a moment. */
export interface UserAccess extends UserWithGroups {
  /** The role through all groups. */
  readonly role: EffectiveRole;
}

/** The answer of `accessOfUser`. */
export interface UsersAccess extends At {
  /** The users that match. */
  readonly users: readonly UserAccess[];
}

/**
 * What a user had at a moment.
 *
 * @param user a username, `sub` or e-mail address, of any version of the user
 * @param at a snapshot id, a time, `latest` or `previous`
 * @param key finds e-mail addresses that are hashed; null without one
 * @throws ActionRequiredError if no user matches, or none of those that match existed then
 */
export async function accessOfUser(
  source: HistorySource,
  user: string,
  at: string,
  key: HashKey | null = null,
): Promise<UsersAccess> {
  const moment = await findPublished(source, 'AT', at);
  const { snapshot } = moment;
  const found = await source.listUsers(await requireProfiles(source, user, key), moment);
  const users = found.map((each) => ({ ...each, role: findEffectiveRole(each.groups) }));
  if (users.length > 0) return { poolId: source.poolId, snapshot, users };
  const problem = `the user exists, but not in snapshot ${snapshot}.`;
  throw new ActionRequiredError([
    { subject: 'USER', problem, remedy: 'Give another time; `history` shows the periods.' },
  ]);
}
