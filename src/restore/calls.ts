import type { WriteQuotaName } from '../config/write-quotas.ts';
import {
  RESTORE_ENTITIES,
  type RestoreEntity,
  type RestorePassword,
  type RestoreTask,
  type UserTask,
} from '../model/restore.ts';
import { BUCKET_OF, PER_POOL_RPS, type WriteOperation } from '../quota/quotas.ts';

/** The calls that a task takes, if each succeeds at once. */
export function callsOf(task: RestoreTask, password: RestorePassword): WriteOperation[] {
  switch (task.entity) {
    case 'group':
      return [task.action === 'create' ? 'CreateGroup' : 'UpdateGroup'];
    case 'user':
      return callsOfUser(task, password);
    case 'membership':
      return ['AdminAddUserToGroup'];
    case 'link':
      return ['AdminLinkProviderForUser'];
  }
}

function callsOfUser(task: UserTask, password: RestorePassword): WriteOperation[] {
  const calls: WriteOperation[] = [];
  if (task.action === 'create') {
    calls.push('AdminCreateUser');
    if (password === 'random') calls.push('AdminSetUserPassword');
    if (!task.enabled) calls.push('AdminDisableUser');
  } else {
    if (Object.keys(task.attributes).length > 0) calls.push('AdminUpdateUserAttributes');
    if (task.password) calls.push('AdminSetUserPassword');
    if (task.enabled !== null) calls.push(task.enabled ? 'AdminEnableUser' : 'AdminDisableUser');
  }
  if (task.mfa !== null) calls.push('AdminSetUserMFAPreference');
  return calls;
}

/** What a restore takes of one quota. */
export interface QuotaUse {
  readonly quota: WriteQuotaName;
  /** How many of each call. */
  readonly calls: Readonly<Record<string, number>>;
  readonly callsASecond: number;
  readonly seconds: number;
}

/** The same while it is added up. */
interface OpenUse {
  readonly calls: Record<string, number>;
  readonly callsASecond: number;
  seconds: number;
}

/** Counts the calls of tasks. */
export class CallTally {
  readonly #password: RestorePassword;
  readonly #counts = new Map<RestoreEntity, Map<WriteOperation, number>>();

  constructor(password: RestorePassword) {
    this.#password = password;
  }

  add(task: RestoreTask): void {
    const counts = this.#counts.get(task.entity) ?? new Map<WriteOperation, number>();
    this.#counts.set(task.entity, counts);
    for (const call of callsOf(task, this.#password)) counts.set(call, (counts.get(call) ?? 0) + 1);
  }

  /**
   * The calls and the time by quota, and the time of all: entities are written one after the other, and the
   * calls of one entity wait for their quotas at the same time.
   *
   * @param allowed the calls a second that each quota allows
   * @param share the part of quotas per pool that may be used
   */
  estimate(
    allowed: Readonly<Record<WriteQuotaName, number>>,
    share: number,
  ): { quotas: QuotaUse[]; seconds: number } {
    const uses = new Map<WriteQuotaName, OpenUse>();
    let total = 0;
    for (const entity of RESTORE_ENTITIES) {
      const seconds = new Map<WriteQuotaName, number>();
      for (const [call, count] of this.#counts.get(entity) ?? []) {
        const bucket = BUCKET_OF[call];
        const perPool = (PER_POOL_RPS[call] ?? Number.POSITIVE_INFINITY) * share;
        const rate = Math.min(allowed[bucket], perPool);
        const own = count / rate;
        const use = uses.get(bucket) ?? { calls: {}, callsASecond: rate, seconds: 0 };
        use.calls[call] = (use.calls[call] ?? 0) + count;
        use.seconds += own;
        uses.set(bucket, use);
        seconds.set(bucket, (seconds.get(bucket) ?? 0) + own);
      }
      total += Math.max(0, ...seconds.values());
    }
    return { quotas: [...uses].map(([quota, use]) => ({ quota, ...use })), seconds: total };
  }
}
