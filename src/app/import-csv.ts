import { ImportCsv, type ImportCsvSummary } from '../restore/import-csv.ts';
import { chooseSnapshot } from '../restore/prepare.ts';
import { RestoreProgress } from '../restore/progress.ts';
import { streamUsers } from '../restore/selection.ts';
import { checkRequest, type RestoreSelection } from './restore-request.ts';
import { withNamedSnapshot } from './restore-source.ts';
import { openQuota, openTarget, type RestoreDeps } from './restore-target.ts';

/**
 * The users of a snapshot in the form of the service's own import job for a pool. It reads only the rules
 * of that pool.
 *
 * @param use receives the lines, the header first
 */
export async function writeImportCsv(
  { resources, withDatabase }: RestoreDeps,
  selection: RestoreSelection,
  use: (lines: AsyncIterable<string>) => Promise<void>,
  signal: AbortSignal,
): Promise<ImportCsvSummary> {
  const choice = checkRequest(selection);
  const { access } = resources;
  const quota = await openQuota(resources, signal);
  return withNamedSnapshot(
    selection.from,
    { access, withDatabase, signal },
    async ({ source, point }) => {
      const chosen = await chooseSnapshot(source, point, choice);
      const progress = new RestoreProgress();
      const target = await openTarget(resources, quota, selection, progress, signal);
      try {
        const header = await target.cognito.csvHeader(selection.to, signal);
        const csv = new ImportCsv(header, target.pool, chosen.omitted);
        await source.ask((history) => {
          const lines = async function* () {
            yield csv.headerLine;
            for await (const users of streamUsers(history, chosen.at, choice, chosen.named)) {
              signal.throwIfAborted();
              yield users.map((user) => csv.line(user)).join('');
            }
          };
          return use(lines());
        });
        return csv.summary;
      } finally {
        target.cognito.close();
      }
    },
  );
}
