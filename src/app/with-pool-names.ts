import type { Calls } from './calls.ts';
import type { Mirror } from './mirror.ts';
import { type NameLookup, PoolNames } from './pool-names.ts';
import type { Resources } from './resources.ts';
import { splitPoolPoint } from './snapshot-name.ts';

/** Only the database is asked: a pool that was never mirrored has no answer there. */
const MIRRORED: NameLookup = { mirrored: true };

/**
 * A mirror whose methods take pools by id, ARN or name, in front of one that takes ids. The settings of
 * single pools are settled before a method uses them.
 */
export function withPoolNames(
  mirror: Mirror,
  { resources, calls }: { readonly resources: Resources; readonly calls: Calls },
): Mirror {
  const names = new PoolNames(resources);

  const toIds = (
    pools: readonly string[],
    lookup: NameLookup,
    signal: AbortSignal | undefined,
  ): Promise<string[]> =>
    calls.run(signal, async (stop) => {
      const ids = await names.toIds(pools, lookup, stop);
      resources.settlePools(await names.settle(resources.config, lookup, stop));
      return ids;
    });
  const toId = async (
    pool: string,
    lookup: NameLookup,
    options?: { signal?: AbortSignal },
  ): Promise<string> => {
    // A pool of its own, even if the configuration has it too.
    const [poolId] = await toIds([pool], { subject: 'POOL', ...lookup }, options?.signal);
    return poolId as string;
  };
  const toPools = async (
    pools: readonly string[] | 'all',
    lookup: NameLookup,
    options?: { signal?: AbortSignal },
  ): Promise<readonly string[] | 'all'> => {
    const ids = await toIds(pools === 'all' ? [] : pools, lookup, options?.signal);
    return pools === 'all' ? pools : ids;
  };
  /** `POOL/POINT` with the id of its pool. Any other text stays as it is. */
  const toPoint = async (
    text: string,
    options?: { signal?: AbortSignal },
    subject = 'POOL/SNAPSHOT',
  ): Promise<string> => {
    const named = splitPoolPoint(text);
    if (named === null) return text;
    return `${await toId(named.pool, { ...MIRRORED, subject }, options)}/${named.point}`;
  };
  const toEnds = async <T extends { readonly from: string; readonly to: string }>(
    request: T,
    options?: { signal?: AbortSignal },
  ): Promise<T> => ({
    ...request,
    from: await toPoint(request.from, options, '--from'),
    to: await toId(request.to, { subject: '--to' }, options),
  });

  const overrides: Partial<Mirror> = {
    poolIds: (pools, { signal, mirrored = false } = {}) => toIds(pools, { mirrored }, signal),

    sync: async (pool, options) => mirror.sync(await toId(pool, {}, options), options),

    syncPools: async (pools, options) =>
      mirror.syncPools(await toPools(pools, {}, options), options),

    plan: async (pool, options) => mirror.plan(await toId(pool, {}, options), options),

    planPools: async (pools, options) =>
      mirror.planPools(await toPools(pools, {}, options), options),

    async status(options = {}) {
      if (options.pools === undefined) return mirror.status(options);
      return mirror.status({
        ...options,
        pools: await toIds(options.pools, MIRRORED, options.signal),
      });
    },

    async checkAge(options) {
      if (options.pools === undefined) return mirror.checkAge(options);
      const pools = await toIds(options.pools, MIRRORED, options.signal);
      return mirror.checkAge({ ...options, pools });
    },

    release: async (name, options) => mirror.release(await toPoint(name, options), options),

    discard: async (name, options) => mirror.discard(await toPoint(name, options), options),

    prune: async (pool, options) => mirror.prune(await toId(pool, MIRRORED, options), options),

    prunePools: async (pools, options) =>
      mirror.prunePools(await toPools(pools, MIRRORED, options), options),

    retire: async (pool, options) => mirror.retire(await toId(pool, MIRRORED, options), options),

    forget: async (pool, users, options) =>
      mirror.forget(await toId(pool, MIRRORED, options), users, options),

    restore: async (request, options) => mirror.restore(await toEnds(request, options), options),

    importCsv: async (selection, use, options) =>
      mirror.importCsv(await toEnds(selection, options), use, options),

    trigger: async (pool, options) => mirror.trigger(await toId(pool, {}, options), options),

    async worker({ schedules, ...options } = {}) {
      const { pools } = resources.config;
      if (schedules === undefined) {
        const found = await toPools(pools, {}, options);
        if (found === 'all') return mirror.worker(options);
        return mirror.worker({
          ...options,
          schedules: Object.fromEntries(found.map((poolId) => [poolId, {}])),
        });
      }
      const byId: Record<string, (typeof schedules)[string]> = {};
      for (const [pool, schedule] of Object.entries(schedules)) {
        byId[await toId(pool, {}, options)] = schedule;
      }
      return mirror.worker({ ...options, schedules: byId });
    },

    async *list(listing, options) {
      yield* mirror.list({ ...listing, poolId: await toId(listing.poolId, {}, options) }, options);
    },

    async diff(pool, use, options = {}) {
      const lookup = options.to === 'now' ? {} : MIRRORED;
      const poolId = await toId(pool, lookup, options);
      const to = options.to === undefined ? undefined : await toPoint(options.to, options, 'TO');
      return mirror.diff(poolId, use, { ...options, to });
    },

    history: async (pool, user, options) =>
      mirror.history(await toId(pool, MIRRORED, options), user, options),

    accessOfGroup: async (pool, group, use, options) =>
      mirror.accessOfGroup(await toId(pool, MIRRORED, options), group, use, options),

    accessOfUser: async (pool, user, options) =>
      mirror.accessOfUser(await toId(pool, MIRRORED, options), user, options),

    reviewAccess: async (pool, use, options) =>
      mirror.reviewAccess(await toId(pool, MIRRORED, options), use, options),

    checkRevocations: async (pool, batches, use, options) =>
      mirror.checkRevocations(await toId(pool, MIRRORED, options), batches, use, options),

    report: async (pool, options) => mirror.report(await toId(pool, MIRRORED, options), options),

    async close() {
      await mirror.close();
      await names.close();
    },
  };
  return Object.assign(Object.create(mirror) as Mirror, overrides);
}
