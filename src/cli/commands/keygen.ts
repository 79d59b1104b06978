import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { quoteWord } from '../../common/command.ts';
import { printable } from '../../common/printable.ts';
import { createSigningKey, loadOptions } from '../../index.ts';
import { newFileError } from '../new-files.ts';
import { writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

const DEFAULT_FILE = 'cognito-mirror-signing-key';

interface KeygenOptions {
  readonly out: string;
  readonly public?: boolean;
}

/** `keygen`: makes a key that signs manifests, or shows the public part of the configured one. */
export function keygenCommand(): Command {
  return new Command('keygen')
    .description(
      'make a key that signs manifests, and print its line for a file of allowed signers',
    )
    .addOption(
      new Option('--out <file>', 'the file of the private key; it must not exist').default(
        DEFAULT_FILE,
      ),
    )
    .addOption(
      new Option(
        '--public',
        'make no key: print the line of the key that ARCHIVE_SIGNING_KEY names',
      ).conflicts('out'),
    )
    .action((options: KeygenOptions) =>
      withSignals((signal) => (options.public ? showKey(signal) : makeKey(options.out))),
    );
}

async function makeKey(out: string): Promise<void> {
  const { file, allowedSigner } = createSigningKey();
  const path = resolve(out);
  try {
    await writeFile(path, file, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw newFileError(path, error as NodeJS.ErrnoException, 'no key is overwritten');
  }
  console.error(
    `The private key is in ${printable(path)}. Keep it secret, and sign with it:\n` +
      `  ARCHIVE_SIGNING_KEY=${printable(quoteWord(path))}\n` +
      'Give this line to everyone who verifies, in a file of allowed signers:',
  );
  await writeOut(`${allowedSigner}\n`);
}

async function showKey(signal: AbortSignal): Promise<void> {
  const line = await withMirror(await loadOptions(process.env), (mirror) =>
    mirror.allowedSigner({ signal }),
  );
  await writeOut(`${line}\n`);
}
