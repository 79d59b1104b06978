import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
}

const WATCH_EVERY_MS = 2000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';
const DEFAULT_WIDTH = 120;

/** `status`: where the newest snapshots of each pool stand. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show snapshots and walks: state, progress, rate, estimated end')
    .argument('[pool...]', 'ids of pools; without any, all that were mirrored')
    .option('--watch', 'keep it current, until interrupted')
    .option('--json', 'print one JSON document: {"snapshots":[…]}; with --watch, one a line')
    .action((pools: string[], options: StatusOptions) =>
      withSignals((signal) => runStatus(pools, options, signal)),
    );
}

async function runStatus(
  pools: readonly string[],
  options: StatusOptions,
  signal: AbortSignal,
): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools });
  const { openMirror } = await import('../../app.ts');
  const { readStatus } = await import('../../runner/status.ts');
  const { statusText } = await import('../display/status-text.ts');
  const mirror = await openMirror(config, signal);
  try {
    do {
      const snapshots = await readStatus(mirror.db, pools.length > 0 ? pools : null);
      if (options.json) {
        await writeJson({ snapshots });
      } else {
        const clear = options.watch && process.stdout.isTTY ? CLEAR_SCREEN : '';
        const text = statusText(snapshots, process.stdout.columns ?? DEFAULT_WIDTH);
        await writeOut(`${clear}${text}`);
      }
      if (options.watch) await sleep(WATCH_EVERY_MS, undefined, { signal });
    } while (options.watch);
  } finally {
    await mirror.close();
  }
}
