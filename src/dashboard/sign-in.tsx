import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { csrf } from 'hono/csrf';
import { Notice, Page, renderPage } from './layout.tsx';
import { OVERVIEW, SIGN_IN } from './paths.ts';
import { bearerToken, clientAddress, type Sessions } from './session.ts';
import { createSlowDown } from './slow-down.ts';

/** A token and the path to go on with. */
const MOST_BYTES = 4 * 1024;

const ENDED = 'The session has ended, and nothing was done. Sign in again.';

/** The form that asks for the token. */
export interface SignIn {
  /** The routes of the form. */
  readonly app: Hono;
  /** Answers a request without a session. Counts a wrong token in its header. */
  refuse(context: Context): Promise<Response>;
  /**
   * Counts a wrong token in the header of a request. A right one never waits: behind a proxy, all clients
   * have one address.
   *
   * @returns how many seconds it must wait; then it is not counted. 0 if it need not.
   */
  countWrongToken(context: Context): number;
}

/** Creates the form, and what asks for it. */
export function createSignIn(sessions: Sessions): SignIn {
  const slowDown = createSlowDown();
  const app = new Hono();
  app.get(SIGN_IN, (context) =>
    showForm(context, { next: toLocalPath(context.req.query('next')) }, 200),
  );
  app.post(
    SIGN_IN,
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: (context) => showForm(context, { next: OVERVIEW, problem: 'Too long for a token.' }),
    }),
    sameOrigin(),
    async (context) => {
      const { token, next } = await context.req.parseBody();
      const path = toLocalPath(next);
      const right = typeof token === 'string' ? sessions.rightOf(token.trim()) : null;
      // A right token never waits: behind a proxy, the wrong ones can be those of anybody.
      if (right !== null) {
        await sessions.begin(context, right);
        return context.redirect(path, 303);
      }
      const address = clientAddress(context);
      const seconds = slowDown.waitSeconds(address);
      if (seconds > 0) return showForm(context, { next: path, waitSeconds: seconds });
      slowDown.countWrong(address);
      return showForm(context, { next: path, problem: 'This token is wrong.' });
    },
  );
  const countWrongToken = (context: Context) => {
    const token = bearerToken(context);
    if (token === null || sessions.rightOf(token) !== null) return 0;
    const address = clientAddress(context);
    const seconds = slowDown.waitSeconds(address);
    if (seconds === 0) slowDown.countWrong(address);
    return seconds;
  };
  return {
    app,
    countWrongToken,
    async refuse(context) {
      const seconds = countWrongToken(context);
      if (seconds > 0) {
        const error = `Too many wrong tokens. Try again in ${seconds} s.`;
        return context.json({ error }, 429, { 'Retry-After': String(seconds) });
      }
      const { method, path } = context.req;
      if (wantsPage(context)) {
        if (method !== 'GET') return showForm(context, { next: OVERVIEW, problem: ENDED });
        return context.redirect(`${SIGN_IN}?next=${encodeURIComponent(path)}`, 302);
      }
      return context.json(
        { error: 'Missing or wrong token. Send the header Authorization: Bearer TOKEN.' },
        401,
        { 'WWW-Authenticate': 'Bearer' },
      );
    },
  };
}

/** True for a browser that loads a page. Other clients get errors as JSON. */
export function wantsPage(context: Context): boolean {
  return context.req.header('Accept')?.includes('text/html') ?? false;
}

/**
 * Refuses forms of other sites. Browsers send `Sec-Fetch-Site` only over TLS and on this machine, and
 * `Origin` always. Behind a proxy the scheme differs, so the origin's host is compared.
 */
export function sameOrigin() {
  return csrf({
    origin: (origin, context) =>
      URL.canParse(origin) && new URL(origin).host === context.req.header('Host'),
  });
}

/** The path if it is one of this server, else that of the overview. */
function toLocalPath(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])[\w\-./%~@:+]*$/.test(next) ? next : OVERVIEW;
}

interface FormOptions {
  readonly next: string;
  readonly problem?: string;
  readonly waitSeconds?: number;
}

function showForm(
  context: Context,
  { next, problem, waitSeconds }: FormOptions,
  status: 200 | 401 = 401,
): Promise<Response> {
  const isWaiting = waitSeconds !== undefined;
  if (isWaiting) context.header('Retry-After', String(waitSeconds));
  else if (status === 401) context.header('WWW-Authenticate', 'Bearer');
  return renderPage(
    context,
    <Page title="Sign in" session={null}>
      {isWaiting ? (
        <Notice kind="bad">Too many wrong tokens. Try again in {waitSeconds} s.</Notice>
      ) : null}
      {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
      <form method="post" action={SIGN_IN}>
        <input type="hidden" name="next" value={next} />
        <div class="field">
          <label for="token">Token</label>
          <input
            id="token"
            name="token"
            type="password"
            autocomplete="current-password"
            required
            autofocus
          />
        </div>
        <button type="submit">Sign in</button>
      </form>
      <p class="quiet">
        The token is the value of <code>MIRROR_HTTP_TOKEN</code>, or of{' '}
        <code>MIRROR_HTTP_VIEW_TOKEN</code> for counts only. The command{' '}
        <code>cognito-mirror dashboard</code> prints one.
      </p>
    </Page>,
    isWaiting ? 429 : status,
  );
}
