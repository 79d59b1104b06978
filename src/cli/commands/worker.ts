import { Command } from 'commander';
import { EXIT } from '../errors.ts';
import { untilAborted, withSignals } from '../signals.ts';

/**
 * Jobs are given back in milliseconds. A server that does not answer is not waited for longer: what
 * was in hand is then taken up by others, as if the process had been killed.
 */
const STOP = { withinMs: 4_500, exitCode: EXIT.done };

/** `worker`: does the jobs, keeps the schedule and answers HTTP, until a signal. */
export function workerCommand(): Command {
  return new Command('worker')
    .description('run the schedule and the jobs, and serve health and metrics, until a signal')
    .action(() => withSignals(runWorkerCommand, STOP));
}

async function runWorkerCommand(signal: AbortSignal): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { worker: true });
  const { createLogger } = await import('../../telemetry/logger.ts');
  const { runWorker } = await import('../../app/run-worker.ts');
  const log = createLogger({ level: config.logLevel });
  try {
    const worker = await runWorker(config, log, signal);
    log.info({ url: worker.url }, 'listening');
    await untilAborted(signal);
    await worker.close();
  } catch (error) {
    // To be stopped is how a worker ends, also while it starts.
    if (!signal.aborted) throw error;
  }
}
