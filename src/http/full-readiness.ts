import { bounded } from '../common/bounded.ts';
import { formatCommand } from '../common/command.ts';
import { type CheckState, type Examination, rankState } from '../doctor/check.ts';
import { explainFailure } from '../doctor/explain.ts';
import type { Logger } from '../telemetry/logger.ts';
import { isSameSecret, readBearerToken } from '../web/bearer.ts';

/** What `/readyz?full` answers with. */
export interface FullReadiness {
  /** Makes the quick checks of `doctor`. */
  readonly examine: () => Promise<Examination>;
  /** Who sends one of them as bearer token gets details; others get ids and states. */
  readonly tokens: readonly string[];
}

interface Answer {
  readonly status: 'ready' | 'unready';
  readonly checks: readonly object[];
}

/** A result is reused for this long: anyone may ask. */
const REUSED_MS = 5_000;
/** Quick checks end within five seconds, those that hang as failed. The server cuts idle connections later. */
const TIMEOUT_MS = 6_500;

/** @returns a function that answers a request by its Authorization header, and never throws */
export function createFullReadiness(
  { examine, tokens }: FullReadiness,
  log: Logger,
): (authorization: string | undefined) => Promise<Answer> {
  let last: { readonly examination: Examination; readonly at: number } | null = null;
  const run = bounded(async () => {
    const examination = await examine();
    last = { examination, at: performance.now() };
    return examination;
  }, TIMEOUT_MS);
  return async (authorization) => {
    const isFresh = last !== null && performance.now() - last.at < REUSED_MS;
    const { checks } =
      isFresh && last !== null
        ? last.examination
        : await run().catch((error: unknown) => {
            log.warn({ err: error }, 'the checks of /readyz?full failed');
            return withoutChecks(error);
          });
    const status = checks.some(({ state }) => state === 'failed') ? 'unready' : 'ready';
    return { status, checks: isKnown(authorization, tokens) ? checks : summarise(checks) };
  };
}

/** The result where the examination itself failed. */
function withoutChecks(error: unknown): Examination {
  const [result] = explainFailure(error, `See the log, or run \`${formatCommand(['doctor'])}\`.`);
  return { checks: result ? [{ id: 'examination', title: 'Examination', ...result }] : [] };
}

/** The worst state by id, without pools and URLs. */
function summarise(checks: Examination['checks']): { id: string; state: CheckState }[] {
  const worst = new Map<string, CheckState>();
  for (const { id, state } of checks) {
    const [name = id] = id.split('/');
    const known = worst.get(name) ?? 'ok';
    worst.set(name, rankState(state) > rankState(known) ? state : known);
  }
  return [...worst].map(([id, state]) => ({ id, state }));
}

function isKnown(authorization: string | undefined, tokens: readonly string[]): boolean {
  const given = readBearerToken(authorization);
  return given !== null && tokens.some((token) => isSameSecret(given, token));
}
