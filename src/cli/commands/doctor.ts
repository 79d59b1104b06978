import { Command } from 'commander';
import { type Check, examine } from '../../index.ts';
import { EXIT } from '../errors.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { QUICKLY, withSignals } from '../signals.ts';

/** `doctor`: whether everything that the mirror depends on works, and what mends it. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'examine the configuration, the pools, the servers and the archive, and show what mends them',
    )
    .argument('[pool...]', 'ids, ARNs or names of pools (default: those of COGNITO_POOLS)')
    .option(
      '--json',
      'print one JSON document, without secrets: {"checks":[{"id","title","state","detail","remedy"}]}',
    )
    .action((pools: string[], options: { json?: boolean }) =>
      withSignals((signal) => runDoctor(pools, options, signal), {
        ...QUICKLY,
        outcome: () => 'An object on trial may remain; the next start of a run removes it.',
      }),
    );
}

async function runDoctor(
  pools: readonly string[],
  { json = false }: { readonly json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (json) {
    const { checks } = await examine(process.env, { pools, signal });
    setExitCode(checks);
    return writeJson({ checks });
  }
  const { formatCheck, formatSummary } = await import('../display/doctor-text.ts');
  const style = { width: outputWidth(), isColoured: isColoured() };
  // A reader that closes the output does not stop the checks, which remove what they created.
  let written = Promise.resolve();
  const onCheck = (check: Check) => {
    written = written.then(() => writeOut(formatCheck(check, style)));
    written.catch(() => {});
  };
  const { checks } = await examine(process.env, { pools, signal, onCheck });
  setExitCode(checks);
  await written;
  await writeOut(formatSummary(checks));
}

/** Before the end of the output, whose reader may close it early. */
function setExitCode(checks: readonly Check[]): void {
  process.exitCode = checks.some(({ state }) => state === 'failed') ? EXIT.failed : EXIT.done;
}

/** Colours are for terminals, and for people who did not decline them (https://no-color.org). */
function isColoured(): boolean {
  return process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}
