import type pg from 'pg';
import type { WebhookSettings } from '../config/config.ts';
import {
  type ClaimedNotification,
  claimNotification,
  recordDelivered,
  recordUndelivered,
  returnNotification,
} from '../postgres/coordination/outbox.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { WorkRecorder } from '../telemetry/metrics-work.ts';
import { findProblem, type PostResult, post } from '../web/post.ts';
import type { ProxyVariables } from '../web/proxy.ts';
import { formatMessage, formatSlackMessage } from './message.ts';
import { signMessage } from './sign.ts';

/** What webhooks are delivered with. */
export interface WebhookDeps {
  readonly db: pg.Pool;
  readonly settings: WebhookSettings;
  readonly proxies?: ProxyVariables | undefined;
  readonly log: Logger;
  /** Counts each attempt; absent if this process serves no metrics. */
  readonly metrics?: Pick<WorkRecorder, 'recordWebhook'> | undefined;
}

/** Standard Webhooks recommends 15 to 30 seconds. */
const TIMEOUT_MS = 15_000;
/** Longer than an attempt takes: after that, the process that made it counts as dead. */
const CLAIM_SECONDS = 60;
/** Seconds from each failed attempt to the next, as Standard Webhooks recommends: three days in all. */
const RETRY_AFTER = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/** Spreads the retries of messages that failed together. */
const JITTER = 0.1;
/** The receiver wants no more messages. */
const GONE = 410;

/**
 * Delivers what is due in the outbox, until nothing is, the receiver fails or `signal` fires. Any number of
 * processes may do this at the same time: each message is with one of them.
 */
export async function deliverDue(deps: WebhookDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const claimed = await claimNotification(deps.db, CLAIM_SECONDS);
    if (claimed === null || !(await deliver(deps, claimed, signal))) return;
  }
}

/** @returns true if the receiver accepted it. */
async function deliver(
  deps: WebhookDeps,
  claimed: ClaimedNotification,
  signal: AbortSignal,
): Promise<boolean> {
  const { db } = deps;
  const result = await send(deps, claimed, signal);
  if ('failure' in result && signal.aborted) {
    await returnNotification(db, claimed.id);
    return false;
  }
  const problem = findProblem(result);
  if (problem === null) {
    await recordDelivered(db, claimed.id);
    deps.metrics?.recordWebhook('delivered');
    return true;
  }
  const isGone = 'status' in result && result.status === GONE;
  const wait = isGone ? null : (RETRY_AFTER[claimed.attempt - 1] ?? null);
  const seconds = wait === null ? null : wait * (1 + JITTER * Math.random());
  await recordUndelivered(db, claimed.id, problem, seconds);
  logFailure(deps, claimed, problem, wait);
  return false;
}

function send(
  { settings, proxies }: WebhookDeps,
  claimed: ClaimedNotification,
  signal: AbortSignal,
): Promise<PostResult> {
  const { url, secret, format, allowPrivate } = settings;
  const isSlack = format === 'slack';
  const body = isSlack ? formatSlackMessage(claimed) : formatMessage(claimed);
  return post({
    url: new URL(url),
    headers: {
      'content-type': 'application/json',
      ...(!isSlack && secret !== null && signMessage(secret, claimed.id, new Date(), body)),
    },
    body,
    allowPrivate,
    timeoutMs: TIMEOUT_MS,
    proxies,
    signal,
  });
}

function logFailure(
  { log, metrics }: WebhookDeps,
  { id, type, data: { poolId }, attempt }: ClaimedNotification,
  problem: string,
  wait: number | null,
): void {
  const line = { poolId, id, type, attempt, problem };
  metrics?.recordWebhook(wait === null ? 'given_up' : 'failed');
  if (wait === null) log.error(line, 'gave up a webhook: see docs/NOTIFICATIONS.md');
  else log.warn({ ...line, retryInSeconds: wait }, 'a webhook was not delivered, and is retried');
}
