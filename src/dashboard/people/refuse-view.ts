import type { Context } from 'hono';
import { respondWithProblem } from '../errors.tsx';
import type { DashboardEnv } from '../session.ts';

/** Answers a session that sees counts only with a page that says which token sees names; null to others. */
export function refuseView(context: Context<DashboardEnv>): Promise<Response> | Response | null {
  if (context.get('session').right === 'act') return null;
  const problem =
    'Your token sees counts and runs only. To see people and groups, and to act, sign out, and sign in with the token of MIRROR_HTTP_TOKEN.';
  return respondWithProblem(context, 403, problem);
}
