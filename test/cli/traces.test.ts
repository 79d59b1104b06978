import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { TRACING_PACKAGES } from '../../src/telemetry/open-tracing.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';

let mirror: CliMirror;
beforeAll(async () => {
  mirror = await openCliMirror({ users: 20, groups: 1 });
});
afterAll(() => mirror.close());

/** Node's options that make OpenTelemetry's packages missing. */
function withoutPackages(): string {
  const hooks = `export async function resolve(specifier, context, next) {
    if (!specifier.startsWith('@opentelemetry/')) return next(specifier, context);
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  }`;
  const path = join(mirror.folder, 'without-packages.mjs');
  writeFileSync(
    path,
    `import { register } from 'node:module';
     register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hooks))});`,
  );
  return `--import=${pathToFileURL(path).href}`;
}

/** The log lines about traces. */
const aboutTraces = (stderr: string) =>
  stderr.split('\n').filter((line) => line.startsWith('{') && line.includes('traces'));

test('sync sends a trace by the standard variables, through the proxy', async () => {
  const receiver = await startOtlpReceiver();
  const proxy = await startForwardProxy(Number(new URL(receiver.url).port));
  const { code, stderr } = await mirror.sync([], {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=blue',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    HTTP_PROXY: proxy.url.replace('//', '//user:s3cret@'),
  });
  expect(code, stderr).toBe(0);
  await proxy.close();
  expect(proxy.requests[0]).toEqual({
    method: 'POST',
    target: 'http://collector.example:4318/v1/traces',
    credentials: 'user:s3cret',
  });
  expect(receiver.text).toContain('"x-tenant":"blue"');
  const root = receiver.spans.find(({ parentSpanId }) => parentSpanId === '');
  expect(root).toMatchObject({
    name: 'snapshot',
    attributes: { 'cognito_mirror.outcome': 'archived', 'cognito_mirror.users': 20 },
    resource: { 'service.name': 'cognito-mirror', 'deployment.environment.name': 'test' },
  });
  const children = receiver.spans.filter((span) => span !== root);
  expect(children.map(({ name }) => name).sort()).toEqual([
    'archive',
    'check',
    'prepare',
    'publish',
    ...Array.from({ length: 3 }, () => 'walk'),
  ]);
  for (const { traceId, parentSpanId } of children) {
    expect({ traceId, parentSpanId }).toEqual({
      traceId: root?.traceId,
      parentSpanId: root?.spanId,
    });
  }
});

test('an endpoint that is down is logged once, and fails nothing', async () => {
  const { code, stderr } = await mirror.sync([], {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:s3cret@127.0.0.1:1',
    OTEL_BSP_SCHEDULE_DELAY: '10',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    LOG_LEVEL: 'warn',
  });
  expect(code).toBe(0);
  const [line = '', ...more] = aboutTraces(stderr);
  expect(more).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({
    level: 'warn',
    msg: 'traces could not be exported',
    endpoint: 'http://127.0.0.1:1',
  });
  expect(stderr).not.toContain('s3cret');
});

test('a missing package is logged with the command that installs it, and the work goes on', async () => {
  const { code, stderr } = await mirror.sync([], {
    OTEL_TRACES_EXPORTER: 'otlp',
    NODE_OPTIONS: withoutPackages(),
  });
  expect(code).toBe(0);
  const [line = '', ...more] = aboutTraces(stderr);
  expect(more).toEqual([]);
  const install = `npm install ${TRACING_PACKAGES.join(' ')}`;
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', install });
  const peers = Object.entries(packageJson.peerDependencies);
  expect(TRACING_PACKAGES).toEqual(peers.map(([name, range]) => `${name}@${range}`));
  expect(Object.keys(packageJson.peerDependenciesMeta)).toEqual(peers.map(([name]) => name));
});

test.each([
  ['no variable is set', {}],
  ['OTEL_SDK_DISABLED', { OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }],
])('nothing of OpenTelemetry is loaded: %s', async (_, variables) => {
  // Loading any would be logged, as the test above shows.
  const { code, stderr } = await mirror.sync([], {
    ...variables,
    NODE_OPTIONS: withoutPackages(),
    LOG_LEVEL: 'warn',
  });
  expect(code).toBe(0);
  expect(aboutTraces(stderr)).toEqual([]);
});
