import { Option } from 'commander';
import { type HistoryQuestions, loadOptions, openArchive } from '../index.ts';
import { withMirror } from './pools-command.ts';

/** The option of a command that can ask an archive. */
export function archiveOption(): Option {
  return new Option(
    '--archive <url>',
    'ask this archive, not the database: s3://bucket/prefix or file:///folder',
  );
}

/** What an archive cannot know, for the help of commands that show periods. */
export const ARCHIVE_KNOWS =
  '\nAn archive knows its sealed snapshots alone: what came and went between two of\n' +
  'them does not show.';

/** Runs `work` with the questions to the archive that was named, else to the database. */
export async function withHistory<T>(
  archive: string | undefined,
  work: (history: HistoryQuestions) => Promise<T>,
): Promise<T> {
  const options = await loadOptions(process.env);
  if (archive === undefined) return withMirror(options, work);
  return work(await openArchive(archive, options));
}
