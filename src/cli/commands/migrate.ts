import { Command } from 'commander';
import { loadOptions } from '../../index.ts';
import { writeJson, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `migrate`: creates or updates the database's schema. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description("create or update the database's schema (sync does it too)")
    .option('--json', 'print one JSON document: {"applied":[…]}')
    .action((options: { json?: boolean }) => withSignals((signal) => runMigrate(options, signal)));
}

async function runMigrate({ json }: { json?: boolean }, signal: AbortSignal): Promise<void> {
  const applied = await withMirror(await loadOptions(process.env), (mirror) =>
    mirror.migrate({ signal }),
  );
  if (json) return writeJson({ applied });
  await writeNote(
    applied.length === 0
      ? 'The schema is up to date.\n'
      : `Applied:\n${applied.map((name) => `  ${name}\n`).join('')}`,
  );
}
