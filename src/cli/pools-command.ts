import { Command } from 'commander';
import {
  createMirror,
  type LoadedOptions,
  loadOptions,
  type Mirror,
  type SnapshotProgress,
} from '../index.ts';
import { QUICKLY, withSignals } from './signals.ts';

/** How a command over pools was called. */
export interface PoolsRun {
  readonly mirror: Mirror;
  /** Its pools are those that were named, else those of COGNITO_POOLS. */
  readonly options: LoadedOptions;
  /** True to print one JSON document. */
  readonly json: boolean;
  /** The snapshots that it takes, for progress and for the message of an interrupt. */
  readonly progress: SnapshotProgress[];
  readonly signal: AbortSignal;
}

/**
 * A command over pools: `NAME [POOL…] [--json]`.
 *
 * @param document the form of its JSON document, for the help
 */
export function poolsCommand(
  name: string,
  description: string,
  document: string,
  run: (called: PoolsRun) => Promise<void>,
): Command {
  return new Command(name)
    .description(description)
    .argument('[pool...]', 'ids, ARNs or names of pools (default: those of COGNITO_POOLS)')
    .option('--json', `print one JSON document: ${document}`)
    .action((pools: string[], { json = false }: { json?: boolean }) => {
      const progress: SnapshotProgress[] = [];
      const command = async (signal: AbortSignal) => {
        const options = await loadOptions(process.env, { pools, needsPools: true });
        await withMirror(options, (mirror) => run({ mirror, options, json, progress, signal }));
      };
      return withSignals(command, { ...QUICKLY, outcome: () => describeKept(progress) });
    });
}

/** Runs `work` with a mirror, and closes it afterwards. */
export async function withMirror<T>(
  options: LoadedOptions,
  work: (mirror: Mirror) => Promise<T>,
): Promise<T> {
  const mirror = await createMirror(options);
  try {
    return await work(mirror);
  } finally {
    await mirror.close();
  }
}

/** What remains of the snapshots of an interrupted command, in a sentence. */
export function describeKept(progress: readonly SnapshotProgress[]): string {
  const started = progress.filter(({ key }) => key !== null);
  if (started.length === 0) return 'No snapshot was started.';
  return started.every(({ outcome }) => outcome === 'archived' || outcome === 'held')
    ? 'The started snapshots are complete.'
    : 'What was read is kept; run the same command again to resume.';
}
