import type { Config } from '../config/config.ts';
import { ActionRequiredError, InterruptedError, type Problem } from '../model/errors.ts';
import { isPoolId, POOL_REMEDY, parsePool } from '../model/pool-id.ts';
import { type Database, findDatabase } from '../postgres/database.ts';
import { readPoolsByName } from '../postgres/history/pool-names.ts';
import { openLogger } from './logger.ts';
import { openQuota } from './open-quota.ts';
import { type MirrorOptions, toAccess, toConfig } from './options.ts';
import { listAccountPools, type ResolveContext } from './resolve-pools.ts';

/** How to find pools by name. */
export interface NameLookup {
  /** The argument that gives the pools, for messages. */
  readonly subject?: string;
  /** True: only pools that were mirrored count, and the account is not asked. */
  readonly mirrored?: boolean;
}

type NamedPool = { readonly poolId: string; readonly name: string | null };

/**
 * Finds the ids of pools that a person gives by id, ARN or name. Ids and ARNs need no look-up. Names are
 * looked up in the database, then in the account's list. What was found stays known.
 */
export class PoolNames {
  readonly #context: ResolveContext;
  readonly #found = new Map<string, string>();
  #database: Promise<Database | null> | null = null;

  constructor(context: ResolveContext) {
    this.#context = context;
  }

  /**
   * @returns an id for each of the pools, in their order, without repetitions
   * @throws ActionRequiredError for each that is neither id, ARN nor the name of one pool
   */
  async toIds(
    pools: readonly string[],
    { subject = 'POOL', mirrored = false }: NameLookup,
    signal: AbortSignal,
  ): Promise<string[]> {
    const parsed = pools.map((text) => parsePool(text));
    const wrong = parsed.flatMap((each) => ('problem' in each ? each.problem : []));
    if (wrong.length > 0) {
      throw new ActionRequiredError(
        wrong.map((problem) => ({ subject, problem, remedy: POOL_REMEDY })),
      );
    }
    const names = parsed.flatMap((each) => ('name' in each ? each.name : []));
    const unknown = [...new Set(names)].filter((name) => !this.#found.has(name));
    if (unknown.length > 0) await this.#find(unknown, { subject, mirrored }, signal);
    const ids = parsed.map((each) => {
      if ('poolId' in each) return each.poolId;
      return 'name' in each ? (this.#found.get(each.name) ?? each.name) : '';
    });
    return [...new Set(ids)];
  }

  /** The settings of single pools, by id. */
  async settle(
    { file }: Config,
    { mirrored }: NameLookup,
    signal: AbortSignal,
  ): Promise<Config['file']> {
    const named = [...file.pools.keys()].filter((key) => 'name' in parsePool(key));
    if (named.length === 0) return file;
    if (mirrored) await this.#fromDatabase(named, signal);
    else await this.toIds(named, { subject: 'MIRROR_CONFIG' }, signal);
    const pools = [...file.pools].map(
      ([key, entry]) => [this.#found.get(key) ?? key, entry] as const,
    );
    const settled = new Map(pools);
    if (settled.size === pools.length) return { ...file, pools: settled };
    throw ActionRequiredError.of(
      'MIRROR_CONFIG',
      'gives the settings of a pool twice: by its name and by its id.',
      'Remove one of the two.',
    );
  }

  async close(): Promise<void> {
    const opening = this.#database;
    this.#database = null;
    await (await opening?.catch(() => null))?.close();
  }

  async #find(
    names: readonly string[],
    { subject, mirrored }: Required<NameLookup>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#fromDatabase(names, signal, subject);
    let missing = names.filter((name) => !this.#found.has(name));
    if (missing.length === 0) return;
    const listed = mirrored ? null : await this.#listAccount(signal);
    if (listed !== null && 'pools' in listed) {
      this.#keep(listed.pools, missing, subject);
      missing = names.filter((name) => !this.#found.has(name));
    }
    // Emulators of the service give ids such as local_1, which look like names.
    for (const name of missing.filter(isPoolId)) this.#found.set(name, name);
    const problems = missing
      .filter((name) => !isPoolId(name))
      .map((name): Problem => {
        const where =
          listed === null
            ? 'no pool of this name was mirrored'
            : 'pools' in listed
              ? `the account has no pool of this name in ${listed.region}`
              : `the pools of the account could not be listed (${listed.problem})`;
        const problem = `${JSON.stringify(name)} is not a pool id, and ${where}.`;
        return { subject, problem, remedy: POOL_REMEDY };
      });
    if (problems.length > 0) throw new ActionRequiredError(problems);
  }

  async #fromDatabase(
    names: readonly string[],
    signal: AbortSignal,
    subject = 'MIRROR_CONFIG',
  ): Promise<void> {
    const database = await this.#open(signal);
    if (database === null) return;
    this.#keep(await readPoolsByName(database.url, names, signal), names, subject);
  }

  /** It stays open, so that an embedded Postgres does not stop before the work that follows. */
  async #open(signal: AbortSignal): Promise<Database | null> {
    const { config, log } = this.#context;
    this.#database ??= findDatabase(config, signal, log);
    try {
      return await this.#database;
    } catch (error) {
      this.#database = null;
      throw error;
    }
  }

  /** The pools of the account, or why they cannot be listed. */
  async #listAccount(
    signal: AbortSignal,
  ): Promise<{ region: string; pools: readonly NamedPool[] } | { problem: string }> {
    const { config, log } = this.#context;
    const quota = await openQuota(config, log, signal);
    try {
      return await listAccountPools(this.#context, quota.buckets, signal);
    } catch (error) {
      if (signal.aborted || error instanceof InterruptedError) throw error;
      if (!(error instanceof ActionRequiredError)) throw error;
      const [first] = error.problems;
      return { problem: first ? `${first.subject}: ${first.problem.replace(/\.$/, '')}` : '' };
    } finally {
      await quota.close();
    }
  }

  /** @throws ActionRequiredError if two pools have one name */
  #keep(pools: readonly NamedPool[], names: readonly string[], subject: string): void {
    const problems: Problem[] = [];
    for (const name of names) {
      const ids = pools.filter((pool) => pool.name === name).map(({ poolId }) => poolId);
      if (ids.length === 1) this.#found.set(name, ids[0] as string);
      if (ids.length < 2) continue;
      const problem = `${JSON.stringify(name)} is the name of ${ids.length} pools: ${ids.join(', ')}.`;
      problems.push({ subject, problem, remedy: 'Give the id of one.' });
    }
    if (problems.length > 0) throw new ActionRequiredError(problems);
  }
}

/** Finds the ids of pools for questions that need no mirror. Opens nothing for ids and ARNs. */
export async function findPoolIds(
  pools: readonly string[],
  options: MirrorOptions,
  signal: AbortSignal,
): Promise<{ readonly poolIds: string[]; readonly config: Config }> {
  const config = toConfig(options);
  const names = new PoolNames({
    config,
    access: toAccess(options),
    log: openLogger(options.logger),
  });
  try {
    const poolIds = await names.toIds(pools, {}, signal);
    const file = await names.settle(config, { mirrored: true }, signal);
    return { poolIds, config: { ...config, file } };
  } finally {
    await names.close();
  }
}
