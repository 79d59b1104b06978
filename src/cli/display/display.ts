import { type MirrorLogger, type SnapshotProgress, WALK_KINDS } from '../../index.ts';
import { LiveRegion, type Terminal } from './live-region.ts';
import { progressLines, type Rates, RateWindow, type Usage } from './progress-lines.ts';
import { ProgressLog } from './progress-log.ts';

export interface DisplayOptions {
  /** The snapshots to show, in the order to show them in. */
  readonly progress: () => readonly SnapshotProgress[];
  readonly usage: () => Usage;
  readonly stream: Terminal & { readonly isTTY?: boolean };
  readonly log: MirrorLogger;
}

const FRAME_MS = 100;

/**
 * Shows where snapshots stand, until the function that it gives is called: live on a terminal, in
 * log lines elsewhere. It looks by itself, and nothing waits for it.
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
    // Each phase counts items of its own, so it has a window of its own.
    const measure = (key: string, count: number, counted = key) => {
      const window = windows.get(counted) ?? new RateWindow();
      windows.set(counted, window);
      rates.set(key, window.add(now, count));
    };
    for (const { poolId, phase, walks, counts } of snapshots) {
      for (const kind of WALK_KINDS) measure(`${poolId} ${kind}`, walks[kind].read);
      if (counts !== null) measure(`${poolId} phase`, counts.done, `${poolId} ${phase}`);
    }
    const rateOf: Rates = (poolId, kind) => rates.get(`${poolId} ${kind}`) ?? null;
    region.draw(progressLines(snapshots, rateOf, usage(), region.columns));
  };
  const stop = repeat(draw);
  return () => {
    stop();
    // The outcome of each pool is printed next.
    region.draw([]);
    region.close();
  };
}

function startLog({ progress, usage, log }: DisplayOptions): () => void {
  const lines = new ProgressLog(log);
  return repeat(() => lines.tell(progress(), usage(), performance.now()));
}

/** Calls `look` now, every frame, and a last time when stopped. */
function repeat(look: () => void): () => void {
  look();
  const timer = setInterval(look, FRAME_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    look();
  };
}
