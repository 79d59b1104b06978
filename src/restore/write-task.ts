import type { Cognito } from '../cognito/client.ts';
import {
  MalformedAnswerError,
  ServiceUnavailableError,
  ThrottledError,
  WriteRefusedError,
} from '../cognito/errors.ts';
import type { CognitoWrites } from '../cognito/writes.ts';
import type {
  CreateUserTask,
  GroupTask,
  LinkTask,
  MembershipTask,
  RestoreFailure,
  RestoreMfa,
  RestorePassword,
  RestoreTask,
  TargetName,
  TargetPool,
  UpdateUserTask,
} from '../model/restore.ts';
import { hasIdentity, isSameGroup, isSameUser } from './already-there.ts';
import type { Journal } from './journal.ts';
import { createPassword } from './password.ts';

export interface WriterDeps {
  /** With the buckets of writes (`AccountBuckets.ofRestore`). */
  readonly cognito: Cognito;
  readonly target: Pick<TargetPool, 'poolId' | 'passwordPolicy'>;
  readonly password: RestorePassword;
  readonly journal: Pick<Journal, 'record'>;
}

/** Why a task, or a part of it, is not done. */
export interface Failure {
  readonly reason: RestoreFailure;
  /** Says what happened and what to do. */
  readonly error: Error;
}

/** What became of a task. */
export interface Written {
  /** Null: all of it is done. */
  readonly failure: Failure | null;
  /** Of a user: the names in the target. Null if there is none. */
  readonly target: TargetName | null;
}

/**
 * Makes the calls of single tasks. It throws only what concerns every write; what concerns the task
 * alone is its failure.
 */
export class TaskWriter {
  readonly #deps: WriterDeps;
  readonly #signal: AbortSignal;
  readonly #writes: CognitoWrites;
  /**
   * The usernames of created users by those of the source, where the two differ: in pools that sign in
   * by addresses, about 200 bytes a user.
   */
  readonly #renamed = new Map<string, string>();
  /** The users of the source that could not be created. */
  readonly #missing = new Set<string>();

  constructor(deps: WriterDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#writes = deps.cognito.writesTo(deps.target.poolId);
  }

