import { expect, test } from 'vitest';
import { compareClocks } from '../../src/doctor/clocks.ts';
import type { DoctorContext } from '../../src/doctor/context.ts';
import { hideSecrets } from '../../src/doctor/hide-secrets.ts';
import { checkNode } from '../../src/doctor/node.ts';
import { checkPackages } from '../../src/doctor/packages.ts';
import { quotaCheck } from '../../src/doctor/quota.ts';
import { openSurroundings } from '../../src/doctor/surroundings.ts';
import { TRACING_PACKAGES } from '../../src/telemetry/open-tracing.ts';

test.each([
  ['20.20.2', '2026-04-30', 'ok'],
  ['20.20.2', '2026-05-01', 'warning'],
  ['22.22.0', '2026-11-29', 'ok'],
  ['24.14.0', '2028-05-01', 'warning'],
  ['26.1.0', '2028-05-01', 'ok'],
  ['25.2.0', '2026-01-01', 'warning'],
])('Node %s on %s is %s', (version, day, state) => {
  expect(checkNode(version, new Date(`${day}T12:00Z`)).state).toBe(state);
});

const AWS = { precisionMs: 1_000, isRefused: true };

test.each([
  [0, 'ok'],
  [9_000, 'ok'],
  [12_000, 'warning'],
  [-12_000, 'warning'],
  [301_000, 'failed'],
  [-302_000, 'failed'],
])('a clock that is off by %d ms is %s', (offMs, state) => {
  const at = 1_800_000_000_000;
  const reading = { before: at + offMs, server: at, after: at + offMs };
  expect(compareClocks('AWS', reading, AWS).state).toBe(state);
});

test('a slow answer does not make a clock wrong', () => {
  const reading = { before: 0, server: 1_000, after: 60_000 };
  expect(compareClocks('Postgres', reading, AWS).state).toBe('ok');
});

test('secrets are hidden wherever they stand, and words that look like one stay', () => {
  const context = {
    config: {
      hashKey: null,
      http: { token: null },
      databaseUrl: 'postgres://me:p%40ss-word@host/db',
      redisUrl: null,
      file: { pools: new Map(), accounts: new Map() },
    },
    access: {},
    env: { OTHER_URL: 'https://user:in-a-url@host' },
  } as unknown as DoctorContext;
  const hide = hideSecrets(context);
  expect(hide('p@ss-word, p%40ss-word and in-a-url; host stays')).toBe(
    '***, *** and ***; host stays',
  );
});

test.each([
  [30, undefined, 'ok', /uses 24 of the 30 requests/],
  [20, 30, 'ok', /uses 16 of the 30 requests/],
  [60, undefined, 'warning', /^MIRROR_USER_LIST_RPS is 60, and AWS allows 30/],
  [30, 40, 'warning', /^userListRps of account 111122223333 in us-east-1 is 40/],
])('a quota of %d, and of %s for an account, is %s', async (rps, ofAccount, state, detail) => {
  const regions = new Map([['us-east-1', { userListRps: ofAccount }]]);
  const config = {
    allowance: { share: 0.8, userListRps: rps },
    file: { pools: new Map(), accounts: new Map([['111122223333', regions]]) },
  };
  const examine = (access: object) => {
    const context = { config, access, unusable: new Set() } as unknown as DoctorContext;
    return quotaCheck.examine(openSurroundings(context), new AbortController().signal, '');
  };
  const detailed = expect.stringMatching(detail);
  expect(await examine({})).toEqual([expect.objectContaining({ state, detail: detailed })]);
  expect(await examine({ endpoints: { cognito: 'http://127.0.0.1:1' } })).toEqual([]);
});

test('packages of OpenTelemetry that are missing are named where traces are asked for', () => {
  const config = { databaseUrl: 'postgres://host/db', archiveFormats: [] };
  const about = (traces: boolean) =>
    openSurroundings({ config, traces, unusable: new Set() } as unknown as DoctorContext);
  const lacksSdk = (name: string) => !name.includes('sdk');
  expect(checkPackages(about(true), lacksSdk)).toEqual([
    {
      state: 'warning',
      detail: 'Traces are asked for, and are off: @opentelemetry/sdk-trace-node is not installed.',
      remedy: `Run \`npm install ${TRACING_PACKAGES.join(' ')}\`.`,
    },
  ]);
  const [installed] = checkPackages(about(true));
  expect(installed?.state).toBe('ok');
  expect(installed?.detail).toContain('@opentelemetry/api, ');
  const none = { state: 'ok', detail: 'This configuration needs none.', remedy: null };
  expect(checkPackages(about(false), lacksSdk)).toEqual([none]);
});
