import { Command } from 'commander';
import { ActionRequiredError } from '../../model/errors.ts';
import { writeOut } from '../output.ts';
import { untilAborted, withSignals } from '../signals.ts';

/** `db`: keeps the embedded Postgres up for other clients. */
export function dbCommand(): Command {
  return new Command('db')
    .description(
      'keep the embedded Postgres up and print its URL for psql and other clients, until interrupted',
    )
    .action(() => withSignals(keepUp));
}

async function keepUp(signal: AbortSignal): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const { openDatabase } = await import('../../postgres/database.ts');
  const config = loadConfig(process.env);
  if (config.databaseUrl !== null) {
    throw new ActionRequiredError([
      {
        subject: 'DATABASE_URL',
        problem: 'is set, so there is no embedded Postgres to keep up.',
        remedy: 'Connect your client to that database, or unset it.',
      },
    ]);
  }
  const database = await openDatabase(config, signal);
  try {
    await writeOut(`${database.url}\n`);
    console.error("The URL is the owner's: its clients can change and drop everything.");
    console.error('Ctrl-C ends this; the server then stops unless others use it.');
    await untilAborted(signal);
  } finally {
    await database.close();
  }
}
