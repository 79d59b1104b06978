import { Command } from 'commander';
import { writeJson, writeNote } from '../output.ts';
import { withSignals } from '../signals.ts';

/** `migrate`: brings the database's schema up to date. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description("bring the database's schema up to date (sync does it too)")
    .option('--json', 'print one JSON document: {"applied":[…]}')
    .action((options: { json?: boolean }) => withSignals((signal) => runMigrate(options, signal)));
}

async function runMigrate(options: { json?: boolean }, signal: AbortSignal): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const { openDatabase } = await import('../../postgres/database.ts');
  const { migrate } = await import('../../postgres/migrate.ts');
  const database = await openDatabase(loadConfig(process.env), signal);
  try {
    const applied = await migrate(database.url);
    if (options.json) return await writeJson({ applied });
    await writeNote(
      applied.length === 0
        ? 'The schema is up to date.\n'
        : `Applied:\n${applied.map((name) => `  ${name}\n`).join('')}`,
    );
  } finally {
    await database.close();
  }
}
