import type { Config } from '../config/config.ts';
import { ActionRequiredError, InterruptedError, type Problem } from '../model/errors.ts';
import { findIdsOfName, type KnownPool, type PoolListing } from '../model/named-pools.ts';
import { POOL_REMEDY, parsePool } from '../model/pool-id.ts';
import { type Database, findDatabase } from '../postgres/database.ts';
import { readPoolsByName } from '../postgres/history/pool-names.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { CallMeter } from '../telemetry/calls.ts';
import { openLogger } from './logger.ts';
import type { MirrorOptions } from './options.ts';
import type { ResolveContext } from './resolve-pools.ts';
import { toAccess, toConfig } from './to-config.ts';

/** How to find pools by name. */
export interface NameLookup {
  /** What names the pools, for messages; by default what names those of the configuration, or POOL. */
  readonly subject?: string;
  /** True: only pools that were mirrored count, and the account is not asked. */
  readonly mirrored?: boolean;
  /** True for questions that an archive answers: the account is asked only for what was not mirrored. */
  readonly archived?: boolean;
}

/** What a look-up found, by name. */
type Found = Map<string, string>;

/**
 * Finds the ids of pools that a person gives by id, ARN or name. Ids and ARNs need no look-up. Names are
 * looked up in the database, and for what reads or writes the service also in the account's list: another
 * pool may have the name there, or have it now. What was found stays known.
 */
