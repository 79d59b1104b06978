import { Command } from 'commander';
import { untilAborted } from '../../common/abort.ts';
import { loadOptions } from '../../index.ts';
import { EXIT } from '../errors.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/**
 * Jobs are returned in milliseconds. The worker does not wait longer for a server that does not
 * answer: other workers then take its jobs, as if the process had been killed.
 */
const STOP = { withinMs: 4_500, exitCode: EXIT.done };

/** `worker`: does the jobs, keeps the schedule and answers HTTP, until a signal. */
export function workerCommand(): Command {
  return new Command('worker')
    .description('run the schedule and the jobs, and serve health and metrics, until a signal')
    .action(() => withSignals(runWorker, STOP));
}

async function runWorker(signal: AbortSignal): Promise<void> {
  const options = await loadOptions(process.env, { worker: true });
  await withMirror(options, async (mirror) => {
    const running = mirror.worker({
      signal,
      http: options.http,
      onReady: ({ url }) => mirror.logger.info({ url }, 'listening'),
    });
    try {
      await Promise.race([running, untilAborted(signal)]);
      await running;
    } catch (error) {
      // A signal is how a worker ends, also while it starts.
      if (!signal.aborted) throw error;
    }
  });
}
