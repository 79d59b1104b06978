import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { DirectoryMetrics } from '../telemetry/metrics-directory.ts';
import { createReadiness, type ReadinessChecks } from './readiness.ts';

/** The most bytes of a body that are read of whoever has the token; of others none is. */
const MOST_BODY_BYTES = 64 * 1024;

/** What the routes answer from. */
export interface RouteDeps {
  /** Null: health, readiness and metrics are all there is. */
  readonly token: string | null;
  readonly metrics: Metrics;
  /** What Postgres tells for a scrape; null where it cannot be read. */
  readonly figures: () => Promise<DirectoryMetrics | null>;
  readonly readiness: ReadinessChecks;
  readonly log: Logger;
}

/**
 * The paths that are served. `/healthz`, `/readyz` and `/metrics` are open to whoever reaches the
 * port, and tell nothing of any user; whatever comes after them is behind the token, where one is
 * set. A dashboard is a Hono app of its own, mounted below the guard: `app.route('/', dashboard)`.
 */
export function routes({ token, metrics, figures, readiness, log }: RouteDeps): Hono {
  const app = new Hono();
  const ready = createReadiness(readiness);
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      xFrameOptions: 'DENY',
      // The port speaks plain HTTP; what stands before it may speak TLS, and says so itself.
      strictTransportSecurity: false,
    }),
    async (context, next) => {
      await next();
      context.header('Cache-Control', 'no-store');
    },
  );
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    const answer = await ready();
    return context.json(answer, answer.status === 'ready' ? 200 : 503);
  });
  app.get('/metrics', async (context) => {
    const text = await metrics.scrape(await figures());
    return context.body(text, 200, { 'Content-Type': metrics.contentType });
  });
  if (token !== null) {
    app.use(
      tokenGuard(token),
      bodyLimit({
        maxSize: MOST_BODY_BYTES,
        onError: (context) => context.json({ error: 'The request is too large.' }, 413),
      }),
    );
  }
  app.notFound((context) => context.json({ error: 'There is nothing here.' }, 404));
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.routePath }, 'a request could not be answered');
    return context.json({ error: 'The request could not be answered.' }, 500);
  });
  return app;
}

/** Lets requests pass that carry `Authorization: Bearer <token>`; answers others with 401. */
export function tokenGuard(token: string): MiddlewareHandler {
  const expected = digest(Buffer.from(token, 'utf8'));
  return async (context, next) => {
    const [, given] = /^Bearer +(.*)$/i.exec(context.req.header('Authorization') ?? '') ?? [];
    // Headers come as one character for each byte. Digests have one length, and take one time.
    if (given !== undefined && timingSafeEqual(digest(Buffer.from(given, 'latin1')), expected)) {
      return next();
    }
    return context.json({ error: 'A token is needed: Authorization: Bearer …' }, 401, {
      'WWW-Authenticate': 'Bearer',
    });
  };
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
