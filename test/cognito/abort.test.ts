import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RETRY_POLICY } from '../../src/cognito/call.ts';
import { InterruptedError } from '../../src/model/errors.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import {
  collect,
  type HandMadeServer,
  never,
  openService,
  POOL,
  rejection,
  type ServiceOptions,
  serve,
  type TestService,
} from './support.ts';

const START = { token: null };
const page = { Users: [{ Username: 'a' }], PaginationToken: 'next' };
const refused = { __type: 'InternalErrorException', message: 'x' };

let stage: 'silent' | 'half' | 'failing' | 'answering' | 'throttling' = 'answering';
let server: HandMadeServer;
let service: TestService;
let serial = 0;

beforeEach(async () => {
  server = await serve((_, response) => {
    serial += 1;
    switch (stage) {
      case 'silent':
        return undefined;
      case 'half':
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"Users":[');
        return undefined;
      case 'failing':
        return { status: 500, body: refused, headers: { 'retry-after': '30' } };
      case 'throttling':
        return { status: 400, body: { __type: 'TooManyRequestsException' } };
      case 'answering':
        return { body: { ...page, PaginationToken: `next-${serial}` } };
    }
  });
});
afterEach(async () => {
  await service.close();
  await server.close();
});

function open(options: ServiceOptions = {}): TestService {
  service = openService(server.url, { retryPolicy: RETRY_POLICY, ...options });
  return service;
}

/**
 * Aborts what runs, once the server got a request and some time for its answer. It must end with the
 * reason of the abort, long before the half minute after which it would end otherwise.
 */
async function expectEndsAtOnce(run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  const reason = new InterruptedError();
  const ended = rejection(run(abort.signal));
  await expect.poll(() => server.requests.length).toBeGreaterThan(0);
  await sleep(100);
  const sinceAbort = startStopwatch();
  abort.abort(reason);
  expect(await ended).toBe(reason);
  expect(sinceAbort.elapsed()).toBeLessThan(1_500);
}

describe('an abort ends at once', () => {
  test('a request without an answer', async () => {
    stage = 'silent';
    const { cognito } = open();
    await expectEndsAtOnce((signal) => cognito.describePool(POOL, signal));
  });

  test('an answer that stopped halfway', async () => {
    stage = 'half';
    const { cognito } = open();
    await expectEndsAtOnce((signal) => collect(cognito.userPages(POOL, '', START, signal)));
  });

  test('the wait before another attempt', async () => {
    stage = 'failing';
    const { cognito } = open();
    await expectEndsAtOnce((signal) => collect(cognito.memberPages(POOL, 'g', START, signal)));
    expect(server.requests).toHaveLength(1);
  });

  test('a storm of throttling', async () => {
    stage = 'throttling';
    const { cognito } = open();
    await expectEndsAtOnce((signal) => cognito.getUser(POOL, 'a', signal));
  });

  test('the wait of many walks for a permit', async () => {
    stage = 'answering';
    const { cognito } = open({ userListRps: 0.001 });
    const pages = cognito.userPages(POOL, '', START, never())[Symbol.asyncIterator]();
    await pages.next();
    await expectEndsAtOnce(async (signal) => {
      const walks = Array.from({ length: 30 }, () =>
        collect(cognito.userPages(POOL, '', START, signal)),
      );
      const settled = await Promise.allSettled(walks);
      const reasons = new Set(
        settled.map((each) => (each.status === 'rejected' ? each.reason : null)),
      );
      expect(reasons).toEqual(new Set([signal.reason]));
      throw signal.reason;
    });
    expect(server.requests).toHaveLength(1);
  });

  test('a walk between two pages', async () => {
    stage = 'answering';
    const { cognito } = open();
    await expectEndsAtOnce((signal) => collect(cognito.userPages(POOL, '', START, signal)));
  });

  test('a call that has not started, without a request', async () => {
    stage = 'answering';
    const { cognito } = open();
    const reason = new InterruptedError();
    const ended = rejection(cognito.describePool(POOL, AbortSignal.abort(reason)));
    expect(await ended).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});

test('a stream that its caller leaves early requests no further page', async () => {
  stage = 'answering';
  const { cognito } = open();
  for await (const first of cognito.userPages(POOL, '', START, never())) {
    expect(first.nextToken).not.toBeNull();
    break;
  }
  await sleep(100);
  expect(server.requests).toHaveLength(1);
});

test('an abort and a close leave nothing that keeps the process alive', async () => {
  for (const each of ['silent', 'half', 'failing', 'throttling'] as const) {
    stage = each;
    const { cognito } = open({ userListRps: 2 });
    const abort = new AbortController();
    const calls = Array.from({ length: 5 }, () => [
      collect(cognito.userPages(POOL, '', START, abort.signal)),
      collect(cognito.groupPages(POOL, START, abort.signal)),
    ]).flat();
    const ended = Promise.allSettled(calls);
    const before = server.requests.length;
    // Not with `expect.poll`, which has timers of its own.
    while (server.requests.length === before) await sleep(10);
    await sleep(100);
    abort.abort(new InterruptedError());
    await ended;
    await service.close();
  }
  const isCounted = (kind: string) => kind === 'Timeout' || kind === 'TCPSocketWrap';
  const sinceClose = startStopwatch();
  do await sleep(100);
  while (process.getActiveResourcesInfo().some(isCounted) && sinceClose.elapsed() < 100);
  expect(process.getActiveResourcesInfo().filter(isCounted)).toEqual([]);
});
