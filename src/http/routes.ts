import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { DirectoryMetrics } from '../telemetry/metrics-directory.ts';
import { createReadiness, type ReadinessChecks } from './readiness.ts';

/** The most bytes of a request's body with the token. Without it no body is read. */
const MAX_BODY_BYTES = 64 * 1024;

export interface RouteDeps {
  /** Protects every path except health, readiness and metrics. Null: there are no other paths. */
  readonly token: string | null;
  readonly metrics: Metrics;
  /** Queries the metrics of pools. Null if Postgres did not answer. */
  readonly queryMetrics: () => Promise<DirectoryMetrics | null>;
  readonly readiness: ReadinessChecks;
  readonly log: Logger;
}

/**
 * Creates the routes. `/healthz`, `/readyz` and `/metrics` are public and contain no data of users.
 * All other paths require the token, if one is set. Mount further apps below the token guard.
 */
export function createRoutes({ token, metrics, queryMetrics, readiness, log }: RouteDeps): Hono {
  const app = new Hono();
  const checkReadiness = createReadiness(readiness);
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      xFrameOptions: 'DENY',
      // The port serves plain HTTP. A proxy that adds TLS sets this header itself.
      strictTransportSecurity: false,
    }),
    async (context, next) => {
      await next();
      context.header('Cache-Control', 'no-store');
    },
  );
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    const result = await checkReadiness();
    return context.json(result, result.status === 'ready' ? 200 : 503);
  });
  app.get('/metrics', async (context) => {
    const text = await metrics.scrape(await queryMetrics());
    return context.body(text, 200, { 'Content-Type': metrics.contentType });
  });
  if (token !== null) {
    app.use(
      requireToken(token),
      bodyLimit({
        maxSize: MAX_BODY_BYTES,
        onError: (context) => context.json({ error: 'The request is too large.' }, 413),
      }),
    );
  }
  app.notFound((context) => context.json({ error: 'Not found.' }, 404));
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.routePath }, 'request failed');
    return context.json({ error: 'Internal error. The log has its cause.' }, 500);
  });
  return app;
}

/** Accepts requests with `Authorization: Bearer <token>`. Answers others with 401. */
function requireToken(token: string): MiddlewareHandler {
  const expected = hash(Buffer.from(token, 'utf8'));
  return async (context, next) => {
    const [, given] = /^Bearer +(.*)$/i.exec(context.req.header('Authorization') ?? '') ?? [];
    // Headers have one character per byte. Digests of equal length compare in constant time.
    if (given !== undefined && timingSafeEqual(hash(Buffer.from(given, 'latin1')), expected)) {
      return next();
    }
    return context.json(
      { error: 'Missing or wrong token. Send the header Authorization: Bearer TOKEN.' },
      401,
      {
        'WWW-Authenticate': 'Bearer',
      },
    );
  };
}

function hash(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
