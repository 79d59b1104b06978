import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DocumentLink, formatRemoval, parseRemoval } from '../archive/amendments.ts';
import type { Destination, ProtectedObject } from '../archive/destination.ts';
import { removalKey } from '../archive/layout.ts';
import { lockArchive } from '../archive/lock.ts';
import { lockAmendment } from '../archive/object-lock.ts';
import { describeFile, readWhole } from '../archive/read-object.ts';
import { type Document, signStored, storeSignature } from '../archive/sign.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import type { Signer } from '../signature/signer.ts';

/** The objects of one sealed snapshot that are to be deleted. */
export interface RemovalRequest {
  readonly poolId: string;
  readonly snapshot: string;
  /** Every key that its manifest or a revision named. */
  readonly objects: readonly string[];
  /** The manifest, or its newest revision. */
  readonly follows: DocumentLink;
}

export interface RemovalOptions {
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  /** The id of the mirror's database. */
  readonly owner: string;
  /** Signs the removal. Null: it gets no signature. */
  readonly signer: Signer | null;
  /** How long the removal is locked (S3 Object Lock). Null: it is not. */
  readonly lock: ArchiveLock | null;
  /** A private folder of this machine. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Deletes the objects of a snapshot, after it has stored the signed document that says so. The lock of a
 * writer lies beside them meanwhile. It stays if the run ends before all objects are deleted: then another run
 * continues, and what was done is not repeated. Several runs at once do no harm.
 *
 * @returns the objects that stay because Object Lock protects them.
 * @throws ActionRequiredError if another mirror writes the snapshot, or has another removal of it.
 * @throws ResumableError if another run may succeed.
 */
export async function removeObjects(
  destination: Destination,
  request: RemovalRequest,
  options: RemovalOptions,
): Promise<readonly ProtectedObject[]> {
  const { poolId, snapshot, objects } = request;
  const { owner, signal } = options;
  const folder = join(options.folder, snapshot);
  await mkdir(folder, { mode: 0o700 });
  const writing = await lockArchive(destination, { poolId, snapshot, owner, folder }, signal);
  await storeRemoval(destination, request, { ...options, folder });
  if (options.lock !== null) {
    await lockAmendment(destination, removalKey(poolId, snapshot), options.lock, signal);
  }
  const stay = await destination.delete(objects, signal);
  if (stay.length === 0) await writing.unlock();
  return stay;
}

/** Stores the removal with its signature, unless an earlier run did. */
async function storeRemoval(
  destination: Destination,
  request: RemovalRequest,
  { program, signer, folder, signal }: RemovalOptions,
): Promise<void> {
  const key = removalKey(request.poolId, request.snapshot);
  const removedAt = new Date().toISOString();
  const bytes = formatRemoval({ ...request, program, removedAt });
  const signature = signer && (await signer.sign(bytes, signal));
  const path = join(folder, 'removal.json');
  await writeFile(path, bytes, { mode: 0o600 });
  if (await destination.create(key, await describeFile(path, signal), signal)) {
    if (signature === null) return;
    return storeSignature(destination, { key, bytes }, signature, { folder, signal });
  }
  const stored = await readStored(destination, request, key, signal);
  if (signer !== null) await signStored(destination, stored, signer, { folder, signal });
}

/** Reads a removal of an earlier run. It counts only if this run would have written the same. */
async function readStored(
  destination: Destination,
  request: RemovalRequest,
  key: string,
  signal: AbortSignal,
): Promise<Document> {
  const bytes = await readWhole(destination, key, signal);
  if (bytes === null) {
    throw new ResumableError(
      `${destination.url}: ${key} was deleted while it was read. Run the command again.`,
    );
  }
  const stored = parseRemoval(bytes);
  if (!('problem' in stored)) {
    const { program, removedAt } = stored;
    if (formatRemoval({ ...request, program, removedAt }).equals(bytes)) return { key, bytes };
  }
  throw ActionRequiredError.of(
    key,
    'there is another document in the place of the removal.',
    'Run `cognito-mirror verify`, find out who wrote it, and delete it if it is wrong.',
  );
}
