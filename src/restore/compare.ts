import { join } from 'node:path';
import { Spool } from '../common/spool.ts';
import {
  type GroupFields,
  type Loss,
  type MatchedUser,
  RESTORE_ENTITIES,
  type RestoreEntity,
  type RestoreTask,
} from '../model/restore.ts';
import { CallTally } from './calls.ts';
import { compareGroup, isProviderGroup } from './compare-group.ts';
import {
  compareUser,
  findOther,
  findPresent,
  type UserComparison,
  type UserRules,
} from './compare-user.ts';
import { LossTally, type PlannedCounts } from './plan.ts';
import type { Selection } from './selection.ts';
import { readIdentities, type SourceUser } from './source-user.ts';
import type { TargetState } from './target-state.ts';

/** What two states are compared with. */
export interface ComparisonContext {
  readonly sourcePoolId: string;
  readonly groups: ReadonlyMap<string, GroupFields>;
  readonly target: TargetState;
  readonly selection: Selection;
  readonly rules: UserRules;
}

type Counts = { -readonly [K in keyof PlannedCounts]: PlannedCounts[K] };

/**
 * Compares a snapshot with the target, user by user, and keeps on disk what follows: tasks, losses, and the
 * users that both have. Memory does not grow with them.
 */
export class Comparison {
  readonly losses = new LossTally();
  readonly calls: CallTally;
  readonly users = { disable: 0, enable: 0, passwords: 0 };
  readonly counts: Record<RestoreEntity, Counts>;
  readonly #tasks: Record<RestoreEntity, Spool<RestoreTask>>;
  readonly #named: Spool<Loss>;
  readonly #matched: Spool<MatchedUser>;
  readonly #context: ComparisonContext;
  /** Groups that memberships need, and that the target lacks. */
  readonly #needed = new Set<string>();

  /** @param folder a folder that only this process uses */
  constructor(context: ComparisonContext, folder: string) {
    this.#context = context;
    this.calls = new CallTally(context.rules.password);
    this.counts = forEach(() => ({ create: 0, update: 0, equal: 0, lost: 0 }));
    this.#tasks = forEach((entity) => new Spool<RestoreTask>(join(folder, entity)));
    this.#named = new Spool(join(folder, 'losses'));
    this.#matched = new Spool(join(folder, 'matched'));
  }

  /** The tasks of one entity, in the order of names. */
  tasksOf(entity: RestoreEntity): Iterable<RestoreTask> {
    return this.#tasks[entity];
  }

  /** All tasks, in the order in which they are written. */
  *tasks(): Generator<RestoreTask, void, undefined> {
    for (const entity of RESTORE_ENTITIES) yield* this.#tasks[entity];
  }

  get namedLosses(): Iterable<Loss> {
    return this.#named;
  }

  get matched(): Iterable<MatchedUser> {
    return this.#matched;
  }

  /** Compares a user, its memberships and its links. */
  addUser(user: SourceUser): void {
    const compared = this.#compareUser(user);
    const { selection } = this.#context;
    if (selection.writes('memberships')) {
      for (const groupName of user.groupNames) {
        if (selection.hasMembership(groupName, user.username)) {
          this.#addMembership(groupName, user.username, compared);
        }
      }
    }
    if (!compared.comesBack || !this.#writesUser(user, compared)) return;
    for (const identity of user.identities) this.#addLink(user.username, identity, compared);
  }

  /** Compares the groups, once all users were added. */
  addGroups(): void {
    const { groups, target, selection } = this.#context;
    if (!selection.writes('groups')) return;
    for (const [groupName, fields] of groups) {
      const isNamed = selection.comparesGroup(groupName);
      if (!isNamed && !this.#needed.has(groupName)) continue;
      const present = target.group(groupName);
      if (present === null && !this.#createsGroup(groupName)) {
        this.#lose({
          entity: 'group',
          name: groupName,
          reason: 'provider-group',
          whole: true,
          detail: null,
        });
        continue;
      }
      const { task, losses } = compareGroup(groupName, fields, present);
      for (const loss of losses) this.#lose(loss);
      this.#add('group', task);
      if (present === null) this.losses.add({ reason: 'dates', entity: 'group', whole: false });
    }
  }

