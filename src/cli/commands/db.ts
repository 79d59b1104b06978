import { Command } from 'commander';
import { untilAborted } from '../../common/abort.ts';
import { ActionRequiredError, loadOptions } from '../../index.ts';
import { writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `db`: keeps the embedded Postgres up for other clients. */
export function dbCommand(): Command {
  return new Command('db')
    .description(
      'keep the embedded Postgres up and print its URL for psql and other clients, until interrupted',
    )
    .action(() => withSignals(keepUp));
}

async function keepUp(signal: AbortSignal): Promise<void> {
  const options = await loadOptions(process.env);
  if (options.databaseUrl) {
    throw new ActionRequiredError([
      {
        subject: 'DATABASE_URL',
        problem: 'is set, so the mirror has no embedded Postgres.',
        remedy: 'Connect your client to that database, or unset it.',
      },
    ]);
  }
  await withMirror(options, async (mirror) => {
    const database = await mirror.openDatabase({ signal });
    try {
      await writeOut(`${database.url}\n`);
      console.error("The URL is the owner's: its clients can change and drop everything.");
      console.error('Ctrl-C ends this; the server then stops unless others use it.');
      await untilAborted(signal);
    } finally {
      await database.close();
    }
  });
}
