import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { ActionRequiredError, MirrorError } from '../model/errors.ts';
import { isTemporaryDatabaseError, withoutRows } from '../postgres/database-error.ts';
import { Message } from '../report/text.tsx';
import type { Logger } from '../telemetry/logger.ts';
import { Notice, Page, renderPage } from './layout.tsx';
import { OVERVIEW } from './paths.ts';
import { ForeignFormError, type Session } from './session.ts';
import { wantsPage } from './sign-in.tsx';

type Status = 400 | 403 | 404 | 409 | 413 | 500 | 503;

const TITLES: Readonly<Record<Status, string>> = {
  400: 'This cannot be shown',
  403: 'Not allowed',
  404: 'Not found',
  409: 'This did not work',
  413: 'Too large',
  500: 'Something failed',
  503: 'The database does not answer',
};

/** Answers with a problem: as a page to a browser, as JSON to others. */
export function respondWithProblem(
  context: Context,
  status: Status,
  problem: string,
): Promise<Response> | Response {
  if (!wantsPage(context)) return context.json({ error: problem }, status);
  const session: Session | undefined = context.get('session');
  return renderPage(
    context,
    <Page title={TITLES[status]} session={session ?? null}>
      <Notice kind="bad">
        <Message value={problem} />
      </Notice>
      <p>
        <a href={OVERVIEW}>Go to the overview</a>
      </p>
    </Page>,
    status,
  );
}

const NO_DATABASE =
  'Postgres is not reachable, refuses, or takes too long. The log has its answer. Load this page again once it is back; the command `cognito-mirror status` shows the same error with its remedy.';

/** Answers a request that failed. Messages of servers and drivers stay in the log. */
export function respondToError(
  error: unknown,
  context: Context,
  log: Logger,
): Promise<Response> | Response {
  if (error instanceof HTTPException && error.status === 403) {
    return respondWithProblem(context, 403, 'This form was sent by another site.');
  }
  if (error instanceof ForeignFormError) {
    const problem = 'This form is from an earlier session. Load its page again, and send it again.';
    return respondWithProblem(context, 403, problem);
  }
  if (error instanceof ActionRequiredError) return respondWithProblem(context, 409, error.message);
  const isDatabaseDown = isTemporaryDatabaseError(error);
  const shown = error instanceof Error ? withoutRows(error) : error;
  log.error({ err: shown, path: context.req.routePath }, 'request failed');
  if (isDatabaseDown) return respondWithProblem(context, 503, NO_DATABASE);
  const problem =
    error instanceof MirrorError ? error.message : 'Internal error. The log has its cause.';
  return respondWithProblem(context, 500, problem);
}
