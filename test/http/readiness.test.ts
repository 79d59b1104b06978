import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import type { ReadinessChecks } from '../../src/http/readiness.ts';
import type { HttpServer } from '../../src/http/server.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { serve } from './support.ts';

let server: HttpServer | undefined;

afterEach(async () => {
  await server?.close();
});

async function ready(readiness: ReadinessChecks): Promise<{ status: number; body: unknown }> {
  server = await serve({ readiness });
  const answer = await fetch(`${server.url}/readyz`);
  return { status: answer.status, body: await answer.json() };
}

test('a process is ready when every check passes', async () => {
  expect(await ready({ postgres: async () => {}, redis: async () => {} })).toEqual({
    status: 200,
    body: { status: 'ready', checks: { postgres: { ok: true }, redis: { ok: true } } },
  });
});

test('a failed check is listed with its problem among those that pass', async () => {
  const schema = new ActionRequiredError([
    { subject: 'database schema', problem: 'is behind.', remedy: 'Run `migrate`.' },
  ]);
  const { status, body } = await ready({
    postgres: async () => {},
    schema: () => Promise.reject(schema),
  });
  expect(status).toBe(503);
  expect(body).toEqual({
    status: 'unready',
    checks: {
      postgres: { ok: true },
      schema: { ok: false, problem: 'database schema: is behind. Run `migrate`.' },
    },
  });
});

test('messages of servers and drivers are omitted, as they may contain secrets', async () => {
  const unreachable = async () => {
    const client = new pg.Client('postgres://someone:s3cret@127.0.0.1:1/x');
    await client.connect();
  };
  const { body } = await ready({
    postgres: unreachable,
    redis: () => Promise.reject(new Error('redis://:s3cret@host is away')),
    odd: () => {
      throw 's3cret';
    },
  });
  expect(body).toMatchObject({
    checks: {
      postgres: { ok: false, problem: 'failed (ECONNREFUSED)' },
      redis: { ok: false, problem: 'failed' },
      odd: { ok: false, problem: 'failed' },
    },
  });
});

test('a check that hangs fails after two seconds and is not started again', async () => {
  let started = 0;
  const hangs = () => {
    started += 1;
    return new Promise<void>(() => {});
  };
  const { status, body } = await ready({ postgres: hangs, redis: async () => {} });
  expect(status).toBe(503);
  expect(body).toEqual({
    status: 'unready',
    checks: { postgres: { ok: false, problem: 'no answer within 2 s' }, redis: { ok: true } },
  });
  await fetch(`${server?.url}/readyz`);
  expect(started).toBe(1);
});
