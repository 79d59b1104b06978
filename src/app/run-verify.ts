import type { Destination } from '../archive/destination.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { AllowedSigners } from '../signature/allowed-signers.ts';
import { loadAllowedSigners } from '../signature/load-signers.ts';
import { ParquetChecks } from '../verify/check-content.ts';
import { describeStrays } from '../verify/find-extras.ts';
import type { ArchiveFindings, PoolVerification, Verification } from '../verify/findings.ts';
import { isEmptyArchive, listArchive } from '../verify/list-archive.ts';
import type { Selection } from '../verify/select.ts';
import { type VerifyProgress, verifyPool } from '../verify/verify-pool.ts';
import type { CallOptions } from './calls.ts';
import { createArchives } from './open-archives.ts';
import { noArchiveError, openCopy } from './open-copy.ts';
import type { MirrorOptions } from './options.ts';
import { findPoolIds } from './pool-names.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { toAccess, toConfig } from './to-config.ts';

/** What to verify, and against what. */
export interface VerifyRequest extends Partial<Selection>, CallOptions {
  /** The pools; by default every pool of the archive. */
  readonly pools?: readonly string[] | undefined;
  /** The URL of the archive, or of a copy; by default that of the options. */
  readonly archive?: string | undefined;
  /** A file of OpenSSH's allowed signers, with the keys that may sign; by default that of the options. */
  readonly signers?: string | undefined;
  /** The SHA-256 of a manifest that a witness keeps. The archive must have it. */
  readonly head?: string | undefined;
  /** Called after each object. */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/** @throws what `verifyArchives` throws, except that an abort rejects with the signal's reason */
export async function runVerify(
  request: VerifyRequest,
  mirror: MirrorOptions,
  signal: AbortSignal,
): Promise<Verification> {
  const { head = null, from = null, to = null, content = 'all' } = request;
  const { onProgress } = request;
  if (from !== null && to !== null && from > to) {
    throw ActionRequiredError.of(
      'from',
      'it is later than `to`.',
      'Give the earlier time as `from`.',
    );
  }
  const signers = await openSigners(request, mirror);
  const { targets, outside } = await findTargets(request, mirror, signal);
  if (head !== null && targets.length > 1) throw severalPoolsError(targets.length);

  const verify = async (parquet: ParquetChecks | null) => {
    const options = { from, to, content, signers, head, parquet, onProgress, signal };
    const verified: PoolVerification[] = [];
    for (const { destination, poolId } of targets) {
      verified.push(await verifyPool(destination, poolId, options));
    }
    if (verified.every(isNothing)) throw nothingError(verified);
    return { pools: verified, outside };
  };
  // Structure alone reads no part.
  if (content === 'structure') return verify(null);
  return withTemporaryFolder('verify', async (folder) => {
    const parquet = await ParquetChecks.open(folder);
    try {
      return await verify(parquet);
    } finally {
      parquet?.close();
    }
  });
}

/** True if there was nothing to verify, which is no reason to call it valid. */
function isNothing({ snapshots, findings }: PoolVerification): boolean {
  return snapshots === 0 && findings.length === 0;
}

/** A pool and the archive, or the copy, that is verified. */
interface Target {
  readonly destination: Destination;
  readonly poolId: string;
}

/**
 * The pools that are named; else every pool of each archive that the configuration has, and what those
 * archives have outside of pools.
 */
async function findTargets(
  { pools: named = [], archive }: VerifyRequest,
  mirror: MirrorOptions,
  signal: AbortSignal,
): Promise<{ targets: Target[]; outside: ArchiveFindings[] }> {
  const lookup = { subject: 'POOL', archived: true };
  const { poolIds, config } = await findPoolIds(named, lookup, mirror, signal);
  const access = toAccess(mirror);
  const archives = createArchives(() => config, access);
  const copy = archive === undefined ? null : await openCopy(archive, access);
  const open = async (poolId: string) => copy ?? archives.of(poolId);
  if (poolIds.length > 0) {
    const chosen = await Promise.all(
      poolIds.map(async (poolId) => ({ destination: await open(poolId), poolId })),
    );
    for (const destination of new Set(chosen.map((each) => each.destination))) {
      if (await isEmptyArchive(destination, signal)) throw noArchiveError(destination.url);
    }
    return { targets: chosen, outside: [] };
  }
  const opening = ['', ...config.file.pools.keys()].map(open);
  const targets: Target[] = [];
  const outside: ArchiveFindings[] = [];
  for (const destination of new Set(await Promise.all(opening))) {
    const found = await listArchive(destination, signal);
    targets.push(...found.pools.map((poolId) => ({ destination, poolId })));
    const findings = await describeStrays({ destination, signal }, found.strays);
    if (findings.length > 0) outside.push({ url: destination.url, findings });
  }
  if (targets.length === 0) throw noArchiveError(archive ?? config.archiveUrl);
  return { targets, outside };
}

/** @throws ActionRequiredError if the file of signers cannot be used */
export async function openSigners(
  { signers }: Pick<VerifyRequest, 'signers'>,
  mirror: MirrorOptions,
): Promise<AllowedSigners | null> {
  if (signers !== undefined) return loadAllowedSigners(signers, 'signers');
  const { archiveSigners } = toConfig(mirror);
  return archiveSigners === null ? null : loadAllowedSigners(archiveSigners, 'ARCHIVE_SIGNERS');
}

function severalPoolsError(pools: number): ActionRequiredError {
  return ActionRequiredError.of(
    'head',
    `it is the head of one pool, and there are ${pools} to verify.`,
    'Name the pool.',
  );
}

function nothingError(verified: readonly PoolVerification[]): ActionRequiredError {
  return ActionRequiredError.of(
    verified.map(({ poolId }) => poolId).join(', '),
    'there is no snapshot to verify.',
    'Give other times, or wait until a snapshot is archived.',
  );
}
