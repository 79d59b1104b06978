import { listExpectedPools } from '../postgres/store/pools.ts';
import { checkAges } from '../runner/mirror-age.ts';
import { measureRates, readStatus, type Status } from '../runner/status.ts';
import type { AgeCheck, Mirror, StatusOptions } from './mirror.ts';
import type { Resources } from './resources.ts';

/** The state of the mirror; empty if there is none yet. */
export async function statusOf(
  resources: Resources,
  { pools, since }: Pick<StatusOptions, 'pools' | 'since'>,
  signal: AbortSignal,
): Promise<Status> {
  const database = await resources.findDatabase(signal);
  if (database === null) return nothingMirrored();
  const status = await readStatus(database.db, pools ?? null);
  return since === undefined ? status : measureRates(status, since);
}

/** Compares the ages of mirrors with a limit. */
export async function checkAge(
  resources: Resources,
  { pools, maxAgeSeconds }: Omit<Parameters<Mirror['checkAge']>[0], 'signal'>,
  signal: AbortSignal,
): Promise<AgeCheck> {
  const database = await resources.findDatabase(signal);
  const expected = pools ?? (database ? await listExpectedPools(database.db) : []);
  const { at, pools: known } =
    database === null ? nothingMirrored() : await readStatus(database.db, expected);
  const ages = checkAges(known, expected, maxAgeSeconds);
  return { at, ok: ages.length > 0 && ages.every(({ ok }) => ok), pools: ages };
}

function nothingMirrored(): Status {
  return { at: new Date(), pools: [], snapshots: [], schedules: [], workers: [], requests: [] };
}
