import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { Logger } from '../telemetry/logger.ts';
import { withSignals } from './signals.ts';

/** What a command over pools was called with. */
export interface PoolsRun {
  /** Its pools are those that were named, else those of COGNITO_POOLS. */
  readonly config: Config;
  readonly log: Logger;
  /** Whether one JSON document is asked for. */
  readonly json: boolean;
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
    .action((pools: string[], { json = false }: { json?: boolean }) =>
      withSignals(async (signal) => {
        const { loadConfig } = await import('../config/load-config.ts');
        const config = loadConfig(process.env, { pools, needsPools: true });
        const { createLogger } = await import('../telemetry/logger.ts');
        await run({ config, log: createLogger({ level: config.logLevel }), json, signal });
      }),
    );
}
