import { redactUrl } from '../common/redact-url.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { Queryable } from './connection.ts';
import { explainConnection } from './connection-error.ts';
import type { SessionClient } from './session/client.ts';
import { requireSessionMode } from './session/dedicated.ts';
import { openSession } from './session/open-session.ts';

const NONE_LEFT = '53300';

/** One session that looks at a database. Its statements wait for each other. */
export interface ExaminedDatabase extends Queryable {
  readonly isPooled: boolean;
  end(): Promise<void>;
}

/**
 * Opens one session to look at a database, without waiting for a free connection. The caller ends it.
 *
 * @throws ActionRequiredError if it cannot be reached or refuses, with the remedy
 */
export async function openExamined(url: string, signal: AbortSignal): Promise<ExaminedDatabase> {
  let session: SessionClient | null = null;
  try {
    session = await openSession(url, 'cognito-mirror doctor', { patienceMs: 0, signal });
    if (session.isPooled) await requireSessionMode(url, session);
    return inTurn(session);
  } catch (cause) {
    await session?.end().catch(() => {});
    signal.throwIfAborted();
    if (cause instanceof ActionRequiredError) throw cause;
    const { problem, remedy } = explainConnection(cause);
    const isNoneLeft = (cause as { code?: string }).code === NONE_LEFT;
    throw ActionRequiredError.of(
      `DATABASE_URL (${redactUrl(url)})`,
      isNoneLeft ? 'no connection is left for this role.' : problem,
      remedy,
      { cause },
    );
  }
}

/** Lets one statement run at a time: checks that run together share the session. */
function inTurn(session: SessionClient): ExaminedDatabase {
  let last: Promise<unknown> = Promise.resolve();
  const query = (...statement: Parameters<Queryable['query']>) => {
    const running = last.then(() => session.query(...statement));
    last = running.catch(() => {});
    return running;
  };
  return {
    query: query as Queryable['query'],
    isPooled: session.isPooled,
    end: () => session.end(),
  };
}
