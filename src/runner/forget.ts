import { type Person, PersonFilter } from '../archive/erasure/persons.ts';
import { manifestKey } from '../archive/layout.ts';
import { formatCommand } from '../common/command.ts';
import { HASH_KEY_REMEDY } from '../config/privacy-rules.ts';
import { eraseFromArchive, requireSigner } from '../erasure/erase-archive.ts';
import { countPersons, resolvePersons } from '../erasure/resolve-persons.ts';
import type { RevisedSnapshot } from '../erasure/revise-snapshot.ts';
import { readState, type SearchedSnapshot, searchArchive } from '../erasure/search-archive.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { transaction } from '../postgres/connection.ts';
import { removeLeftovers } from '../postgres/coordination/leftovers.ts';
import {
  countPersonRows,
  type ErasedPersons,
  erasePersons,
  type RowsByTable,
} from '../postgres/store/erase-persons.ts';
import {
  beginErasure,
  type Erasure,
  listOpenErasures,
  recordErased,
  recordRevised,
  type WaitingObject,
} from '../postgres/store/erasures.ts';
import { findPersons } from '../postgres/store/person-tables.ts';
import { analyzePersonTables } from '../postgres/store/scrub-tables.ts';
import { listUnarchived } from '../postgres/store/snapshots.ts';
import { suppress } from '../postgres/store/suppressed.ts';
import type { PoolPrivacy } from '../privacy/pool-privacy.ts';
import { requireKnownArchive } from '../snapshot/archive.ts';
import {
  type Erasing,
  finishErasures,
  storeReceipt,
  toWaiting,
  withErasure,
} from './finish-erasures.ts';
import { withPoolLock } from './pool-lock.ts';
import type { RetentionContext } from './retention.ts';

export interface ForgetContext extends RetentionContext {
  readonly databaseUrl: string;
  readonly privacy: PoolPrivacy;
  /** Finds those who are still users of the pool. */
  readonly findPresent: (persons: readonly Person[], signal: AbortSignal) => Promise<Person[]>;
}

/** Which persons `forget` removes, and how. */
export interface ForgetRequest {
  /** Usernames or subs. */
  readonly users: readonly string[];
  /** True: later snapshots leave them out. */
  readonly suppress: boolean;
  readonly reason: string | null;
  /** True: nothing is written or deleted. */
  readonly dryRun: boolean;
}

/** One snapshot of an archive that holds a person, or held one. */
export interface ForgottenSnapshot {
  /** Its id. */
  readonly snapshot: string;
  /** The number of the revision; null in a dry run. */
  readonly revision: number | null;
  /** Parts that are rewritten. */
  readonly parts: number;
  /** Rows that are removed from them. */
  readonly rows: number;
}

/** What `forget` removed from a pool, or would without `dryRun`. It has no names. */
export interface Forgotten {
  readonly poolId: string;
  /** The archive. */
  readonly url: string;
  readonly dryRun: boolean;
  readonly persons: number;
  /** Those who are still users of the pool. */
  readonly present: number;
  /** Deleted rows by table. */
  readonly database: RowsByTable;
  readonly snapshots: readonly ForgottenSnapshot[];
  /** Objects that stay until their Object Lock ends. Workers and `sync` delete them then. */
  readonly waiting: readonly WaitingObject[];
  /** The key of the signed receipt in the archive. Null in a dry run. */
  readonly receipt: string | null;
}

/**
 * Removes persons from the archive of a pool and then from Postgres. The rows in Postgres go last, in one
 * transaction, so a run that was killed finds the persons again.
 *
 * @throws ActionRequiredError before anything is written, if a person is unknown or still in the pool, or
 *   the archive cannot be revised; ResumableError if another run mirrors the pool.
 */
export async function forgetPersons(
  context: ForgetContext,
  poolId: string,
  request: ForgetRequest,
  signal: AbortSignal,
): Promise<Forgotten> {
  await requireKnownArchive(context, poolId, signal);
  if (request.dryRun)
    return withErasure(context, (erasure) => show(erasure, poolId, request, signal));
  return withPoolLock(context, poolId, signal, (stop) =>
    withErasure(context, (erasure) => forget(erasure, poolId, request, stop)),
  );
}

interface Found {
  readonly persons: readonly Person[];
  readonly present: readonly Person[];
  readonly searched: readonly SearchedSnapshot[];
}

/** Finds the persons in the database, the archive and the pool. */
async function find(
  context: Erasing<ForgetContext>,
  poolId: string,
  { users }: ForgetRequest,
  signal: AbortSignal,
): Promise<Found> {
  const { db, destination } = context;
  const states = await readState(destination, poolId, signal);
  const texts = new Set(users);
  const searched = await searchArchive(destination, states, texts, { ...context, signal });
  const found = [
    ...(await findPersons(db, poolId, users)),
    ...searched.flatMap((each) => [...each.found.values()].flat()),
  ].map(({ username, sub }) => ({ username, sub }));
  const persons = resolvePersons(poolId, users, found);
  return { persons, present: await context.findPresent(persons, signal), searched };
}

