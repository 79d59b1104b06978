import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { QUICKLY, withSignals } from './signals.ts';

/** What a command over pools was called with. */
export interface PoolsRun {
  /** Its pools are those that were named, else those of COGNITO_POOLS. */
  readonly config: Config;
  readonly log: Logger;
  /** Whether one JSON document is asked for. */
  readonly json: boolean;
  /** The snapshots that it takes, for progress and for the message of an interrupt. */
  readonly progress: SnapshotProgress[];
  readonly signal: AbortSignal;
}

/**
 * A command that asks the service about pools: `NAME [POOL…] [--json]`.
 *
 * @param document the form of its JSON document, for the help.
 */
export function poolsCommand(
  name: string,
  description: string,
  document: string,
  run: (asked: PoolsRun) => Promise<void>,
): Command {
  return new Command(name)
    .description(description)
    .argument('[pool...]', 'ids of pools; without any, those of COGNITO_POOLS')
    .option('--json', `print one JSON document: ${document}`)
    .action((pools: string[], { json = false }: { json?: boolean }) => {
      const progress: SnapshotProgress[] = [];
      const command = async (signal: AbortSignal) => {
        const { loadConfig } = await import('../config/load-config.ts');
        const config = loadConfig(process.env, { pools, needsPools: true });
        const { createLogger } = await import('../telemetry/logger.ts');
        const log = createLogger({ level: config.logLevel });
        await run({ config, log, json, progress, signal });
      };
      return withSignals(command, { ...QUICKLY, outcome: () => whatIsKept(progress) });
    });
}

/** What became of the snapshots of an interrupted command, in a sentence. */
export function whatIsKept(progress: readonly SnapshotProgress[]): string {
  const begun = progress.filter(({ key }) => key !== null);
  if (begun.length === 0) return 'No snapshot was begun.';
  return begun.every(({ outcome }) => outcome === 'archived' || outcome === 'held')
    ? 'The snapshots that were begun are complete.'
    : 'What was read is kept; run the same command again to resume.';
}
