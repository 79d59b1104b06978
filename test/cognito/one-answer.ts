import { afterEach, beforeEach } from 'vitest';
import {
  collect,
  type HandMade,
  type HandMadeServer,
  never,
  openService,
  POOL,
  QUICK,
  serve,
  type TestService,
} from './support.ts';

/** What errors of the service quote, and ours must not repeat. */
export const SECRETS = ['token-of-a-page', 'jane@example.com', 'The Group'];

/** An error of the service, whose message quotes what must not be repeated. */
export function refusal(type: string, status = 400): HandMade {
  return { status, body: { __type: type, message: `No: ${SECRETS.join(' ')}` } };
}

/** A service that gives every request of a test the same answer, or drops it. */
export interface OneAnswer {
  answer: HandMade | 'drop';
  server: HandMadeServer;
  service: TestService;
}

/** Starts a service of one answer for each test of the file, and closes it after. */
export function oneAnswerForEach(): OneAnswer {
  const given = {} as OneAnswer;
  beforeEach(async () => {
    given.server = await serve((_, response) => {
      if (given.answer !== 'drop') return given.answer;
      response.destroy();
      return undefined;
    });
    given.service = openService(given.server.url, {
      retryPolicy: { ...QUICK, throttledForMs: 300 },
    });
  });
  afterEach(async () => {
    await given.service.close();
    await given.server.close();
  });
  return given;
}

/** Every kind of call, of the service that is open when it is made. */
export function callsOf(given: OneAnswer) {
  const cognito = () => given.service.cognito;
  return {
    serial: () => collect(cognito().userPages(POOL, '', { token: null }, never())),
    shard: () => collect(cognito().userPages(POOL, 'a4', { token: null }, never())),
    resumed: () => collect(cognito().userPages(POOL, 'a4', { token: 'token-of-a-page' }, never())),
    members: () => collect(cognito().memberPages(POOL, 'The Group', { token: null }, never())),
    groups: () => collect(cognito().groupPages(POOL, { token: null }, never())),
    person: () => cognito().getUser(POOL, 'jane@example.com', never()),
    pool: () => cognito().describePool(POOL, never()),
    pools: () => collect(cognito().listPools(never())),
  };
}
