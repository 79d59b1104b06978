import type pg from 'pg';
import { bounded } from '../common/bounded.ts';
import type { WebhookSettings } from '../config/config.ts';
import { countUndelivered } from '../postgres/coordination/outbox.ts';
import { describeSafely } from '../postgres/database-error.ts';
import { readNotificationData } from '../postgres/store/notifications.ts';
import type { WorkRecorder } from '../telemetry/metrics-work.ts';
import { type PingDeps, Pings } from './pings.ts';
import { deliverDue } from './webhooks.ts';

/** What notifications are sent with. */
export interface NotifierDeps extends PingDeps {
  /** Null: Postgres cannot be used. */
  readonly db: pg.Pool | null;
  /** Null: webhooks go nowhere from this process. */
  readonly webhook: WebhookSettings | null;
  /** Absent if this process serves no metrics. */
  readonly metrics?: Pick<WorkRecorder, 'recordPing' | 'recordWebhook'> | undefined;
}

/** How a run ended, or what else is wrong with a pool. */
export interface RunEnd {
  readonly poolId: string;
  /** Null outside a run. */
  readonly runId: string | null;
  readonly succeeded: boolean;
  /** Its snapshot; null without one. */
  readonly snapshotAt: Date | null;
  readonly reason: string | null;
}

/** How long the body of a ping waits for Postgres. */
const SUMMARY_MS = 3_000;
/** How long the end of a `sync` waits for notifications. */
const FINISH_MS = 10_000;
/** The same after an interruption, and when a worker stops. */
const STOP_MS = 2_000;

/** Tells others what happens: by pings, which are sent at once, and by webhooks from the outbox. */
export class Notifier {
  readonly #deps: NotifierDeps;
  readonly #pings: Pings;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    this.#pings = new Pings(deps);
  }

  /** Pings the start of a run. Returns at once. */
  runStarted(poolId: string, runId: string): void {
    this.#pings.send({ poolId, signal: 'start', runId });
  }

  /** Pings the end of a run, with the state of the pool as its body. Returns at once. */
  runEnded({ poolId, runId, succeeded, snapshotAt, reason }: RunEnd): void {
    const { db } = this.#deps;
    this.#pings.send({
      poolId,
      signal: succeeded ? 'success' : 'fail',
      runId,
      // Without an answer of Postgres, the reason alone.
      summarize: async () => {
        const read =
          db && bounded(() => readNotificationData(db, poolId, snapshotAt, reason), SUMMARY_MS);
        const data = await read?.().catch(() => null);
        return JSON.stringify(data ?? { poolId, reason });
      },
    });
  }

  /** Delivers the webhooks that are due. Throws if Postgres cannot be used. */
  async deliver(signal: AbortSignal): Promise<void> {
    const { db, webhook: settings, ...deps } = this.#deps;
    if (db !== null && settings !== null) await deliverDue({ ...deps, db, settings }, signal);
  }

  /**
   * Waits a moment for pings, and delivers webhooks for a moment, at the end of a process that is no
   * worker. What is not delivered stays in the outbox, and is logged.
   */
  async finish(signal: AbortSignal): Promise<void> {
    const pings = this.#pings.settle(signal.aborted ? STOP_MS : FINISH_MS);
    if (!signal.aborted) {
      await this.#deliverRest(AbortSignal.any([signal, AbortSignal.timeout(FINISH_MS)]));
    }
    await pings;
  }

  /** Waits a moment for pings when a worker stops. */
  async stop(): Promise<void> {
    await this.#pings.settle(STOP_MS);
  }

  async #deliverRest(signal: AbortSignal): Promise<void> {
    const { db, webhook, log } = this.#deps;
    if (db === null || webhook === null) return;
    try {
      await this.deliver(signal);
      const count = await countUndelivered(db);
      if (count > 0) {
        log.warn({ count }, 'webhooks wait for delivery: a worker or the next sync sends them');
      }
    } catch (error) {
      // The run has ended, whatever Postgres does.
      const problem = describeSafely(error);
      log.warn({ problem }, 'could not deliver webhooks: a worker or the next sync sends them');
    }
  }
}
