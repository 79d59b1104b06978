import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { withoutRows } from '../postgres/database-error.ts';
import { createAssets } from './assets.ts';
import type { DashboardDeps } from './deps.ts';
import { respondToError, respondWithProblem } from './errors.tsx';
import { HeldReader } from './held-reader.ts';
import { LiveFeed } from './live.ts';
import { renderFeed, renderProblem } from './overview-parts.tsx';
import { OverviewReader } from './overview-reader.ts';
import { addGroup } from './pages/group.tsx';
import { addHealth } from './pages/health.tsx';
import { addHeld } from './pages/held.tsx';
import { addOverview } from './pages/overview.tsx';
import { addPeople } from './pages/people.tsx';
import { addPool } from './pages/pool.tsx';
import { addQueue } from './pages/queue.tsx';
import { addSnapshot } from './pages/snapshot.tsx';
import { addUser } from './pages/user.tsx';
import { OVERVIEW, SIGN_OUT } from './paths.ts';
import { createSealedNames } from './sealed-names.ts';
import { createSessions, type DashboardEnv, requireFormToken } from './session.ts';
import { createSignIn, sameOrigin } from './sign-in.tsx';

/** The pages, for a server. */
export interface Dashboard extends Pick<Hono<DashboardEnv>, 'fetch' | 'routes'> {
  /** Counts a wrong token in the header of a request that another route answers. */
  countWrongToken(context: Context): void;
  /** Ends the streams of events. Call it before the server closes. */
  close(): Promise<void>;
}

/** The most bytes of a request's body. Without a session no body but a token is read. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Creates the dashboard: pages that a person signs in to with a token. Each page adds its routes in a
 * file of `pages`. Everything but the form for the token, the style and the script requires a session.
 */
export function createDashboard(deps: DashboardDeps): Dashboard {
  const app = new Hono<DashboardEnv>();
  const sessions = createSessions(deps.tokens);
  const signIn = createSignIn(sessions);
  const requireSameOrigin = sameOrigin();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
      // With `no-referrer`, browsers would send forms without the origin that is checked.
      referrerPolicy: 'same-origin',
      // The port serves plain HTTP. A proxy that adds TLS sets this header itself.
      strictTransportSecurity: false,
    }),
  );
  app.route('/', createAssets());
  app.route('/', signIn.app);
  app.use(async (context, next) => {
    const session = await sessions.find(context);
    if (session === null) return signIn.refuse(context);
    context.set('session', session);
    return next();
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => respondWithProblem(context, 413, 'The request is too large.'),
    }),
    // No other site can make a browser send an `Authorization` header.
    (context, next) =>
      context.get('session').formToken === null ? next() : requireSameOrigin(context, next),
    requireFormToken(),
    // Postgres holds no U+0000, so nothing has such an address.
    async (context, next) =>
      context.req.url.includes('%00') ? respondWithProblem(context, 404, 'Not found.') : next(),
  );
  app.post(SIGN_OUT, (context) => {
    sessions.end(context);
    return context.redirect(OVERVIEW, 303);
  });
  const reader = new OverviewReader(deps.db);
  const feed = new LiveFeed(renderFeed(reader, deps), renderProblem, (error) => {
    const shown = error instanceof Error ? withoutRows(error) : error;
    deps.log.debug({ err: shown }, 'could not read what the overview shows');
  });
  addOverview(app, deps, reader, feed);
  const held = new HeldReader((...asked) => deps.actions.diff(...asked));
  addHeld(app, deps, held);
  const names = createSealedNames(deps.tokens);
  addPeople(app, deps, names);
  addUser(app, deps, names);
  addGroup(app, deps, names);
  addQueue(app, deps);
  addHealth(app, deps);
  addPool(app, deps, names);
  addSnapshot(app, deps, names);
  app.notFound((context) => respondWithProblem(context, 404, 'Not found.'));
  app.onError((error, context) => respondToError(error, context, deps.log));
  return {
    fetch: app.fetch,
    routes: app.routes,
    countWrongToken: (context) => void signIn.countWrongToken(context),
    close() {
      held.close();
      return feed.close();
    },
  };
}
