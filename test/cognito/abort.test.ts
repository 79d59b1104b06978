import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RETRY_POLICY } from '../../src/cognito/retry.ts';
import { InterruptedError } from '../../src/model/errors.ts';
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

/** Aborts what runs after a moment; it must end with the reason, and far sooner than by itself. */
async function expectEndsAtOnce(run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  const reason = new InterruptedError();
  const ended = rejection(run(abort.signal));
  await sleep(200);
  const start = performance.now();
  abort.abort(reason);
  expect(await ended).toBe(reason);
  expect(performance.now() - start).toBeLessThan(1_500);
}

describe('an abort ends at once', () => {
  test('a request that nobody answers', async () => {
    stage = 'silent';
    const { cognito } = open();
    await expectEndsAtOnce((signal) => cognito.describePool(POOL, signal));
  });

  test('an answer that stopped half way', async () => {
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

  test('the wait for a turn, of many walks at once', async () => {
    stage = 'answering';
    const { cognito } = open({ userListRps: 0.05 });
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

  test('a call that has not begun, without a request', async () => {
    stage = 'answering';
    const { cognito } = open();
    const reason = new InterruptedError();
    const ended = rejection(cognito.describePool(POOL, AbortSignal.abort(reason)));
    expect(await ended).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});

test('a stream that is left early asks for no further page', async () => {
  stage = 'answering';
  const { cognito } = open();
  for await (const first of cognito.userPages(POOL, '', START, never())) {
    expect(first.nextToken).not.toBeNull();
    break;
  }
  await sleep(100);
  expect(server.requests).toHaveLength(1);
});

test('nothing that would keep a process alive is left after an abort and a close', async () => {
  for (const each of ['silent', 'half', 'failing', 'throttling'] as const) {
    stage = each;
    const { cognito } = open({ userListRps: 2 });
    const abort = new AbortController();
    const calls = Array.from({ length: 5 }, () => [
      collect(cognito.userPages(POOL, '', START, abort.signal)),
      collect(cognito.groupPages(POOL, START, abort.signal)),
    ]).flat();
    const ended = Promise.allSettled(calls);
    await sleep(300);
    abort.abort(new InterruptedError());
    await ended;
    await service.close();
  }
  await sleep(100);
  const alive = process.getActiveResourcesInfo();
  expect(alive.filter((kind) => kind === 'Timeout' || kind === 'TCPSocketWrap')).toEqual([]);
});
