import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import { SETTINGS } from '../config/settings.ts';
import { ActionRequiredError } from '../model/errors.ts';
import {
  type AllowedSigners,
  AllowedSignersError,
  parseAllowedSigners,
} from '../signature/allowed-signers.ts';
import { ParquetChecks } from '../verify/check-content.ts';
import type { PoolVerification } from '../verify/findings.ts';
import { listPools } from '../verify/list-archive.ts';
import type { Selection } from '../verify/select.ts';
import { verifyPool } from '../verify/verify-pool.ts';
import type { Resources } from './resources.ts';
import { requirePoolIds } from './snapshot-name.ts';

/** What to verify, and against what. */
export interface VerifyRequest extends Partial<Selection> {
  /** The pools; by default every pool of the archive. */
  readonly pools?: readonly string[] | undefined;
  /** The URL of the archive, or of a copy; by default that of the mirror. */
  readonly archive?: string | undefined;
  /** The text of a file of OpenSSH's allowed signers: the keys that may sign. */
  readonly signers?: string | undefined;
  /** The SHA-256 of a manifest that a witness keeps. The archive must have it. */
  readonly head?: string | undefined;
}

/**
 * Verifies archives. It needs nothing but the right to read them: no database, no Redis, no lock.
 *
 * @throws ActionRequiredError if the request is wrong or there is no archive
 */
export async function verifyArchives(
  { config, archives, access }: Resources,
  request: VerifyRequest,
  signal: AbortSignal,
): Promise<PoolVerification[]> {
  const { pools = [], archive, head = null, from = null, to = null, content = 'all' } = request;
  requirePoolIds(pools);
  const signers = readSigners(request.signers);
  if (archive !== undefined) requireArchiveUrl(archive);
  const copy = archive === undefined ? null : await openDestination(archive, { access });
  const open = async (poolId: string) => copy ?? archives.of(poolId);
  const targets: { destination: Destination; poolId: string }[] = [];
  for (const poolId of pools) targets.push({ destination: await open(poolId), poolId });
  if (pools.length === 0) {
    // Every pool of each archive that the configuration has.
    const opening = ['', ...config.file.pools.keys()].map(open);
    for (const destination of new Set(await Promise.all(opening))) {
      const found = await listPools(destination, signal);
      targets.push(...found.map((poolId) => ({ destination, poolId })));
    }
  }
  if (targets.length === 0) throw noArchiveError(archive ?? config.archiveUrl);
  if (head !== null && targets.length > 1) throw severalPoolsError(targets.length);

  const folder = await mkdtemp(join(tmpdir(), 'cognito-mirror-verify-'));
  let parquet: ParquetChecks | null = null;
  try {
    parquet = content === 'structure' ? null : await openParquet(folder);
    const options = { from, to, content, signers, head, parquet, signal };
    const verified: PoolVerification[] = [];
    for (const { destination, poolId } of targets) {
      verified.push(await verifyPool(destination, poolId, options));
    }
    return verified;
  } finally {
    parquet?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Null if DuckDB is not installed: the rest is verified then. */
async function openParquet(folder: string): Promise<ParquetChecks | null> {
  try {
    return await ParquetChecks.open(folder);
  } catch (error) {
    if (error instanceof ActionRequiredError) return null;
    throw error;
  }
}

function readSigners(text: string | undefined): AllowedSigners | null {
  try {
    return text === undefined ? null : parseAllowedSigners(text);
  } catch (error) {
    if (!(error instanceof AllowedSignersError)) throw error;
    throw requestError(
      'signers',
      error.message,
      'Correct it, or copy the line that `cognito-mirror keygen` printed.',
    );
  }
}

function requireArchiveUrl(url: string): void {
  const { schema, remedy } = SETTINGS.archiveUrl;
  const { error } = schema.safeParse(url);
  if (error) throw requestError('archive', error.issues[0]?.message ?? '', remedy);
}

function noArchiveError(url: string): ActionRequiredError {
  return requestError(
    url,
    'there is no archive: it has no manifest.',
    'Give the URL of the folder or prefix that holds `manifests/`, with --archive or ARCHIVE_URL.',
  );
}

function severalPoolsError(pools: number): ActionRequiredError {
  return requestError(
    'head',
    `it is the head of one pool, and the archive has ${pools}.`,
    'Name the pool.',
  );
}

function requestError(subject: string, problem: string, remedy: string): ActionRequiredError {
  return new ActionRequiredError([{ subject, problem, remedy }]);
}
