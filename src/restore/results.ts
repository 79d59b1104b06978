import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { formatCsvLine } from '../common/csv.ts';
import type { Loss, MatchedUser, RestoreEntity, RestoreFailure } from '../model/restore.ts';
import { decodeName } from '../model/storable.ts';
import type { Journal } from './journal.ts';
import type { DoneEntry, FailedEntry, JournalEntry, UserNames } from './journal-entry.ts';

/** The paths of what a restore leaves beside its journal. */
export interface ResultFiles {
  /** What was done in all runs, and what failed in the last one. */
  readonly report: string;
  /** `username,old_sub,new_sub` of every user that has another `sub` in the target. */
  readonly subMap: string;
}

/** What the last comparison found, by name. */
export interface ComparisonByName {
  /** Users of both, whose `sub` differs. */
  readonly matched: Iterable<MatchedUser>;
  /** What does not come back. */
  readonly losses: Iterable<Loss>;
}

/**
 * Writes `report.json` and `sub-map.csv` from the journal and the last comparison. Both hold personal
 * data: only their owner can read them. They replace those of earlier runs when they are complete.
 * Memory holds the names of users that both pools had before this run.
 *
 * @param about what the report says besides: the plan
 */
export async function writeResults(
  journal: Journal,
  about: Readonly<Record<string, unknown>>,
  { matched, losses }: ComparisonByName = { matched: [], losses: [] },
): Promise<ResultFiles> {
  const { runs, done, failed, lastRuns } = await summarise(journal.entries());
  const known = new Set<string>();
  const head = { version: 1, ...about, endedAt: new Date().toISOString(), runs, done, failed };
  return {
    report: await writeFile(journal.folder, 'report.json', async function* () {
      // The list may be long, so it is written entry by entry.
      yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "failures": [`;
      let first = true;
      for await (const { entry, run } of numberRuns(journal.entries())) {
        if (entry.event !== 'failed' || run !== runs) continue;
        const shown = { ...entry, event: undefined, name: decodeName(entry.name) };
        yield `${first ? '' : ','}\n    ${JSON.stringify(shown)}`;
        first = false;
      }
      yield `${first ? '' : '\n  '}],\n  "notRestored": [`;
      first = true;
      for (const loss of losses) {
        yield `${first ? '' : ','}\n    ${JSON.stringify({ ...loss, name: decodeName(loss.name) })}`;
        first = false;
      }
      yield `${first ? '' : '\n  '}]\n}\n`;
    }),
    subMap: await writeFile(journal.folder, 'sub-map.csv', async function* () {
      yield formatCsvLine(['username', 'old_sub', 'new_sub']);
      for (const { username, sub, targetSub } of matched) {
        known.add(username);
        yield formatCsvLine([decodeName(username), sub, targetSub]);
      }
      for await (const { entry, run } of numberRuns(journal.entries())) {
        if (!isUser(entry)) continue;
        // A user that was deleted and restored again has the last `sub`.
        if (known.has(entry.name) || (lastRuns.get(entry.name) ?? 1) !== run) continue;
        if (entry.sub === entry.target.sub) continue;
        yield formatCsvLine([decodeName(entry.name), entry.sub, entry.target.sub]);
      }
    }),
  };
}

interface Summary {
  readonly runs: number;
  /** By kind, over all runs. */
  readonly done: Partial<Record<RestoreEntity, { created: number; updated: number }>>;
  /** By reason, in the last run. */
  readonly failed: Partial<Record<RestoreFailure, number>>;
  /** The last run that restored a user, of the users that a later run than the first restored. */
  readonly lastRuns: ReadonlyMap<string, number>;
}

async function summarise(entries: AsyncIterable<JournalEntry>): Promise<Summary> {
  const done: Summary['done'] = {};
  const lastRuns = new Map<string, number>();
  let failed: Summary['failed'] = {};
  let runs = 0;
  for await (const { entry, run } of numberRuns(entries)) {
    runs = run;
    if (entry.event === 'run') failed = {};
    if (entry.event === 'failed') failed[entry.reason] = (failed[entry.reason] ?? 0) + 1;
    if (isUser(entry) && run > 1) lastRuns.set(entry.name, run);
    if (entry.event !== 'done') continue;
    const { created, updated } = done[entry.entity] ?? { created: 0, updated: 0 };
    done[entry.entity] =
      entry.action === 'create'
        ? { created: created + 1, updated }
        : { created, updated: updated + 1 };
  }
  return { runs, done, failed, lastRuns };
}

/** True if the target has the user, whether or not all of it is restored. */
function isUser(entry: JournalEntry): entry is (DoneEntry | FailedEntry) & Required<UserNames> {
  return (entry.event === 'done' || entry.event === 'failed') && entry.target !== undefined;
}

async function* numberRuns(entries: AsyncIterable<JournalEntry>) {
  let run = 0;
  for await (const entry of entries) {
    if (entry.event === 'run') run += 1;
    yield { entry, run };
  }
}

/** Characters that are written together. */
const BATCH = 65_536;

async function writeFile(
  folder: string,
  name: string,
  parts: () => AsyncIterable<string>,
): Promise<string> {
  const path = join(folder, name);
  const part = `${path}.part`;
  const file = await open(part, 'w', 0o600);
  try {
    let text = '';
    for await (const each of parts()) {
      text += each;
      if (text.length < BATCH) continue;
      await file.appendFile(text);
      text = '';
    }
    await file.appendFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
  return path;
}
