import { formatCommand } from '../../common/command.ts';
import { formatRelative, formatSpan } from '../../common/format.ts';
import { counted, formatCount } from '../../common/text.ts';
import { secondsBetween } from '../../common/time.ts';
import { parseRegion } from '../../model/pool-id.ts';
import { allowedRates } from '../../quota/quotas.ts';
import { Message } from '../../report/text.tsx';
import type { SnapshotStatus } from '../../runner/snapshot-status.ts';
import type { Status } from '../../runner/status.ts';
import type { WalkingStatus } from '../../runner/walking-status.ts';
import type { DashboardDeps } from '../deps.ts';
import type { PoolOverview } from '../overview-data.ts';
import { QUEUE, snapshotPath } from '../paths.ts';

/** The most items of a page of users or members. */
const PAGE_ITEMS = 60;

interface RunningProps extends Pick<DashboardDeps, 'allowances'> {
  readonly status: Status;
  readonly pools: readonly PoolOverview[];
}

/** What runs now, and what was interrupted. */
export function Running({ status, pools, allowances }: RunningProps) {
  const accounts = new Map(pools.map(({ poolId, accountId }) => [poolId, accountId]));
  const running = status.snapshots.filter(({ runner }) => runner !== null);
  const interrupted = status.snapshots.filter(
    ({ state, runner }) => state === 'walking' && runner === null,
  );
  const allowedCalls = (poolId: string) => {
    const allowance = allowances.of(accounts.get(poolId) ?? '', parseRegion(poolId));
    return allowedRates(allowance).UserList;
  };
  return (
    <>
      {running.length === 0 ? <p class="quiet">Nothing runs.</p> : null}
      {running.map((row) => (
        <Run row={row} at={status.at} allowed={allowedCalls(row.poolId)} />
      ))}
      {interrupted.map((row) => (
        <Interrupted row={row} status={status} />
      ))}
      <Workers status={status} />
    </>
  );
}

interface RunProps {
  readonly row: SnapshotStatus;
  readonly at: Date;
  /** Calls a second that may list users. */
  readonly allowed: number;
}

function Run({ row, at, allowed }: RunProps) {
  const { poolId, snapshot, progress, walking } = row;
  const isWalking = walking !== null && (progress === null || progress.phase === 'walk');
  return (
    <div class="card running">
      <h3>
        {poolId} <a href={snapshotPath(poolId, snapshot)}>{snapshot}</a>
      </h3>
      {isWalking ? (
        <Walks walking={walking} at={at} allowed={allowed} />
      ) : (
        <Phase progress={progress} at={at} />
      )}
    </div>
  );
}

interface WalksProps extends Omit<RunProps, 'row'> {
  readonly walking: WalkingStatus;
}

function Walks({ walking, at, allowed }: WalksProps) {
  const { walks, rate, estimatedEnd, readAt } = walking;
  const silence = readAt === null ? 0 : secondsBetween(readAt, at);
  return (
    <>
      {walks.map(({ kind, items, expected, walks: count, walksDone }) => (
        <Bar
          words={`${kind}: ${formatCount(items)}${expected === null ? '' : ` of about ${formatCount(expected)}`} read, ${formatCount(walksDone)} of ${formatCount(count)} walks done`}
          done={items}
          total={expected}
        />
      ))}
      {rate === null ? null : (
        <p>
          {formatCount(rate)} of at most {formatCount(allowed * PAGE_ITEMS)} items a second (
          {formatCount(allowed)} calls).{' '}
          {estimatedEnd === null
            ? 'Its end is unknown.'
            : `Reading ends ${formatRelative(estimatedEnd, at)}.`}
          {silence < SILENT_AFTER_SECONDS
            ? ''
            : ` No page was requested for ${formatSpan(silence)}.`}
        </p>
      )}
    </>
  );
}

/** A runner records its progress every three seconds. */
const SILENT_AFTER_SECONDS = 15;

const PHASES = {
  walk: 'reading',
  check: 'checking',
  mfa: 'reading MFA states',
  publish: 'publishing',
  archive: 'archiving',
} as const;

function Phase({ progress, at }: { progress: SnapshotStatus['progress']; at: Date }) {
  if (progress === null) return <p>starting</p>;
  const { phase, done, total, notedAt } = progress;
  const isCounted = done !== null && total !== null;
  const counts = isCounted ? `: ${formatCount(done)} of ${formatCount(total)}` : '';
  const silence = secondsBetween(notedAt, at);
  const silent = silence < SILENT_AFTER_SECONDS ? '' : `; no progress for ${formatSpan(silence)}`;
  return <Bar words={`${PHASES[phase]}${counts}${silent}`} done={done ?? 0} total={total} />;
}

interface BarProps {
  readonly words: string;
  readonly done: number;
  readonly total: number | null;
}

function Bar({ words, done, total }: BarProps) {
  return (
    <p>
      {words}
      {total === null || total === 0 ? null : (
        <progress value={Math.min(done, total)} max={total} aria-label={words} />
      )}
    </p>
  );
}

function Interrupted({ row, status }: { readonly row: SnapshotStatus; readonly status: Status }) {
  const { poolId, snapshot, reason } = row;
  const isScheduled = status.schedules.some((schedule) => schedule.poolId === poolId);
  return (
    <div class="card">
      <h3>
        {poolId} <a href={snapshotPath(poolId, snapshot)}>{snapshot}</a>
      </h3>
      <p>
        <Message value={`Interrupted: no process reads it. ${reason ?? ''}`} />
      </p>
      <p>
        To resume: <code>{formatCommand([isScheduled ? 'trigger' : 'sync', poolId])}</code>
      </p>
    </div>
  );
}

/** Who could start a run, and how many requests wait. */
function Workers({ status }: { readonly status: Status }) {
  const { workers, schedules, requests } = status;
  const alive = workers.filter((worker) => worker.alive).length;
  const open = requests.filter(({ endedAt }) => endedAt === null).length;
  if (workers.length === 0 && schedules.length === 0 && open === 0) return null;
  const problems = workers.filter(({ problem }) => problem !== null).length;
  return (
    <p class={alive === 0 ? 'bad' : 'quiet'}>
      {alive === 0
        ? 'No worker is alive, so no snapshot starts.'
        : `${counted(alive, 'worker')} alive${workers.length > alive ? `, ${formatCount(workers.length - alive)} lost` : ''}${problems > 0 ? `, ${formatCount(problems)} with a problem` : ''}.`}{' '}
      <a href={QUEUE}>{counted(open, 'open request')}</a>
    </p>
  );
}
