import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Status } from '../../runner/status.ts';
import { formatMoment } from '../display/moments.ts';
import { EXIT } from '../exit-codes.ts';
import { writeJson, writeOut } from '../output.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
}

const WATCH_EVERY_MS = 2000;

/** How many readings back `--watch` measures rates. */
const READINGS = 5;

/** How long a single look at walks in progress measures their rates. */
const MEASURE_MS = 1000;

/** `status`: where snapshots, walks, schedules, requests and workers stand. */
export function statusCommand(): Command {
  return new Command('status')
    .description(
      'show snapshots, walks, schedules and workers: state, progress, rate, estimated end',
    )
    .argument('[pool...]', 'ids of pools; without any, all that are known')
    .option('--watch', 'keep it current, until interrupted')
    .option(
      '--json',
      'print one JSON document: {"snapshots":[…],"schedules":[…],"workers":[…],"requests":[…]}; ' +
        'with --watch, one a line',
    )
    .action((pools: string[], options: StatusOptions) =>
      withSignals(
        (signal) => runStatus(pools, options, signal),
        // To be interrupted is how a watch ends.
        options.watch ? { ...QUICKLY, exitCode: EXIT.done } : QUICKLY,
      ),
    );
}

async function runStatus(
  pools: readonly string[],
  options: StatusOptions,
  signal: AbortSignal,
): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools });
  const { openMirror } = await import('../../app/open-mirror.ts');
  const { readStatus } = await import('../../runner/status.ts');
  const mirror = await openMirror(config, signal);
  const read = () => readStatus(mirror.db, pools.length > 0 ? pools : null);
  try {
    const readings = options.watch ? watch(read, signal) : lookOnce(read, signal);
    const isLive = options.watch && process.stdout.isTTY && process.env.TERM !== 'dumb';
    if (options.json) await printJson(readings);
    else if (isLive) await drawText(readings);
    else await printText(readings);
  } finally {
    await mirror.close();
  }
}

/** A reading, with rates where walks are in progress: averages since a snapshot began tell little. */
async function* lookOnce(read: () => Promise<Status>, signal: AbortSignal): AsyncGenerator<Status> {
  const { measureRates } = await import('../../runner/status.ts');
  const first = await read();
  if (first.snapshots.every(({ walking }) => walking === null)) return yield first;
  await sleep(MEASURE_MS, undefined, { signal });
  yield measureRates(await read(), first);
}

/** A reading now and then, with the rates since some readings ago, until interrupted. */
async function* watch(read: () => Promise<Status>, signal: AbortSignal): AsyncGenerator<Status> {
  const { measureRates } = await import('../../runner/status.ts');
  const earlier: Status[] = [];
  for (;;) {
    const status = await read();
    const [oldest = status] = earlier;
    yield measureRates(status, oldest);
    earlier.push(status);
    if (earlier.length > READINGS) earlier.shift();
    await sleep(WATCH_EVERY_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
  }
}

async function printJson(readings: AsyncIterable<Status>): Promise<void> {
  for await (const { snapshots, schedules, workers, requests } of readings) {
    await writeJson({ snapshots, schedules, workers, requests });
  }
}

async function printText(readings: AsyncIterable<Status>): Promise<void> {
  const { statusText } = await import('../display/status-text.ts');
  for await (const status of readings) {
    // What is no terminal, or does not tell its size, has no width to cut to.
    await writeOut(statusText(status, process.stdout.columns || Number.POSITIVE_INFINITY));
  }
}

/** When the status was read, and how to leave. */
function watchTitle({ at }: Status): string {
  return `${formatMoment(at)}, every ${WATCH_EVERY_MS / 1000} s; Ctrl-C ends this`;
}

/** Draws each reading in place of the last, and leaves the last one on the screen. */
async function drawText(readings: AsyncIterable<Status>): Promise<void> {
  const { statusText } = await import('../display/status-text.ts');
  const { LiveRegion } = await import('../display/live-region.ts');
  const region = new LiveRegion(process.stdout);
  try {
    for await (const status of readings) {
      const text = `${watchTitle(status)}\n\n${statusText(status, region.columns)}`;
      region.draw(text.trimEnd().split('\n'));
    }
  } finally {
    region.close();
  }
}
