import { formatSpan } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import {
  type MirrorLogger,
  RESTORE_ENTITIES,
  type RestoreEntity,
  type RestoreProgress,
} from '../../index.ts';
import { LiveRegion, type Terminal } from './live-region.ts';
import { RateWindow } from './progress-lines.ts';
import { truncate } from './text-width.ts';

interface RestoreDisplayOptions {
  readonly progress: () => RestoreProgress | null;
  readonly stream: Terminal & { readonly isTTY?: boolean };
  readonly log: MirrorLogger;
}

const FRAME_MS = 100;
/** How often a phase that continues is logged. */
const PERIOD_MS = 5_000;

const MESSAGES: Readonly<Record<Exclude<RestoreProgress['phase'], 'done'>, string>> = {
  read: 'reading the target',
  compare: 'comparing',
  write: 'restoring',
};

/** Progress on standard error. */
export interface RestoreDisplay {
  /** Shows nothing until `resume`, so that other output has the terminal. */
  pause(): void;
  resume(): void;
  stop(): void;
}

/** Shows the progress of a restore: live on a terminal, else in log lines. It polls, so that no work waits. */
export function startRestoreDisplay(options: RestoreDisplayOptions): RestoreDisplay {
  const { progress, stream, log } = options;
  const isLive = stream.isTTY === true && process.env.TERM !== 'dumb';
  const region = isLive ? new LiveRegion(stream) : null;
  const window = new RateWindow();
  const lines = new RestoreLog(log);
  let isPaused = false;
  const update = () => {
    const shown = progress();
    if (isPaused || shown === null || shown.phase === 'done') return;
    if (region === null) return lines.update(shown, performance.now());
    const rate = window.add(performance.now(), countDone(shown));
    region.draw(formatProgress(shown, rate).map((text) => truncate(text, region.columns)));
  };
  update();
  const timer = setInterval(update, FRAME_MS);
  timer.unref();
  return {
    pause() {
      isPaused = true;
      region?.draw([]);
    },
    resume() {
      isPaused = false;
    },
    stop() {
      clearInterval(timer);
      region?.draw([]);
      region?.close();
    },
  };
}

function countDone(progress: RestoreProgress): number {
  return RESTORE_ENTITIES.reduce((sum, entity) => sum + countEnded(progress, entity), 0);
}

function countEnded(progress: RestoreProgress, entity: RestoreEntity): number {
  const { created, updated, failed } = progress.of(entity);
  return created + updated + failed;
}

function formatProgress(progress: RestoreProgress, rate: number | null): string[] {
  const { phase, target, compared, total, meter } = progress;
  if (phase === 'done') return [];
  const { apiCalls, throttled } = meter.counts;
  const calls = `  ${formatCount(apiCalls)} calls${throttled > 0 ? `, ${formatCount(throttled)} throttled` : ''}`;
  const title = MESSAGES[phase];
  if (phase === 'read') {
    const { groups, users, memberships } = target;
    const counts = `${formatCount(groups)} groups, ${formatCount(users)} users, ${formatCount(memberships)} memberships`;
    return [`${title}: ${counts}`, calls];
  }
  if (phase === 'compare') return [`${title}: ${formatCount(compared)} users`];
  const left = [...total.values()].reduce((sum, each) => sum + each, 0) - countDone(progress);
  const ends = rate !== null && rate > 0 ? `, ${formatSpan(left / rate)} left` : '';
  const rows = [...total].flatMap(([entity, all]) => {
    if (all === 0) return [];
    const { failed } = progress.of(entity);
    const failures = failed > 0 ? `, ${formatCount(failed)} failed` : '';
    const done = formatCount(countEnded(progress, entity));
    return [`  ${`${entity}s`.padEnd(12)}${done} of ${formatCount(all)}${failures}`];
  });
  return [`${title}: ${formatCount(rate ?? 0)}/s${ends}`, ...rows, calls];
}

/** Logs the progress at each change of phase and every few seconds. */
class RestoreLog {
  readonly #log: MirrorLogger;
  #logged: { phase: string; at: number } | null = null;

  constructor(log: MirrorLogger) {
    this.#log = log;
  }

  update(progress: RestoreProgress, now: number): void {
    const { phase, target, compared, meter } = progress;
    const isKnown = this.#logged?.phase === phase && now - this.#logged.at < PERIOD_MS;
    if (phase === 'done' || isKnown) return;
    this.#logged = { phase, at: now };
    const fields = { read: target, compare: { compared }, write: countTasks(progress) }[phase];
    this.#log.info({ ...fields, ...meter.counts }, MESSAGES[phase]);
  }
}

function countTasks(progress: RestoreProgress): Record<string, number> {
  return Object.fromEntries(
    [...progress.total].flatMap(([entity, total]) => [
      [`${entity}s`, countEnded(progress, entity)],
      [`${entity}sTotal`, total],
      [`${entity}sFailed`, progress.of(entity).failed],
    ]),
  );
}
