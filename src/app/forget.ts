import type { Person } from '../archive/erasure/persons.ts';
import { openCognito } from '../cognito/client.ts';
import { ResourceNotFoundError } from '../cognito/errors.ts';
import { requireCognitoEndpoint } from '../cognito/sdk.ts';
import { PROGRAM } from '../config/config.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { listScrubbed, type ScrubbedTable, scrubTables } from '../postgres/store/scrub-tables.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import { describePool } from '../runner/describe-pool.ts';
import { type ForgetRequest, type Forgotten, forgetPersons } from '../runner/forget.ts';
import type { Signer } from '../signature/signer.ts';
import { CallMeter } from '../telemetry/calls.ts';
import { allOrProblems, workFolder } from './open-archives.ts';
import type { MirrorDatabase } from './open-database.ts';
import type { Quota } from './open-quota.ts';
import type { Resources } from './resources.ts';

/** How persons are forgotten. */
export interface ForgetQuestion extends ForgetRequest {
  /** True: also rewrites the tables of Postgres that had them. */
  readonly scrub: boolean;
  /** Called with the tables before they are rewritten: each is locked meanwhile. */
  readonly onScrub?: (tables: readonly ScrubbedTable[]) => void;
}

/**
 * Removes persons from a pool's archive and database.
 *
 * @throws as `forgetPersons` does
 */
export async function forgetInPool(
  resources: Resources,
  poolId: string,
  { scrub, onScrub, ...request }: ForgetQuestion,
  signal: AbortSignal,
): Promise<Forgotten> {
  const { config, log } = resources;
  const database = await resources.requireDatabase(signal);
  const [{ db, databaseUrl }, signer, quota] = await allOrProblems<
    [MirrorDatabase, Signer | null, Quota, unknown]
  >(
    Promise.resolve(database),
    resources.signer(signal),
    resources.quota(signal),
    requireCognitoEndpoint(resources.access),
  );
  const {
    destination,
    archiveLock: lock,
    access,
    region,
    privacy,
  } = await resources.poolDeps(poolId);
  // It also finds out in which forms the server takes requests.
  if (!request.dryRun) await destination.check(signal, lock?.mode ?? null);
  const tables = scrub ? await listScrubbed(db, poolId) : [];
  requireOwned(tables);
  const forgotten = await forgetPersons(
    {
      db,
      databaseUrl,
      destination,
      signer,
      lock,
      privacy,
      program: PROGRAM,
      workFolder: workFolder(config),
      log,
      findPresent: (persons, stop) =>
        findPresent({ log, buckets: quota.buckets, access, region }, poolId, persons, stop),
    },
    poolId,
    request,
    signal,
  );
  if (scrub && !request.dryRun) {
    onScrub?.(tables);
    await scrubTables(db, tables, signal);
  }
  return forgotten;
}

/** Statistics belong to Postgres: a role that may not rewrite them rewrites the rest. */
function requireOwned(tables: readonly ScrubbedTable[]): void {
  const foreign = tables.filter(
    ({ table, isOwned }) => !isOwned && !table.startsWith('pg_catalog.'),
  );
  if (foreign.length === 0) return;
  throw ActionRequiredError.of(
    '--scrub',
    `only their owner may rewrite ${foreign.map(({ table }) => table).join(', ')}.`,
    'Run it with the DATABASE_URL of the role that owns the schemas.',
  );
}

interface Service extends Pick<Resources, 'log'> {
  readonly buckets: AccountBuckets;
  readonly access: Parameters<typeof describePool>[0]['access'];
  readonly region: string;
}

/** Finds the persons who are users of the pool. None is, if the pool was deleted. */
async function findPresent(
  service: Service,
  poolId: string,
  persons: readonly Person[],
  signal: AbortSignal,
): Promise<Person[]> {
  const { access, region, buckets, log } = service;
  const meter = new CallMeter();
  try {
    const pool = await describePool(service, poolId, meter, signal);
    const own = buckets.of(pool.accountId, region);
    const cognito = openCognito({ region, access, buckets: own, meter, log });
    try {
      const present: Person[] = [];
      for (const person of persons) {
        const user = await cognito.getUser(poolId, person.username, signal);
        if (user === null) continue;
        if (person.sub === null || user.sub === null || user.sub === person.sub)
          present.push(person);
      }
      return present;
    } finally {
      cognito.close();
    }
  } catch (error) {
    if (error instanceof ResourceNotFoundError) return [];
    throw error;
  }
}
