import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { formatCsvLine } from '../common/csv.ts';
import type { RestoreEntity, RestoreFailure } from '../model/restore.ts';
import type { Journal } from './journal.ts';
import type { DoneEntry, FailedEntry, JournalEntry, UserNames } from './journal-entry.ts';

/** The paths of what a restore leaves beside its journal. */
export interface ResultFiles {
  /** What was done in all runs, and what failed in the last one. */
  readonly report: string;
  /** `username,old_sub,new_sub` of every user that was created or changed, also in part. */
  readonly subMap: string;
}

/**
 * Writes `report.json` and `sub-map.csv` from the journal. Both hold personal data: only their owner
 * can read them. They replace those of earlier runs when they are complete. Memory holds the names of
 * users that a second or later run restored.
 *
 * @param about what the report says besides: source, target, and what cannot come back
 */
export async function writeResults(
  journal: Journal,
  about: Readonly<Record<string, unknown>>,
): Promise<ResultFiles> {
  const { runs, done, failed, lastRuns } = await summarise(journal.entries());
  const head = { version: 1, ...about, endedAt: new Date().toISOString(), runs, done, failed };
  return {
    report: await writeFile(journal.folder, 'report.json', async function* () {
      // The list may be long, so it is written entry by entry.
      yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "failures": [`;
      let first = true;
      for await (const { entry, run } of numberRuns(journal.entries())) {
        if (entry.event !== 'failed' || run !== runs) continue;
        yield `${first ? '' : ','}\n    ${JSON.stringify({ ...entry, event: undefined })}`;
        first = false;
      }
      yield `${first ? '' : '\n  '}]\n}\n`;
    }),
    subMap: await writeFile(journal.folder, 'sub-map.csv', async function* () {
      yield formatCsvLine(['username', 'old_sub', 'new_sub']);
      for await (const { entry, run } of numberRuns(journal.entries())) {
        if (!isUser(entry)) continue;
        // A user that was deleted and restored again has the last `sub`.
        if ((lastRuns.get(entry.name) ?? 1) !== run) continue;
        yield formatCsvLine([entry.name, entry.sub, entry.target.sub]);
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
