import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import {
  ActionRequiredError,
  DEFAULT_MAX_AGE_HOURS,
  loadOptions,
  type Mirror,
  NoMirrorError,
  type Status,
} from '../../index.ts';
import { parseAge } from '../arguments.ts';
import { commandHint, commandLine } from '../command-line.ts';
import { EXIT } from '../errors.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly check?: boolean;
  readonly maxAge: string;
}

const DEFAULT_MAX_AGE = `${DEFAULT_MAX_AGE_HOURS}h`;

const WATCH_EVERY_MS = 2000;

/** How many readings back `--watch` measures rates. */
const READINGS = 5;

/** How long a single look at walks in progress measures their rates. */
const MEASURE_MS = 1000;

/** `status`: the state of snapshots, walks, schedules, requests and workers. */
export function statusCommand(): Command {
  return new Command('status')
    .description(
      'show snapshots, walks, schedules and workers: state, progress, rate, estimated end',
    )
    .argument('[pool...]', 'ids, ARNs or names of pools; without any, all that are known')
    .addOption(new Option('--watch', 'keep it current, until interrupted').conflicts('check'))
    .option(
      '--check',
      'for monitoring: print one line, and exit with 1 if a pool has no snapshot or one that is too old; without pools, those of COGNITO_POOLS',
    )
    .option(
      '--max-age <age>',
      'how old is too old, for --check: such as 90m, 26h, 2d',
      DEFAULT_MAX_AGE,
    )
    .option(
      '--json',
      'print one JSON document: {"pools":[…],"snapshots":[…], "schedules":[…],"workers":[…],"requests":[…]}; ' +
        'with --watch, one a line',
    )
    .action((pools: string[], options: StatusOptions) =>
      withSignals(
        (signal) => runStatus(pools, options, signal),
        // A watch ends only when it is interrupted.
        options.watch ? { ...QUICKLY, exitCode: EXIT.done } : QUICKLY,
      ),
    );
}

async function runStatus(
  pools: readonly string[],
  options: StatusOptions,
  signal: AbortSignal,
): Promise<void> {
  const maxAgeSeconds = parseAge(options.maxAge);
  const loaded = await loadOptions(process.env, { pools });
  await withMirror(loaded, async (mirror) => {
    if (options.check) {
      const named = loaded.pools === 'all' || loaded.pools.length === 0 ? undefined : loaded.pools;
      return checkAge(mirror, { maxAgeSeconds, pools: named, signal }, options);
    }
    if (!(await mirror.exists({ signal }))) return reportNoMirror(mirror, pools, options);
    const asked =
      pools.length > 0 ? await mirror.poolIds(pools, { signal, mirrored: true }) : undefined;
    if (asked !== undefined) requireKnown(asked, (await mirror.status({ signal })).pools);
    const read: Read = (since) => mirror.status({ pools: asked, since, signal });
    const readings = options.watch ? watch(read, signal) : readOnce(read, signal);
    const isLive = options.watch && process.stdout.isTTY && process.env.TERM !== 'dumb';
    if (options.json) await printJson(readings);
    else if (isLive) await drawText(readings);
    else await printText(readings);
  });
}

/** Reports to a monitoring system if the mirrors are recent enough, by text and exit code. */
async function checkAge(
  mirror: Mirror,
  limit: Parameters<Mirror['checkAge']>[0],
  { json = false }: StatusOptions,
): Promise<void> {
  const { formatAges } = await import('../display/status-pools.ts');
  const { at, ok, pools } = await mirror.checkAge(limit);
  const { maxAgeSeconds, signal } = limit;
  // Before the output, whose reader may close it early.
  process.exitCode = ok ? EXIT.done : EXIT.failed;
  if (json) {
    await writeJson({ ok, maxAgeSeconds, pools });
  } else {
    const exists = await mirror.exists(signal && { signal });
    const place = exists ? {} : { place: mirror.location };
    await writeOut(formatAges(pools, maxAgeSeconds, { at, ...place }));
  }
}

/** @throws ActionRequiredError if a pool was never mirrored */
function requireKnown(asked: readonly string[], pools: Status['pools']): void {
  const known = pools.map(({ poolId }) => poolId);
  const unknown = asked.filter((poolId) => !known.includes(poolId));
  if (unknown.length === 0) return;
  const others =
    known.length === 0 ? 'No pool was mirrored yet' : `The pools here are ${known.join(', ')}`;
  throw new ActionRequiredError(
    unknown.map((poolId) => ({
      subject: poolId,
      problem: 'this pool was never mirrored into this database.',
      remedy: `${others}. To mirror it: ${commandLine(['sync', poolId])}`,
    })),
  );
}

/**
 * Says where the command looked for a mirror.
 *
 * @throws NoMirrorError if pools are named
 */
async function reportNoMirror(
  { location }: Mirror,
  pools: readonly string[],
  { json = false }: StatusOptions,
): Promise<void> {
  if (pools.length > 0) throw new NoMirrorError(location);
  const text =
    `Nothing is mirrored in ${printable(location)} yet.\n` +
    'Set MIRROR_HOME or DATABASE_URL to where the mirror is, or mirror a pool:\n' +
    `  ${commandHint(['sync', 'POOL'])}\n`;
  if (!json) return writeOut(text);
  process.stderr.write(text);
  await writeJson({ pools: [], snapshots: [], schedules: [], workers: [], requests: [] });
}

/** Reads the status, with rates since an earlier one. */
type Read = (since?: Status) => Promise<Status>;

/** One reading, or two while a run reads: current rates are more useful than averages. */
async function* readOnce(read: Read, signal: AbortSignal): AsyncGenerator<Status> {
  const first = await read();
  const isRead = first.snapshots.some(({ walking }) => walking !== null && walking.rate !== null);
  if (!isRead) return yield first;
  await sleep(MEASURE_MS, undefined, { signal });
  yield read(first);
}

/** A reading every two seconds, with the rates since some readings before, until interrupted. */
async function* watch(read: Read, signal: AbortSignal): AsyncGenerator<Status> {
  const earlier: Status[] = [];
  for (;;) {
    const status = await read(earlier[0]);
    yield status;
    earlier.push(status);
    if (earlier.length > READINGS) earlier.shift();
    await sleep(WATCH_EVERY_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
  }
}

async function printJson(readings: AsyncIterable<Status>): Promise<void> {
  for await (const { pools, snapshots, schedules, workers, requests } of readings) {
    await writeJson({ pools, snapshots, schedules, workers, requests });
  }
}

async function printText(readings: AsyncIterable<Status>): Promise<void> {
  const { formatStatus } = await import('../display/status-text.ts');
  for await (const status of readings) {
    await writeOut(formatStatus(status, outputWidth()));
  }
}

/** When the status was read, and how to leave. */
function watchTitle({ at }: Status): string {
  return `${formatTimestamp(at)}, every ${WATCH_EVERY_MS / 1000} s; Ctrl-C ends this`;
}

/** Draws each reading in place of the last, and leaves the last one on the screen. */
async function drawText(readings: AsyncIterable<Status>): Promise<void> {
  const { formatStatus } = await import('../display/status-text.ts');
  const { LiveRegion } = await import('../display/live-region.ts');
  const region = new LiveRegion(process.stdout);
  try {
    for await (const status of readings) {
      const text = `${watchTitle(status)}\n\n${formatStatus(status, region.columns)}`;
      region.draw(text.trimEnd().split('\n'));
    }
  } finally {
    region.close();
  }
}
