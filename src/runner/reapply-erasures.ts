import type pg from 'pg';
import type { z } from 'zod';
import type { Destination } from '../archive/destination.ts';
import { manifestsPrefix, parseReceiptKey, receiptKey } from '../archive/layout.ts';
import { parseDocument } from '../archive/manifest.ts';
import { readWhole } from '../archive/read-object.ts';
import { untrustedError } from '../archive/sealed-snapshot.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { transaction } from '../postgres/connection.ts';
import { erasePersons } from '../postgres/store/erase-persons.ts';
import { listErasureIds, recordReapplied } from '../postgres/store/erasures.ts';
import { streamPersons } from '../postgres/store/person-tables.ts';
import { analyzePersonTables } from '../postgres/store/scrub-tables.ts';
import { suppress } from '../postgres/store/suppressed.ts';
import type { PoolPrivacy } from '../privacy/pool-privacy.ts';
import type { Logger } from '../telemetry/logger.ts';
import { RECEIPT } from '../verify/check-receipts.ts';
import { SignatureChecker } from '../verify/check-signature.ts';

type Receipt = z.output<typeof RECEIPT>;

interface ReapplyContext {
  readonly db: pg.Pool;
  readonly destination: Destination;
  readonly privacy: PoolPrivacy;
  readonly log: Logger;
}

/**
 * Deletes persons again whom a database has that was restored from a backup: the archive then has receipts
 * that the database lacks. Without such receipts, it costs one listing. An archive that does not answer for
 * now holds up no snapshot: the next one looks again.
 *
 * @throws ActionRequiredError if a receipt was altered, or needs a key that is not set.
 */
export async function reapplyErasures(
  { db, destination, privacy, log }: ReapplyContext,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const receipts = await readMissing(db, destination, poolId, signal).catch((error: unknown) => {
    if (!(error instanceof ResumableError)) throw error;
    log.warn(
      { poolId, reason: error.message },
      'receipts of forgotten persons were not read; the next snapshot tries again',
    );
    return [];
  });
  if (receipts.length === 0) return;
  const hashes = new Set(receipts.flatMap(({ persons }) => persons.flatMap((hash) => hash ?? [])));
  requireKey(poolId, hashes, privacy);
  const usernames: string[] = [];
  const subs: string[] = [];
  for await (const person of streamPersons(db, poolId)) {
    signal.throwIfAborted();
    if (!hashes.has(privacy.hashSub(person.sub) ?? '')) continue;
    usernames.push(person.username);
    subs.push(person.sub);
  }
  const left = receipts.filter((receipt) => receipt.suppress);
  const suppressed = left.flatMap(({ persons }) => persons.flatMap((hash) => hash ?? []));
  await transaction(
    db,
    async (client) => {
      if (subs.length > 0) await erasePersons(client, poolId, { usernames, subs });
      await suppress(client, poolId, suppressed);
      for (const receipt of receipts) {
        const key = receiptKey(poolId, receipt.id);
        await recordReapplied(client, receipt, destination.url, key);
      }
    },
    signal,
  );
  if (subs.length > 0) await analyzePersonTables(db, poolId);
  log.info(
    { poolId, receipts: receipts.length, persons: new Set(subs).size },
    'persons of receipts forgotten again',
  );
}

/** The receipts in the archive that the database does not know. */
async function readMissing(
  db: pg.Pool,
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<Receipt[]> {
  const stored = new Set<string>();
  for await (const { key } of destination.list(manifestsPrefix(poolId), signal)) {
    const id = key.endsWith('.json') ? parseReceiptKey(poolId, key) : null;
    if (id !== null) stored.add(id);
  }
  if (stored.size === 0) return [];
  const known = await listErasureIds(db, poolId);
  const receipts: Receipt[] = [];
  for (const id of [...stored].filter((each) => !known.has(each)).sort()) {
    receipts.push(await readReceipt(destination, poolId, id, signal));
  }
  return receipts;
}

async function readReceipt(
  destination: Destination,
  poolId: string,
  id: string,
  signal: AbortSignal,
): Promise<Receipt> {
  const key = receiptKey(poolId, id);
  const refuse = (detail: string) => untrustedError(destination.url, key, detail);
  const bytes = await readWhole(destination, key, signal);
  if (bytes === null) throw refuse('It was deleted while it was read.');
  const receipt = parseDocument(bytes, RECEIPT);
  if ('problem' in receipt) throw refuse(`It cannot be read: ${receipt.problem}.`);
  if (receipt.poolId !== poolId || receipt.id !== id) throw refuse('It is another receipt.');
  const signatures = new SignatureChecker(destination, null);
  const at = new Date(receipt.erasedAt);
  const signature = await signatures.check({ key, bytes, at }, signal);
  if (signature.state === 'wrong') throw refuse(`Its signature: ${signature.detail}`);
  return receipt;
}

function requireKey(poolId: string, hashes: ReadonlySet<string>, privacy: PoolPrivacy): void {
  const own = privacy.hashSub('');
  const keyOf = (hash: string) => hash.slice(0, hash.lastIndexOf(':'));
  const [foreign] = [...hashes].filter((hash) => own === null || keyOf(hash) !== keyOf(own));
  if (foreign === undefined) return;
  throw ActionRequiredError.of(
    'MIRROR_HASH_KEY',
    `the archive of ${poolId} has receipts of forgotten persons that this database may still have. To find them needs the key with the id ${keyOf(foreign).split(':').at(-1)}.`,
    'Set it to that key.',
  );
}
