import { type PoolSettings, resolvePoolSettings } from '../config/pool-settings.ts';
import { findIdsOfName } from '../model/named-pools.ts';
import { parsePool } from '../model/pool-id.ts';
import type { TargetPool } from '../model/restore.ts';
import { selectPoolsByName } from '../postgres/history/pool-names.ts';
import { nameExpectedPools } from '../postgres/store/pools.ts';
import { describeTarget } from '../runner/describe-pool.ts';
import { CallMeter } from '../telemetry/calls.ts';
import type { Connections } from './connections.ts';
import { type DoctorContext, QUICK_CALLS, SILENT } from './context.ts';
import type { Servers } from './servers.ts';
import type { Service } from './service.ts';

/** The pools to examine. */
export interface ExaminedPools {
  /** Their ids, without those that the check of pools finds wrong. */
  readonly poolIds: () => Promise<readonly string[]>;
  /**
   * Their ids, and names that no pool has, or several have, with their ids.
   *
   * @throws an error of the service if the pools cannot be listed and have to be
   */
  readonly findPools: () => Promise<{
    found: string[];
    unknown: { readonly name: string; readonly ids: readonly string[] }[];
  }>;
  /** The settings of a pool, which the file may name by its name. */
  readonly settingsOf: (poolId: string) => PoolSettings;
  /** What the service says of a pool. */
  readonly describe: (poolId: string) => Promise<TargetPool>;
}

/** @param onlyQuick true: pools come from the database, and the account is not asked */
export function findExaminedPools(
  { config, access }: DoctorContext,
  connections: Connections,
  { mirror, buckets, region, listPools }: Servers & Service,
  onlyQuick: boolean,
): ExaminedPools {
  const byName = new Map<string, string>();

  /** The pools that need a recent mirror; none without a mirror. */
  const listExpected = async () => {
    const session = await mirror();
    return session === null ? [] : connections.once('expected', () => nameExpectedPools(session));
  };

  /** As commands that read the service find them. Without a list, the database alone answers. */
  const findIds = async (name: string) => {
    if (onlyQuick) {
      const expected = await listExpected();
      return expected.filter((pool) => pool.name === name).map(({ poolId }) => poolId);
    }
    const session = await mirror().catch(() => null);
    const known = session === null ? [] : await selectPoolsByName(session, [name]);
    const listing = listPools();
    const pools = await listing.catch(() => null);
    const listed = pools === null ? null : { region: await region(), pools };
    const accountOf = (poolId: string) =>
      describe(poolId).then(
        ({ accountId }) => accountId,
        () => null,
      );
    const ids = await findIdsOfName(name, known, listed, accountOf);
    if (ids.length === 0) await listing;
    return ids;
  };

  const findPools: ExaminedPools['findPools'] = async () => {
    const { pools, file } = config;
    const given = pools === 'all' ? [...file.pools.keys()] : pools;
    const list = onlyQuick ? listExpected : listPools;
    const found = pools === 'all' ? (await list()).map(({ poolId }) => poolId) : [];
    const unknown: { name: string; ids: string[] }[] = [];
    for (const text of given) {
      const parsed = parsePool(text);
      if ('poolId' in parsed) found.push(parsed.poolId);
      if (!('name' in parsed)) continue;
      const ids = await findIds(parsed.name);
      const id = ids.length === 1 ? ids[0] : undefined;
      if (id === undefined) unknown.push({ name: parsed.name, ids });
      else {
        byName.set(parsed.name, id);
        found.push(id);
      }
    }
    return { found: [...new Set(found)], unknown };
  };

  const settingsOf = (poolId: string) => {
    const pools = new Map(
      [...config.file.pools].map(([key, entry]) => [byName.get(key) ?? key, entry] as const),
    );
    return resolvePoolSettings({ ...config, file: { ...config.file, pools } }, poolId);
  };

  const describe = (poolId: string) =>
    connections.once(`pool ${poolId}`, async (signal) => {
      const { role, region: ofPool } = settingsOf(poolId);
      const deps = {
        region: ofPool,
        access: { ...access, role },
        buckets: await buckets(),
        retryPolicy: QUICK_CALLS,
        log: SILENT,
      };
      return describeTarget(deps, poolId, new CallMeter(), signal);
    });

  return {
    poolIds: async () => (await findPools().catch(() => ({ found: [] }))).found,
    findPools,
    settingsOf,
    describe,
  };
}
