import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie';
import { isSameSecret, readBearerToken } from '../web/bearer.ts';
import type { DashboardTokens } from './deps.ts';

/** What a session may do: see people and act, or see counts and runs only. */
export type Right = 'act' | 'view';

/** Who asks. It holds no name: a token is shared by those who know it. */
export interface Session {
  readonly right: Right;
  /** Random, for the log. Requests with an `Authorization` header have none of their own: `bearer`. */
  readonly id: string;
  /** What every form of the session must send back; null without a cookie, which needs none. */
  readonly formToken: string | null;
}

/** The type of the apps that pages add their routes to. */
export interface DashboardEnv {
  readonly Variables: { readonly session: Session };
}

/** The field of every form that has the session's form token. */
export const FORM_TOKEN = 'form_token';

/** A session ends after this time: a working day with its evening. */
const LIFE_SECONDS = 12 * 3600;

/** Sessions of the tokens, with no state on the server: every worker of a fleet accepts them. */
export interface Sessions {
  /** The right of a token, in constant time; null if it is wrong. */
  rightOf(token: string): Right | null;
  /** The session of a request, by its cookie or its `Authorization` header; null without. */
  find(context: Context): Promise<Session | null>;
  /** Starts a session in the browser. */
  begin(context: Context, right: Right): Promise<void>;
  /** Ends the session in the browser. */
  end(context: Context): void;
}

/**
 * Sessions are signed cookies. The key is derived from the tokens, so a changed token ends all sessions,
 * and the name of the cookie too, so that mirrors on one host do not replace each other's.
 */
export function createSessions(tokens: DashboardTokens): Sessions {
  const secret = JSON.stringify([tokens.act, tokens.view]);
  const derive = (use: string) =>
    Buffer.from(hkdfSync('sha256', secret, '', `cognito-mirror dashboard ${use}`, 32));
  const [key, formKey] = [derive('session'), derive('form')];
  const cookie = `mirror_${derive('name').toString('hex').slice(0, 8)}`;
  const options = (context: Context) => ({
    path: '/',
    httpOnly: true,
    sameSite: 'Strict' as const,
    // The port serves plain HTTP. A proxy that adds TLS says so.
    secure: context.req.header('X-Forwarded-Proto') === 'https',
  });
  const rightOf = (token: string): Right | null => {
    const isSame = (known: string | null) => known !== null && isSameSecret(token, known);
    const [acts, views] = [isSame(tokens.act), isSame(tokens.view)];
    return acts ? 'act' : views ? 'view' : null;
  };
  return {
    rightOf,

    async find(context) {
      const token = bearerToken(context);
      if (token !== null) {
        const right = rightOf(token);
        return right === null ? null : { right, id: 'bearer', formToken: null };
      }
      const value = await getSignedCookie(context, key, cookie);
      const [, right, id, until] = /^(act|view)\.([\w-]+)\.(\d+)$/.exec(value || '') ?? [];
      if (id === undefined || Number(until) * 1000 < Date.now()) return null;
      const formToken = createHmac('sha256', formKey).update(id).digest('base64url');
      return { right: right as Right, id, formToken };
    },

    async begin(context, right) {
      const until = Math.floor(Date.now() / 1000) + LIFE_SECONDS;
      const value = `${right}.${randomBytes(9).toString('base64url')}.${until}`;
      const life = { ...options(context), maxAge: LIFE_SECONDS };
      await setSignedCookie(context, cookie, value, key, life);
    },

    end(context) {
      deleteCookie(context, cookie, options(context));
    },
  };
}

/** The token of the request's `Authorization` header; null without. */
export function bearerToken(context: Context): string | null {
  return readBearerToken(context.req.header('Authorization'));
}

/** The address that the request came from: of a proxy, if there is one. */
export function clientAddress(context: Context): string {
  return getConnInfo(context).remote.address ?? 'unknown';
}

/** Accepts a form only with the token of its session, so that no other site can send it. */
export function requireFormToken(): MiddlewareHandler<DashboardEnv> {
  return async (context, next) => {
    const { formToken } = context.get('session');
    if (context.req.method !== 'GET' && context.req.method !== 'HEAD' && formToken !== null) {
      const given = (await context.req.parseBody())[FORM_TOKEN];
      if (typeof given !== 'string' || !isSameSecret(given, formToken))
        throw new ForeignFormError();
    }
    return next();
  };
}

/** A form that no page of this session made: another site, or a page from before signing in again. */
export class ForeignFormError extends Error {}
