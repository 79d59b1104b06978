import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PartEditors } from '../archive/erasure/part-editors.ts';
import { receiptKey, signatureKey } from '../archive/layout.ts';
import { lockAmendment } from '../archive/object-lock.ts';
import { describeFile } from '../archive/read-object.ts';
import { makeWorkFolder } from '../common/folders.ts';
import { formatErasureReceipt } from '../erasure/receipt.ts';
import { completeSnapshot, type RevisedSnapshot } from '../erasure/revise-snapshot.ts';
import { readState } from '../erasure/search-archive.ts';
import { readInstallationId } from '../postgres/coordination/workers.ts';
import { describeSafely } from '../postgres/database-error.ts';
import {
  type Erasure,
  listOpenErasures,
  recordReceipt,
  recordWaiting,
  type WaitingObject,
} from '../postgres/store/erasures.ts';
import type { RetentionContext } from './retention.ts';

/**
 * Completes erasures of a pool: deletes what Object Lock kept, once that ends, and stores receipts that a
 * killed run did not. It never throws: the next snapshot tries again.
 */
export async function finishErasures(
  context: RetentionContext,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const { db, destination, log } = context;
  try {
    const open = await listOpenErasures(db, poolId, destination.url);
    if (open.length > 0) {
      await withErasure(context, (erasure) => finishOpen(erasure, poolId, open, signal));
    }
  } catch (error) {
    if (signal.aborted) return;
    log.warn(
      { poolId, reason: describeSafely(error) },
      'an erasure was not completed; the next snapshot tries again',
    );
  }
}

/** A context with a private folder and the editors of parts. */
export type Erasing<C extends RetentionContext> = C & {
  readonly owner: string;
  readonly folder: string;
  readonly editors: PartEditors;
};

/** Runs `work` with a private folder, which is removed afterwards. */
export async function withErasure<C extends RetentionContext, T>(
  context: C,
  work: (erasing: Erasing<C>) => Promise<T>,
): Promise<T> {
  const owner = await readInstallationId(context.db);
  const folder = await makeWorkFolder(context.workFolder);
  const editors = new PartEditors(folder);
  try {
    return await work({ ...context, owner, folder, editors });
  } finally {
    editors.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** An object that Object Lock keeps, as Postgres records it. */
export const toWaiting = ({
  key,
  until,
  isHeld,
}: RevisedSnapshot['locked'][number]): WaitingObject => ({
  key,
  until: until?.toISOString() ?? null,
  isHeld,
});

/** Stores the receipt and its signature, the signature first: a receipt that is there is complete. */
export async function storeReceipt(
  { db, destination, signer, lock, program, folder }: Erasing<RetentionContext>,
  erasure: Erasure,
  signal: AbortSignal,
): Promise<string> {
  const { id, poolId, erasedAt } = erasure;
  if (erasedAt === null) throw new Error(`The erasure ${id} has not ended.`);
  const key = receiptKey(poolId, id);
  const bytes = formatErasureReceipt({ ...erasure, erasedAt, program });
  const path = join(folder, 'receipt.json');
  if (signer !== null) {
    await writeFile(path, await signer.sign(bytes, signal), { mode: 0o600 });
    await destination.put(signatureKey(key), await describeFile(path, signal), signal);
  }
  await writeFile(path, bytes, { mode: 0o600 });
  await destination.put(key, await describeFile(path, signal), signal);
  if (lock !== null) await lockAmendment(destination, key, lock, signal);
  await recordReceipt(db, id, key);
  return key;
}

async function finishOpen(
  context: Erasing<RetentionContext>,
  poolId: string,
  open: readonly Erasure[],
  signal: AbortSignal,
): Promise<void> {
  const { db, destination, log } = context;
  for (const erasure of open) {
    if (erasure.receipt === null) await storeReceipt(context, erasure, signal);
  }
  const isDue = ({ until }: WaitingObject) => until === null || new Date(until) <= new Date();
  if (!open.some(({ waiting }) => waiting.some(isDue))) return;
  const locked = new Map<string, WaitingObject>();
  for (const state of await readState(destination, poolId, signal)) {
    const done = await completeSnapshot(destination, poolId, state, { ...context, signal });
    for (const each of done?.locked ?? []) locked.set(each.key, toWaiting(each));
  }
  for (const { id, waiting } of open) {
    const stay = waiting.flatMap(({ key }) => locked.get(key) ?? []);
    await recordWaiting(db, id, stay);
    log.info(
      { poolId, deleted: waiting.length - stay.length, waiting: stay.length },
      'objects of an erasure deleted',
    );
  }
}