  async write(task: RestoreTask): Promise<Written> {
    switch (task.entity) {
      case 'group':
        return { failure: await tryAll([() => this.#writeGroup(task)]), target: null };
      case 'user':
        return task.action === 'create' ? this.#createUser(task) : this.#updateUser(task);
      case 'membership':
      case 'link':
        return { failure: await this.#writeBelonging(task), target: null };
    }
  }

  async #writeGroup(task: GroupTask): Promise<void> {
    const { action, groupName } = task;
    if (action === 'update') return this.#writes.updateGroup(groupName, task, this.#signal);
    try {
      await this.#writes.createGroup(groupName, task, this.#signal);
    } catch (error) {
      if (!isRefused(error, 'group-exists') || !(await this.#hasGroup(task))) throw error;
    }
  }

  async #createUser(task: CreateUserTask): Promise<Written> {
    const { username, enabled, mfa } = task;
    await this.#deps.journal.record({ event: 'begun', name: username });
    const { value: target, failure } = await attempt(() => this.#create(task));
    if (target === null) {
      this.#missing.add(username);
      return { failure, target };
    }
    if (target.username !== username) this.#renamed.set(username, target.username);
    return {
      failure: await tryAll([
        async () => {
          if (this.#deps.password === 'random') await this.#setPassword(target);
        },
        async () => {
          if (!enabled) await this.#writes.setEnabled(target.username, false, this.#signal);
        },
        async () => {
          if (mfa !== null) await this.#writes.setMfa(target.username, mfa, this.#signal);
        },
      ]),
      target,
    };
  }

  /** Creates the user, or finds it: an earlier attempt, whose answer was lost, may have created it. */
  async #create(task: CreateUserTask): Promise<TargetName> {
    const { signInName, attributes } = task;
    try {
      const { username, sub } = await this.#writes.createUser(signInName, attributes, this.#signal);
      return { username, sub };
    } catch (error) {
      if (!isRefused(error, 'user-exists') && !isRefused(error, 'alias-conflict')) throw error;
      const { cognito, target } = this.#deps;
      const found = await cognito.getUser(target.poolId, signInName, this.#signal);
      if (found === null || !isSameUser(found, task)) throw error;
      return { username: found.username, sub: found.sub };
    }
  }

  async #updateUser(task: UpdateUserTask): Promise<Written> {
    const { target, attributes, enabled, password, mfa } = task;
    const { username } = target;
    return {
      failure: await tryAll([
        async () => {
          if (Object.keys(attributes).length === 0) return;
          await this.#writes.updateAttributes(username, attributes, this.#signal);
        },
        async () => {
          if (password) await this.#setPassword(target);
        },
        async () => {
          if (enabled !== null) await this.#writes.setEnabled(username, enabled, this.#signal);
        },
        async () => {
          if (mfa === null || (await this.#hasMfa(username, mfa))) return;
          await this.#writes.setMfa(username, mfa, this.#signal);
        },
      ]),
      target,
    };
  }

  /** A membership or a link: it belongs to a user, which must be there. */
  async #writeBelonging(task: MembershipTask | LinkTask): Promise<Failure | null> {
    if (task.target === null && this.#missing.has(task.username)) {
      return { reason: 'not-restored', error: new Error('The user could not be created.') };
    }
    const username = task.target ?? this.#renamed.get(task.username) ?? task.username;
    return tryAll([
      () =>
        task.entity === 'membership'
          ? this.#writes.addToGroup(username, task.groupName, this.#signal)
          : this.#link(username, task),
    ]);
  }

  async #link(username: string, task: LinkTask): Promise<void> {
    try {
      await this.#writes.linkIdentity(username, task, this.#signal);
    } catch (error) {
      if (!isRefused(error, 'invalid-parameter')) throw error;
      const { cognito, target } = this.#deps;
      const found = await cognito.getUser(target.poolId, username, this.#signal);
      if (found === null || !hasIdentity(found, task)) throw error;
    }
  }

  #setPassword({ username }: TargetName): Promise<void> {
    const { password, target } = this.#deps;
    const text = createPassword(target.passwordPolicy);
    const permanent = password === 'random';
    return this.#writes.setPassword(username, { text, permanent }, this.#signal);
  }

  /** True if a group of the target is as the task wants it. Only listings show groups. */
  async #hasGroup(task: GroupTask): Promise<boolean> {
    const { cognito, target } = this.#deps;
    const pages = cognito.groupPages(target.poolId, { token: null }, this.#signal);
    for await (const { items } of pages) {
      const found = items.find(({ groupName }) => groupName === task.groupName);
      if (found !== undefined) return isSameGroup(found, task);
    }
    return false;
  }

  async #hasMfa(username: string, mfa: RestoreMfa): Promise<boolean> {
    const { settings, preferred } = await this.#writes.getMfa(username, this.#signal);
    return (
      preferred === mfa.preferred &&
      settings.length === mfa.settings.length &&
      mfa.settings.every((factor) => settings.includes(factor))
    );
  }
}

/**
 * Takes every step, also after one that failed: a disabled user must be disabled even if its MFA
 * cannot be set.
 *
 * @returns the first failure, if any
 * @throws what concerns every write
 */
async function tryAll(steps: readonly (() => Promise<void>)[]): Promise<Failure | null> {
  let first: Failure | null = null;
  for (const step of steps) {
    const { failure } = await attempt(step);
    first ??= failure;
  }
  return first;
}

/** Takes one step. Throws what concerns every write. */
async function attempt<T>(
  step: () => Promise<T>,
): Promise<{ value: T; failure: null } | { value: null; failure: Failure }> {
  try {
    return { value: await step(), failure: null };
  } catch (error) {
    const failure = toFailure(error);
    if (failure === null) throw error;
    return { value: null, failure };
  }
}

/** Null for an error that concerns every write. */
function toFailure(error: unknown): Failure | null {
  if (error instanceof WriteRefusedError) return { reason: error.failure, error };
  const isOfService =
    error instanceof MalformedAnswerError ||
    (error instanceof ServiceUnavailableError && !(error instanceof ThrottledError));
  return isOfService ? { reason: 'service-failed', error } : null;
}

function isRefused(error: unknown, failure: RestoreFailure): boolean {
  return error instanceof WriteRefusedError && error.failure === failure;
}
