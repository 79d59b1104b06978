import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { Dashboard } from '../dashboard/app.tsx';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { DirectoryMetrics } from '../telemetry/metrics-directory.ts';
import { createFullReadiness, type FullReadiness } from './full-readiness.ts';
import { createReadiness, type ReadinessChecks } from './readiness.ts';

export interface RouteDeps {
  /** Answers every path except health, readiness and metrics. Null: there are no other paths. */
  readonly dashboard: Dashboard | null;
  readonly metrics: Metrics;
  /** Queries the metrics of pools. Null if Postgres did not answer. */
  readonly queryMetrics: () => Promise<DirectoryMetrics | null>;
  readonly readiness: ReadinessChecks;
  /** Answers `/readyz?full`. Absent: that is answered like `/readyz`. */
  readonly full?: FullReadiness;
  readonly log: Logger;
}

/**
 * Creates the routes. `/healthz`, `/readyz` and `/metrics` are public and contain no data of users.
 * The dashboard answers all other paths, and asks for a token itself.
 */
export function createRoutes({
  dashboard,
  metrics,
  queryMetrics,
  readiness,
  full,
  log,
}: RouteDeps): Hono {
  const app = new Hono();
  const checkReadiness = createReadiness(readiness);
  const checkFully = full && createFullReadiness(full, log);
  app.use(async (context, next) => {
    await next();
    if (!context.res.headers.has('Cache-Control')) context.header('Cache-Control', 'no-store');
  });
  const secure = secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    xFrameOptions: 'DENY',
    // The port serves plain HTTP. A proxy that adds TLS sets this header itself.
    strictTransportSecurity: false,
  });
  // The dashboard sets headers of its own.
  if (dashboard === null) app.use(secure);
  else for (const path of ['/healthz', '/readyz', '/metrics']) app.use(path, secure);
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    const isFull = context.req.query('full') !== undefined;
    // It is answered all the same: probes need no token.
    if (isFull && checkFully) dashboard?.countWrongToken(context);
    const result =
      isFull && checkFully
        ? await checkFully(context.req.header('Authorization'))
        : await checkReadiness();
    return context.json(result, result.status === 'ready' ? 200 : 503);
  });
  app.get('/metrics', async (context) => {
    const text = await metrics.scrape(await queryMetrics());
    return context.body(text, 200, { 'Content-Type': metrics.contentType });
  });
  if (dashboard !== null) {
    app.all('*', (context) => dashboard.fetch(context.req.raw, context.env));
  }
  app.notFound((context) => context.json({ error: 'Not found.' }, 404));
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.routePath }, 'request failed');
    return context.json({ error: 'Internal error. The log has its cause.' }, 500);
  });
  return app;
}
