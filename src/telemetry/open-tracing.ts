import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type * as Api from '@opentelemetry/api';
import { bounded } from '../common/bounded.ts';
import { VERSION } from '../config/config.ts';
import { findProxy, type ProxyVariables } from '../web/proxy.ts';
import { openProxyAgents } from '../web/proxy-agents.ts';
import type { Logger } from './logger.ts';
import { ExportedRunTrace, type StartSpan } from './run-trace.ts';
import type { Tracing, Variables } from './tracing.ts';

/** What exports traces, as peer dependencies of the package; the newer lines need Node 22. */
export const TRACING_PACKAGES = [
  '@opentelemetry/api@^1.9.0',
  '@opentelemetry/exporter-trace-otlp-http@^0.223.0',
  '@opentelemetry/resources@^2.12.0',
  '@opentelemetry/sdk-trace-node@^2.12.0',
] as const;

/** How long the last spans may take at the end. An endpoint that is down delays nothing else. */
const FLUSH_MS = 1_000;

interface TracingOptions {
  readonly log: Logger;
  readonly proxies: ProxyVariables;
  /** The variables that OpenTelemetry's packages read themselves. */
  readonly env?: Variables;
}

/**
 * Opens the export of traces over OTLP/HTTP, as the `OTEL_…` variables of the process say. The provider
 * belongs to the caller: nothing is registered for the whole process.
 *
 * @returns null if a package is missing or the variables choose something else; the log says so.
 */
export async function openTracing({
  log,
  proxies,
  env = process.env,
}: TracingOptions): Promise<Tracing | null> {
  if (!isSupported(env, log)) return null;
  const packages = await loadPackages(log);
  if (packages === null) return null;
  const [api, { OTLPTraceExporter }, resources, sdk] = packages;
  const endpoint = findEndpoint(env);
  const exporter = new OTLPTraceExporter(openAgent(endpoint, proxies));
  let hasFailed = false;
  const ids = new RunIds();
  const provider = new sdk.NodeTracerProvider({
    idGenerator: ids,
    resource: resources
      .defaultResource()
      .merge(
        resources.resourceFromAttributes({
          'service.name': 'cognito-mirror',
          'service.version': VERSION,
          'host.name': hostname(),
          'process.pid': process.pid,
        }),
      )
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        export: (spans, report) =>
          exporter.export(spans, (result) => {
            if (result.error !== undefined && !hasFailed) {
              hasFailed = true;
              const reason = nameFailure(result.error);
              log.warn({ endpoint: endpoint?.origin, reason }, 'traces could not be exported');
            }
            // Reported here, and not by a handler for the whole process.
            report({ code: 0 });
          }),
        forceFlush: () => exporter.forceFlush(),
        shutdown: () => exporter.shutdown(),
      }),
    ],
  });
  const tracer = provider.getTracer('cognito-mirror', VERSION);
  const startSpan: StartSpan = (name, options, parent) => tracer.startSpan(name, options, parent);
  const open = (poolId: string, run: Ids, parent: Api.Context) => {
    const startRoot = (startTime: number) =>
      ids.use(run, () => startSpan('snapshot', { startTime }, parent));
    // Shows what the sampler decides. It is never ended, and so not exported.
    const probe = startRoot(Date.now());
    const context = api.trace.setSpanContext(parent, probe.spanContext());
    return new ExportedRunTrace({ api, poolId, context, startSpan, startRoot });
  };
  return {
    begin: (poolId) => open(poolId, toIds(randomBytes(24)), api.context.active()),
    join: (poolId, key) =>
      open(
        poolId,
        toIds(createHash('sha256').update(`${poolId}/${key}`).digest()),
        api.ROOT_CONTEXT,
      ),
    async close() {
      await bounded(() => provider.shutdown(), FLUSH_MS)().catch(() => {});
    },
  };
}

/** The ids of the span over a run. */
interface Ids {
  readonly traceId: string;
  readonly spanId: string;
}

function toIds(bytes: Buffer): Ids {
  const text = bytes.toString('hex');
  return { traceId: text.slice(0, 32), spanId: text.slice(32, 48) };
}

/** Draws ids, except for the spans over runs, which any process can name before they are exported. */
class RunIds {
  #next: Ids | null = null;

  use<T>(ids: Ids, start: () => T): T {
    this.#next = ids;
    try {
      return start();
    } finally {
      this.#next = null;
    }
  }

  generateTraceId(): string {
    return this.#next?.traceId ?? randomBytes(16).toString('hex');
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? randomBytes(8).toString('hex');
  }
}

/** Only OTLP over HTTP is supported, in JSON, which every collector accepts at the same path. */
function isSupported(env: Variables, log: Logger): boolean {
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim() || 'otlp';
  const protocol =
    env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']?.trim() || env['OTEL_EXPORTER_OTLP_PROTOCOL']?.trim();
  if (exporter !== 'otlp') {
    log.warn({ exporter }, 'traces are off: OTEL_TRACES_EXPORTER must be otlp or none');
    return false;
  }
  if (protocol === 'grpc') {
    log.warn(
      { protocol },
      'traces are off: OTEL_EXPORTER_OTLP_PROTOCOL must be http/json; the port of OTLP over HTTP is mostly 4318',
    );
    return false;
  }
  return true;
}

async function loadPackages(log: Logger) {
  try {
    return await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
    ]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    log.warn(
      { install: `npm install ${TRACING_PACKAGES.join(' ')}` },
      'traces are off: a package of OpenTelemetry is not installed',
    );
    return null;
  }
}

/** Where spans are sent, by the rules of the exporter; null if its variable is not a URL. */
function findEndpoint(env: Variables): URL | null {
  const url =
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() ||
    env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim() ||
    'http://localhost:4318';
  return URL.canParse(url) ? new URL(url) : null;
}

/** The exporter's setting for a proxy. */
function openAgent(endpoint: URL | null, proxies: ProxyVariables) {
  if (endpoint === null) return {};
  const { protocol, hostname, port } = endpoint;
  const target = { protocol, hostname, ...(port && { port: Number(port) }) };
  const proxy = findProxy(target, proxies);
  if (proxy === null) return {};
  const { httpAgent, httpsAgent } = openProxyAgents(proxy, { keepAlive: true });
  return { httpAgentOptions: () => (protocol === 'https:' ? httpsAgent : httpAgent) };
}

/** Without its text, which can quote the URL with its password. */
function nameFailure(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === 'string' || typeof error.code === 'number'
    ? String(error.code)
    : error.name;
}
