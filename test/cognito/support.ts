import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RetryPolicy } from '../../src/cognito/call.ts';
import { type Cognito, openCognito } from '../../src/cognito/client.ts';
import type { Role } from '../../src/config/pool-settings.ts';
import type { Buckets } from '../../src/quota/buckets.ts';
import { CallMeter } from '../../src/telemetry/calls.ts';
import { openTestBuckets, type Release } from '../support/buckets.ts';

export const POOL = 'us-east-1_Simulated';

/** Retries as many as the real policy's, without its waits. */
export const QUICK: RetryPolicy = {
  attemptMs: 10_000,
  faults: 8,
  faultBaseMs: 1,
  faultCapMs: 5,
  throttledForMs: 10_000,
  throttledBaseMs: 1,
  throttledCapMs: 5,
};

/** Rates so high that writes have no pace; groups keep theirs in each pool. */
const WITHOUT_PACE = {
  UserCreation: 1e6,
  UserAccountRecovery: 1e6,
  UserUpdate: 1e6,
  UserResourceUpdate: 1e6,
  UserPoolResourceUpdate: 1e6,
};

export interface TestService {
  readonly cognito: Cognito;
  readonly buckets: Buckets;
  readonly meter: CallMeter;
  readonly releases: readonly Release[];
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly region?: string;
  readonly share?: number;
  /** No quota where absent. */
  readonly userListRps?: number;
  readonly retryPolicy?: RetryPolicy;
  readonly role?: Role | null;
  /** Opens the buckets of writes, without a pace. */
  readonly writes?: boolean;
  /** Opens them with this share of the service's quotas. */
  readonly writeShare?: number;
}

/** The client for a server at `url`, found as users name it: by the SDK's own variables. */
export function openService(url: string, options: ServiceOptions = {}): TestService {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const { region = 'us-east-1', share = 1, userListRps = 1e6, retryPolicy = QUICK } = options;
  const { role = null, writes = false, writeShare } = options;
  const writeQuotas = writeShare === undefined ? { writeQuotas: WITHOUT_PACE } : {};
  const allowance = { share, userListRps, ...writeQuotas };
  const buckets = openTestBuckets(allowance, writeShare ?? (writes ? 1 : undefined));
  const meter = new CallMeter();
  const cognito = openCognito({
    region,
    access: { role, proxies: process.env },
    buckets,
    meter,
    retryPolicy,
  });
  return {
    cognito,
    buckets,
    meter,
    releases: buckets.releases,
    async close() {
      cognito.close();
      await buckets.close();
    },
  };
}

/** What a hand-made server answers. */
export interface HandMade {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface HandMadeServer {
  readonly url: string;
  /** Requests received so far. */
  readonly requests: { operation: string; input: Record<string, unknown> }[];
  close(): Promise<void>;
}

/** A server for what the simulator cannot be made to do. A handler may answer by itself. */
export async function serve(
  handler: (
    call: { operation: string; input: Record<string, unknown>; number: number },
    response: ServerResponse,
  ) => HandMade | undefined,
): Promise<HandMadeServer> {
  const requests: HandMadeServer['requests'] = [];
  const server = createServer(async (request, response) => {
    const input = JSON.parse(await bodyOf(request)) as Record<string, unknown>;
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    requests.push({ operation, input });
    const answer = handler({ operation, input, number: requests.length }, response);
    if (!answer) return;
    const { status = 200, body = {}, headers = {} } = answer;
    response.writeHead(status, { 'x-amzn-requestid': 'request-1', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** A signal that never fires. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

/** Everything that a stream gives. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

/** The items of all pages. */
export async function itemsOf<T>(pages: AsyncIterable<{ items: T[] }>): Promise<T[]> {
  return (await collect(pages)).flatMap((page) => page.items);
}

/** What the promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('It did not reject.');
    },
    (error: Error) => error,
  );
}