async function show(
  context: Erasing<ForgetContext>,
  poolId: string,
  request: ForgetRequest,
  signal: AbortSignal,
): Promise<Forgotten> {
  const { persons, present, searched } = await find(context, poolId, request, signal);
  const filter = new PersonFilter(persons);
  const snapshots = searched.flatMap(({ listed, found }): ForgottenSnapshot[] => {
    const own = [...found.values()].map((all) => all.filter((person) => filter.isAbout(person)));
    const parts = own.filter((all) => all.length > 0);
    if (parts.length === 0) return [];
    const rows = parts.flat().reduce((sum, each) => sum + each.rows, 0);
    return [{ snapshot: listed.snapshot, revision: null, parts: parts.length, rows }];
  });
  return {
    poolId,
    url: context.destination.url,
    dryRun: true,
    persons: countPersons(persons),
    present: countPersons(present),
    database: await countPersonRows(context.db, poolId, toLists(persons)),
    snapshots,
    waiting: [],
    receipt: null,
  };
}

async function forget(
  context: Erasing<ForgetContext>,
  poolId: string,
  request: ForgetRequest,
  signal: AbortSignal,
): Promise<Forgotten> {
  const { db, destination, privacy } = context;
  await removeLeftovers(db, poolId);
  await finishErasures(context, poolId, signal);
  const { persons, present, searched } = await find(context, poolId, request, signal);
  if (present.length > 0 && !request.suppress) throw presentError(poolId, countPersons(present));
  const subs = persons.flatMap(({ sub }) => sub ?? []);
  const hashes = subs.map((sub) => privacy.hashSub(sub));
  if (request.suppress) requireSuppressible(persons, hashes);
  requireSigner(poolId, searched, context);
  await requireRecorded(context, poolId, searched);

  const erasure = await beginErasure(db, {
    poolId,
    destination: destination.url,
    persons: hashes,
    suppress: request.suppress,
    reason: request.reason,
  });
  // First, so that no snapshot brings them back.
  if (request.suppress)
    await suppress(
      db,
      poolId,
      hashes.flatMap((hash) => hash ?? []),
    );
  await eraseFromArchive(destination, poolId, searched, persons, {
    ...context,
    signal,
    onRevised: (revised) => recordRevision(context, erasure, revised),
  });
  await transaction(
    db,
    async (client) => {
      const rows = await erasePersons(client, poolId, toLists(persons));
      await recordErased(client, erasure.id, rows);
    },
    signal,
  );
  await analyzePersonTables(db, poolId);
  const [done] = (await listOpenErasures(db, poolId, destination.url)).filter(
    ({ id }) => id === erasure.id,
  );
  if (done === undefined) throw new Error(`The erasure ${erasure.id} is missing.`);
  const receipt = await storeReceipt(context, done, signal);
  return {
    poolId,
    url: destination.url,
    dryRun: false,
    persons: countPersons(persons),
    present: countPersons(present),
    database: done.database,
    snapshots: done.archive.map(({ snapshot, revision, parts }) => ({
      snapshot,
      revision,
      parts: parts.length,
      rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    })),
    waiting: done.waiting,
    receipt,
  };
}

function toLists(persons: readonly Person[]): ErasedPersons {
  const { usernames, subs } = new PersonFilter(persons);
  return { usernames: [...usernames], subs: [...subs] };
}

async function recordRevision(
  { db, log }: RetentionContext,
  { id, poolId }: Erasure,
  { snapshot, revision, parts, locked }: RevisedSnapshot,
): Promise<void> {
  const revised = revision === null ? null : { snapshot, revision, parts };
  await recordRevised(db, id, revised, locked.map(toWaiting));
  log.info({ poolId, snapshot, revision, parts: parts.length }, 'archive of a snapshot revised');
}

/** The manifest of a snapshot that the database does not know to be archived must stay as it is. */
async function requireRecorded(
  { db }: RetentionContext,
  poolId: string,
  searched: readonly SearchedSnapshot[],
): Promise<void> {
  const sealed = new Set(searched.map(({ listed }) => listed.snapshot));
  const [unrecorded] = (await listUnarchived(db, poolId)).filter(({ snapshot }) =>
    sealed.has(snapshot),
  );
  if (unrecorded === undefined) return;
  throw ActionRequiredError.of(
    manifestKey(poolId, unrecorded.snapshot),
    'it is sealed, but a run was killed before the database recorded that.',
    `Run \`${formatCommand(['sync', poolId])}\`, then this again.`,
  );
}

function presentError(poolId: string, count: number): ActionRequiredError {
  return ActionRequiredError.of(
    poolId,
    count === 1
      ? 'the person is still a user of the pool, so the next snapshot would bring them back.'
      : `${count} of the persons are still users of the pool, so the next snapshot would bring them back.`,
    'Delete them from the pool first, or give --suppress to leave them out of later snapshots.',
  );
}

function requireSuppressible(persons: readonly Person[], hashes: readonly (string | null)[]): void {
  if (hashes.includes(null)) {
    throw ActionRequiredError.of(
      'MIRROR_HASH_KEY',
      '--suppress keeps a keyed hash of the sub, and no key is set.',
      HASH_KEY_REMEDY,
    );
  }
  if (countPersons(persons) === new Set(hashes).size) return;
  throw ActionRequiredError.of(
    '--suppress',
    'a person without a sub cannot be left out of later snapshots.',
    'Delete the user from the pool, then run this without --suppress.',
  );
}
