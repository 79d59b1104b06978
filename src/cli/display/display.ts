import { type MirrorLogger, type SnapshotProgress, WALK_KINDS } from '../../index.ts';
import { LiveRegion, type Terminal } from './live-region.ts';
import { formatProgress, type Rates, RateWindow } from './progress-lines.ts';
import { ProgressLog, type Usage } from './progress-log.ts';

interface DisplayOptions {
  /** The snapshots in display order. */
  readonly progress: () => readonly SnapshotProgress[];
  readonly usage: () => Usage;
  readonly stream: Terminal & { readonly isTTY?: boolean };
  readonly log: MirrorLogger;
}

const FRAME_MS = 100;

/**
 * Shows the progress of snapshots until the returned function is called: live on a terminal, else in
 * log lines. It polls, so that no work waits for it.
 */
export function startDisplay(options: DisplayOptions): () => void {
  const isLive = options.stream.isTTY === true && process.env.TERM !== 'dumb';
  return isLive ? startLive(options) : startLog(options);
}

function startLive({ progress, usage, stream }: DisplayOptions): () => void {
  const region = new LiveRegion(stream);
  const windows = new Map<string, RateWindow>();
  const draw = () => {
    const now = performance.now();
    const snapshots = progress();
    const rates = new Map<string, number | null>();
    // Each phase counts different items, so it has its own window.
    const measure = (key: string, count: number, counted = key) => {
      const window = windows.get(counted) ?? new RateWindow();
      windows.set(counted, window);
      rates.set(key, window.add(now, count));
    };
    for (const { poolId, phase, walks, counts } of snapshots) {
      for (const kind of WALK_KINDS) measure(`${poolId} ${kind}`, walks[kind].read);
      if (counts !== null) measure(`${poolId} phase`, counts.done, `${poolId} ${phase}`);
    }
    const findRate: Rates = (poolId, kind) => rates.get(`${poolId} ${kind}`) ?? null;
    region.draw(formatProgress(snapshots, findRate, usage(), region.columns));
  };
  const stop = poll(draw);
  return () => {
    stop();
    // The outcome of each pool is printed next.
    region.draw([]);
    region.close();
  };
}

function startLog({ progress, usage, log }: DisplayOptions): () => void {
  const lines = new ProgressLog(log);
  return poll(() => lines.update(progress(), usage(), performance.now()));
}

/** Calls `update` now, every frame, and once more when stopped. */
function poll(update: () => void): () => void {
  update();
  const timer = setInterval(update, FRAME_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    update();
  };
}