  close(): void {
    for (const spool of [...Object.values(this.#tasks), this.#named, this.#matched]) spool.close();
  }

  #compareUser(user: SourceUser): UserComparison {
    const { target, rules } = this.#context;
    const present = findPresent(user, target);
    if (!this.#writesUser(user, { present })) {
      const comesBack = present !== null && findOther(user, present, target, rules) === null;
      return { task: null, present, comesBack, losses: [] };
    }
    const compared = compareUser(user, target, rules);
    for (const loss of compared.losses) this.#lose(loss);
    if (compared.comesBack) this.#countUser(user, compared);
    return compared;
  }

  /** Users that are only needed are created, and not changed. */
  #writesUser(user: SourceUser, { present }: Pick<UserComparison, 'present'>): boolean {
    const { selection } = this.#context;
    if (!user.isKnown || !selection.writes('users')) return false;
    return present === null || selection.comparesUser(user.username);
  }

  #countUser({ username, sub }: SourceUser, { task, present }: UserComparison): void {
    this.#add('user', task);
    if (present === null || present.sub !== sub) {
      this.losses.add({ reason: 'sub', entity: 'user', whole: false });
      this.losses.add({ reason: 'dates', entity: 'user', whole: false });
    }
    if (present === null) this.losses.add({ reason: 'password', entity: 'user', whole: false });
    else if (present.sub !== sub) this.#matched.append({ username, sub, targetSub: present.sub });
    if (task?.entity !== 'user') return;
    if (task.enabled === false) this.users.disable += 1;
    if (task.action === 'create' || task.password) this.users.passwords += 1;
    if (task.action === 'update' && task.enabled === true) this.users.enable += 1;
  }

  #addMembership(groupName: string, username: string, compared: UserComparison): void {
    const { target } = this.#context;
    const { present } = compared;
    const isThere = target.group(groupName) !== null;
    if (!compared.comesBack || !(isThere || this.#createsGroup(groupName))) {
      this.#lose({
        entity: 'membership',
        name: username,
        reason: compared.comesBack ? 'no-group' : 'no-user',
        whole: true,
        detail: groupName,
      });
      return;
    }
    if (!isThere) this.#needed.add(groupName);
    const isMember = present !== null && target.isMember(groupName, present.username);
    this.#add(
      'membership',
      isMember
        ? null
        : {
            entity: 'membership',
            action: 'create',
            groupName,
            username,
            target: present?.username ?? null,
          },
    );
  }

  /** True if a group that the target lacks is created. */
  #createsGroup(groupName: string): boolean {
    const { selection, groups, sourcePoolId } = this.#context;
    return (
      selection.writes('groups') &&
      groups.has(groupName) &&
      !isProviderGroup(groupName, sourcePoolId)
    );
  }

  #addLink(
    username: string,
    { providerName, userId }: SourceUser['identities'][number],
    { present }: UserComparison,
  ): void {
    const linked = readIdentities(present?.attributes.get('identities'));
    const isLinked = linked.some(
      (each) => each.providerName === providerName && each.userId === userId,
    );
    const target = present?.username ?? null;
    this.#add(
      'link',
      isLinked
        ? null
        : { entity: 'link', action: 'create', username, target, providerName, userId },
    );
  }

  #add(entity: RestoreEntity, task: RestoreTask | null): void {
    if (task === null) {
      this.counts[entity].equal += 1;
      return;
    }
    this.counts[entity][task.action] += 1;
    this.#tasks[entity].append(task);
    this.calls.add(task);
  }

  #lose(loss: Loss): void {
    if (loss.whole) this.counts[loss.entity].lost += 1;
    this.losses.add(loss);
    this.#named.append(loss);
  }
}

function forEach<T>(make: (entity: RestoreEntity) => T): Record<RestoreEntity, T> {
  return Object.fromEntries(RESTORE_ENTITIES.map((entity) => [entity, make(entity)])) as Record<
    RestoreEntity,
    T
  >;
}
