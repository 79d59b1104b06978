import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { printable } from '../../common/printable.ts';
import { commandHint, commandLine } from '../../config/command-line.ts';
import type { Config } from '../../config/config.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import type { Status } from '../../runner/status.ts';
import { parseAge } from '../arguments.ts';
import { formatMoment } from '../display/timestamps.ts';
import { EXIT } from '../errors.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly check?: boolean;
  readonly maxAge: string;
}

/** A nightly mirror, with two hours for the night's run. */
const DEFAULT_MAX_AGE = '26h';

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
    .addOption(new Option('--watch', 'keep it current, until interrupted').conflicts('check'))
    .option(
      '--check',
      'for monitoring: print one line, and exit with 1 where a pool has no snapshot or one that is too old; without pools, those of COGNITO_POOLS',
    )
    .option(
      '--max-age <age>',
      'how old is too old, for --check: such as 90m, 26h, 2d',
      DEFAULT_MAX_AGE,
    )
    .option(
      '--json',
      'print one JSON document: {"pools":[…],"snapshots":[…],"schedules":[…],"workers":[…],"requests":[…]}; ' +
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
  const maxAgeSeconds = parseAge(options.maxAge);
  const { loadConfig } = await import('../../config/load-config.ts');
  const config = loadConfig(process.env, { pools });
  const { findMirrorDatabase } = await import('../../app/open-mirror.ts');
  const { readStatus } = await import('../../runner/status.ts');
  const named = config.pools === 'all' || config.pools.length === 0 ? null : config.pools;
  const mirror = await findMirrorDatabase(config, signal);
  if (mirror === null) {
    await tellNoMirror(config, pools, options);
    if (options.check) {
      const { describeLocation } = await import('../../postgres/database.ts');
      const nothing = { at: new Date(), pools: [], place: describeLocation(config) };
      await checkAge(nothing, named ?? [], maxAgeSeconds, options);
    }
    return;
  }
  const asked = pools.length > 0 ? pools : null;
  const read = () => readStatus(mirror.db, asked);
  try {
    if (options.check) {
      const { listExpectedPools } = await import('../../postgres/store/pools.ts');
      const checked = named ?? (await listExpectedPools(mirror.db));
      const status = await readStatus(mirror.db, checked);
      return await checkAge(status, checked, maxAgeSeconds, options);
    }
    if (asked !== null) requireKnown(asked, (await readStatus(mirror.db, null)).pools);
    const readings = options.watch ? watch(read, signal) : lookOnce(read, signal);
    const isLive = options.watch && process.stdout.isTTY && process.env.TERM !== 'dumb';
    if (options.json) await printJson(readings);
    else if (isLive) await drawText(readings);
    else await printText(readings);
  } finally {
    await mirror.close();
  }
}

/**
 * Tells a monitoring system whether the mirrors are recent enough, by text and exit code.
 *
 * @param place where there is no mirror.
 */
async function checkAge(
  { at, pools, place }: Pick<Status, 'at' | 'pools'> & { readonly place?: string },
  checked: readonly string[],
  maxAgeSeconds: number,
  { json = false }: StatusOptions,
): Promise<void> {
  const { checkAges } = await import('../../runner/mirror-age.ts');
  const { ageText } = await import('../display/status-pools.ts');
  const ages = checkAges(pools, checked, maxAgeSeconds);
  const ok = ages.length > 0 && ages.every((age) => age.ok);
  if (json) await writeJson({ ok, maxAgeSeconds, pools: ages });
  else await writeOut(ageText(ages, maxAgeSeconds, { at, ...(place && { place }) }));
  process.exitCode = ok ? EXIT.done : EXIT.failed;
}

/** @throws ConfigurationError where a pool is asked for that nothing is known of. */
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
 * Says where nothing is mirrored yet, and makes nothing there.
 *
 * @throws ConfigurationError where pools are named, of which there is no status
 */
async function tellNoMirror(
  config: Config,
  pools: readonly string[],
  { json = false, check = false }: StatusOptions,
): Promise<void> {
  const { NoMirrorError, describeLocation } = await import('../../postgres/database.ts');
  // Monitoring reads one line, which the check prints.
  if (check) return;
  if (pools.length > 0) throw new NoMirrorError(describeLocation(config));
  const text =
    `Nothing is mirrored in ${printable(describeLocation(config))} yet.\n` +
    'Set MIRROR_HOME or DATABASE_URL to where the mirror is, or mirror a pool:\n' +
    `  ${commandHint(['sync', 'POOL'])}\n`;
  if (!json) return writeOut(text);
  process.stderr.write(text);
  await writeJson({ pools: [], snapshots: [], schedules: [], workers: [], requests: [] });
}

/** A reading, with rates where a run reads: those of this very moment tell most. */
async function* lookOnce(read: () => Promise<Status>, signal: AbortSignal): AsyncGenerator<Status> {
  const { measureRates } = await import('../../runner/status.ts');
  const first = await read();
  const isRead = first.snapshots.some(({ walking }) => walking !== null && walking.rate !== null);
  if (!isRead) return yield first;
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
  for await (const { pools, snapshots, schedules, workers, requests } of readings) {
    await writeJson({ pools, snapshots, schedules, workers, requests });
  }
}

async function printText(readings: AsyncIterable<Status>): Promise<void> {
  const { statusText } = await import('../display/status-text.ts');
  for await (const status of readings) {
    await writeOut(statusText(status, outputWidth()));
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
