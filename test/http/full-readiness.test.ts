import { expect, test } from 'vitest';
import type { Check } from '../../src/doctor/check.ts';
import { serve } from './support.ts';

const TOKEN = 'a-token-of-sixteen-or-more';

const CHECKS: readonly Check[] = [
  { id: 'node', title: 'Node', state: 'ok', detail: 'Version 24.', remedy: null },
  { id: 'schedule/us-east-1_A', title: 'A', state: 'ok', detail: 'Tonight.', remedy: null },
  { id: 'schedule/us-east-1_B', title: 'B', state: 'failed', detail: 'Never.', remedy: 'Mend it.' },
];

test('readyz?full gives ids and states to all, and details to those with a token', async () => {
  let made = 0;
  const examine = async () => {
    made += 1;
    return { checks: CHECKS };
  };
  const server = await serve({ full: { examine, tokens: [TOKEN] } });
  const ask = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    const answer = await fetch(`${server.url}/readyz?full`, { headers });
    return { status: answer.status, body: await answer.json() };
  };
  const states = [
    { id: 'node', state: 'ok' },
    { id: 'schedule', state: 'failed' },
  ];
  const hidden = { status: 503, body: { status: 'unready', checks: states } };
  try {
    expect(await ask()).toEqual(hidden);
    expect(await ask('Bearer wrong')).toEqual(hidden);
    expect((await ask(`Bearer ${TOKEN}`)).body).toEqual({ status: 'unready', checks: CHECKS });
    // Anyone may ask, so a result is reused.
    expect(made).toBe(1);
    expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({
      status: 'ready',
      checks: {},
    });
  } finally {
    await server.close();
  }
});
