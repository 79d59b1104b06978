import type { HistoryQuestions } from './history-questions.ts';
import type { MirrorOptions } from './options.ts';

/**
 * Opens an archive, or a copy of one, for questions about the history of its pools. It needs nothing but
 * the right to read it: no database, no Redis, no lock. It knows the snapshots that are sealed there, so
 * what came and went between two of them does not show. Every part that an answer needs is compared with
 * its manifest; parts of a bucket are copied into TMPDIR for the answer.
 *
 * @param archiveUrl `s3://bucket/prefix` or `file:///folder`
 * @param options how AWS is reached; the rest does not matter
 * @throws ActionRequiredError if the URL is invalid
 */
export async function openArchive(
  archiveUrl: string,
  options: MirrorOptions = {},
): Promise<HistoryQuestions> {
  const { askCopy } = await import('./ask-copy.ts');
  return askCopy(archiveUrl, options);
}