export class PoolNames {
  readonly #context: ResolveContext;
  readonly #inService: Found = new Map();
  /** Apart: a name can mean a pool that was mirrored, and another one in the service. */
  readonly #inMirror: Found = new Map();
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
    lookup: NameLookup,
    signal: AbortSignal,
  ): Promise<string[]> {
    const { subject = this.#findSubject(pools) } = lookup;
    const parsed = pools.map((text) => parsePool(text));
    const wrong = parsed.flatMap((each) => ('problem' in each ? each.problem : []));
    if (wrong.length > 0) {
      throw new ActionRequiredError(
        wrong.map((problem) => ({ subject, problem, remedy: POOL_REMEDY })),
      );
    }
    const found = this.#foundBy(lookup);
    const names = parsed.flatMap((each) => ('name' in each ? each.name : []));
    const unknown = [...new Set(names)].filter((name) => !found.has(name));
    if (unknown.length > 0) {
      const known = await this.#readKnown(unknown, signal);
      await this.#find(unknown, known, { ...lookup, subject }, signal);
    }
    const ids = parsed.map((each) => {
      if ('poolId' in each) return each.poolId;
      return 'name' in each ? (found.get(each.name) ?? each.name) : '';
    });
    return [...new Set(ids)];
  }

  /** The settings of single pools, by id. */
  async settle({ file }: Config, lookup: NameLookup, signal: AbortSignal): Promise<Config['file']> {
    const named = [...file.pools.keys()].filter((key) => 'name' in parsePool(key));
    if (named.length === 0) return file;
    const found = this.#foundBy(lookup);
    if (lookup.mirrored) await this.#settleMirrored(named, signal);
    else await this.toIds(named, { ...lookup, subject: 'MIRROR_CONFIG' }, signal);
    const pools = [...file.pools].map(([key, entry]) => [found.get(key) ?? key, entry] as const);
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

  #findSubject(pools: readonly string[]): string {
    const { pools: configured, poolsFrom } = this.#context.config;
    const areConfigured = configured !== 'all' && pools.every((text) => configured.includes(text));
    return areConfigured ? poolsFrom : 'POOL';
  }

  #foundBy({ mirrored = false, archived = false }: NameLookup): Found {
    return mirrored || archived ? this.#inMirror : this.#inService;
  }

  async #find(
    names: readonly string[],
    known: readonly KnownPool[],
    lookup: NameLookup & { subject: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { subject, mirrored = false, archived = false } = lookup;
    const found = this.#foundBy(lookup);
    const isKnown = (name: string) => known.some((pool) => pool.name === name);
    const isServiceAsked = (name: string) => !mirrored && !(archived && isKnown(name));
    const answer = names.some(isServiceAsked) ? await this.#listAccount(signal) : null;
    const listing = answer !== null && 'pools' in answer ? answer : null;
    const problems: Problem[] = [];
    for (const name of names) {
      const asked = isServiceAsked(name) ? listing : null;
      const ids = await findIdsOfName(name, known, asked, (id) =>
        this.#accountOf(id, asked, signal),
      );
      const problem = describeCount(name, ids, answer);
      if (problem === null) found.set(name, ids[0] as string);
      else problems.push({ subject, ...problem });
    }
    if (problems.length > 0) throw new ActionRequiredError(problems);
  }

  /** Settings of pools that were not mirrored do not matter to a question about those that were. */
  async #settleMirrored(names: readonly string[], signal: AbortSignal): Promise<void> {
    const known = await this.#readKnown(names, signal);
    const mirrored = names.filter((name) => known.some((pool) => pool.name === name));
    const lookup = { subject: 'MIRROR_CONFIG', mirrored: true };
    await this.#find(mirrored, known, lookup, signal);
  }

  async #readKnown(names: readonly string[], signal: AbortSignal): Promise<KnownPool[]> {
    const database = await this.#open(signal);
    return database === null ? [] : readPoolsByName(database.url, names, signal);
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
  async #listAccount(signal: AbortSignal): Promise<PoolListing | { problem: string }> {
    try {
      const { listAccountPools } = await import('./resolve-pools.ts');
      return await this.#withBuckets(signal, (buckets) =>
        listAccountPools(this.#context, buckets, signal),
      );
    } catch (error) {
      if (signal.aborted || error instanceof InterruptedError) throw error;
      if (!(error instanceof ActionRequiredError)) throw error;
      const [first] = error.problems;
      return { problem: first ? `${first.subject}: ${first.problem.replace(/\.$/, '')}` : '' };
    }
  }

  /** The account of a listed pool; null if the credentials may not know. */
  async #accountOf(
    poolId: string,
    listing: PoolListing | null,
    signal: AbortSignal,
  ): Promise<string | null> {
    if (listing === null) return null;
    const { log } = this.#context;
    const { region } = listing;
    const access = { ...this.#context.access, role: null };
    try {
      const { describePool } = await import('../runner/describe-pool.ts');
      const { accountId } = await this.#withBuckets(signal, (buckets) =>
        describePool({ buckets, access, region, log }, poolId, new CallMeter(), signal),
      );
      return accountId;
    } catch (error) {
      if (signal.aborted || !(error instanceof ActionRequiredError)) throw error;
      return null;
    }
  }

  async #withBuckets<T>(
    signal: AbortSignal,
    work: (buckets: AccountBuckets) => Promise<T>,
  ): Promise<T> {
    const { config, log } = this.#context;
    const { openQuota } = await import('./open-quota.ts');
    const quota = await openQuota(config, log, signal);
    try {
      return await work(quota.buckets);
    } finally {
      await quota.close();
    }
  }
}

/** Null if a name means one pool. */
function describeCount(
  name: string,
  ids: readonly string[],
  answer: PoolListing | { readonly problem: string } | null,
): Pick<Problem, 'problem' | 'remedy'> | null {
  if (ids.length === 1) return null;
  const quoted = JSON.stringify(name);
  if (ids.length > 1) {
    const problem = `${quoted} is the name of ${ids.length} pools: ${ids.join(', ')}.`;
    return { problem, remedy: 'Give the id of one.' };
  }
  const where =
    answer === null
      ? 'no pool of this name was mirrored'
      : 'pools' in answer
        ? `the account has no pool of this name in ${answer.region}`
        : `the pools of the account could not be listed (${answer.problem})`;
  return { problem: `${quoted} is not a pool id, and ${where}.`, remedy: POOL_REMEDY };
}

/** Finds the ids of pools for questions that need no mirror. Opens nothing for ids and ARNs. */
export async function findPoolIds(
  pools: readonly string[],
  lookup: NameLookup,
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
    const poolIds = await names.toIds(pools, lookup, signal);
    const file = await names.settle(config, { mirrored: true }, signal);
    return { poolIds, config: { ...config, file } };
  } finally {
    await names.close();
  }
}
