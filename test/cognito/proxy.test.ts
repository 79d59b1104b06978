import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { RefusedRequestError, ServiceUnavailableError } from '../../src/cognito/errors.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { createAuthority } from '../support/certificates.ts';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.ts';
import { startSts } from '../support/sts-server.ts';
import { never, openService, POOL, QUICK, rejection } from './support.ts';

const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'AWS_ENDPOINT_URL_STS'];
const ROLE = { arn: 'arn:aws:iam::123456789012:role/mirror', externalId: null };

let before: (string | undefined)[];
beforeEach(() => {
  before = VARIABLES.map((name) => process.env[name]);
});
afterEach(() => {
  VARIABLES.forEach((name, index) => {
    if (before[index] === undefined) delete process.env[name];
    else process.env[name] = before[index];
  });
});

/** A simulator that is reached by a name that only the proxy knows. */
async function behindProxy(): Promise<{ proxy: ForwardProxy; url: string }> {
  const simulator = await startSimulator({ rps: 0, users: 10, groups: 1 });
  const proxy = await startForwardProxy(Number(new URL(simulator.url).port));
  onTestFinished(async () => {
    await proxy.close();
    await simulator.close();
  });
  return { proxy, url: 'http://cognito.example:8080' };
}

function withPassword({ url }: ForwardProxy): string {
  return url.replace('//', '//user:s3cret@');
}

function open(url: string, options: Parameters<typeof openService>[1] = {}) {
  const service = openService(url, options);
  onTestFinished(() => service.close());
  return service.cognito;
}

describe('behind a proxy', () => {
  test('calls go through it, with its user and password', async () => {
    const { proxy, url } = await behindProxy();
    process.env['HTTP_PROXY'] = withPassword(proxy);
    const cognito = open(url);
    expect(await cognito.describePool(POOL, never())).toMatchObject({ poolId: POOL });
    await cognito.describePool(POOL, never());
    const request = { method: 'POST', target: `${url}/`, credentials: 'user:s3cret' };
    expect(proxy.requests).toEqual([request, request]);
  });

  test('calls of a host that NO_PROXY names do not', async () => {
    const { proxy, url } = await behindProxy();
    process.env['HTTP_PROXY'] = proxy.url;
    process.env['NO_PROXY'] = 'example';
    const policy = { ...QUICK, faults: 0 };
    const error = await rejection(open(url, { retryPolicy: policy }).describePool(POOL, never()));
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(proxy.requests).toEqual([]);
  });

  test('roles are assumed through it', async () => {
    const url = 'http://cognito.example:8080';
    const sts = await startSts({ roles: [{ arn: ROLE.arn }] });
    const toSts = await startForwardProxy(Number(new URL(sts.url).port));
    onTestFinished(async () => {
      await toSts.close();
      await sts.close();
    });
    process.env['HTTP_PROXY'] = toSts.url;
    process.env['AWS_ENDPOINT_URL_STS'] = 'http://sts.example';
    const cognito = open(url, { role: ROLE, retryPolicy: { ...QUICK, faults: 0 } });
    await rejection(cognito.describePool(POOL, never()));
    expect(sts.requests[0]).toMatchObject({ action: 'AssumeRole', roleArn: ROLE.arn });
    // One proxy is there for both hosts; the pool's own call comes after.
    expect(toSts.requests.map(({ target }) => target)).toEqual(['http://sts.example/', `${url}/`]);
  });

  test('https goes through a tunnel, and the certificate is checked at its end', async () => {
    const certificate = createAuthority('an unknown authority').issue({ hosts: ['c.example'] });
    const service = createServer(certificate);
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const proxy = await startForwardProxy((service.address() as AddressInfo).port);
    onTestFinished(async () => {
      await proxy.close();
      service.close();
    });
    process.env['HTTPS_PROXY'] = withPassword(proxy);
    const error = await rejection(open('https://c.example').describePool(POOL, never()));
    expect(proxy.requests).toEqual([
      { method: 'CONNECT', target: 'c.example:443', credentials: 'user:s3cret' },
    ]);
    expect(error).toBeInstanceOf(RefusedRequestError);
    expect(error.message).toMatch(/certificate.*NODE_EXTRA_CA_CERTS/);

    process.env['AWS_ENDPOINT_URL_STS'] = 'https://c.example';
    const cognito = open('https://c.example', { role: ROLE });
    const ofRole = await rejection(cognito.describePool(POOL, never()));
    expect(ofRole.message).toMatch(
      /role\/mirror: STS: the server's certificate is not signed by a trusted CA/,
    );
  });
});

describe('a proxy that fails', () => {
  test.each(['http://c.example', 'https://c.example'])(
    'and rejects the credentials stops at once, without repeating them: %s',
    async (url) => {
      const { proxy } = await behindProxy();
      proxy.refuse = 407;
      Object.assign(process.env, {
        HTTP_PROXY: withPassword(proxy),
        HTTPS_PROXY: withPassword(proxy),
      });
      const error = await rejection(open(url).describePool(POOL, never()));
      expect(error).toBeInstanceOf(RefusedRequestError);
      expect(error.message).toContain(
        `the proxy ${proxy.url} rejects the credentials in its URL (HTTP 407)`,
      );
      expect(error.message).not.toContain('s3cret');
      expect(proxy.requests).toHaveLength(1);
    },
  );

  test('for a moment is called again', async () => {
    const { proxy, url } = await behindProxy();
    process.env['HTTPS_PROXY'] = proxy.url;
    proxy.refuse = 503;
    const call = rejection(open(url.replace('http:', 'https:')).describePool(POOL, never()));
    const error = await call;
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(error.message).toMatch(/the proxy http:\/\/127\.0\.0\.1:\d+ failed .*\(HTTP 503\)/);
    expect(proxy.requests).toHaveLength(QUICK.faults + 1);
  });

  test('because its variable does not name a proxy is an ActionRequiredError', async () => {
    process.env['HTTP_PROXY'] = 'socks5://user:s3cret@proxy:1080';
    const error = await rejection(open('http://c.example').describePool(POOL, never()));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toMatch(/^HTTP_PROXY: must be the URL of an HTTP proxy/);
    expect(error.message).not.toContain('s3cret');
  });

  test.each([
    ['as its variable names none', 'socks5', /^HTTP_PROXY: must be the URL of an HTTP proxy/],
    ['and rejects the credentials', 407, /^HTTPS_PROXY: the proxy .* rejects the credentials/],
  ] as const)('%s is reported as that where a role is to be assumed', async (_, fault, message) => {
    const { proxy } = await behindProxy();
    if (fault === 407) proxy.refuse = fault;
    process.env['HTTP_PROXY'] =
      fault === 'socks5' ? 'socks5://user:s3cret@proxy:1080' : withPassword(proxy);
    process.env['AWS_ENDPOINT_URL_STS'] = 'http://sts.example';
    const error = await rejection(
      open('http://c.example', { role: ROLE }).describePool(POOL, never()),
    );
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/s3cret|may not assume the role/);
  });

  test('because it does not listen is named', async () => {
    const { proxy, url } = await behindProxy();
    await proxy.close();
    process.env['HTTP_PROXY'] = withPassword(proxy);
    const error = await rejection(open(url).describePool(POOL, never()));
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(error.message).toContain(`the proxy ${proxy.url} failed`);
    expect(error.message).toMatch(/ECONNREFUSED.*NO_PROXY/);
    expect(error.message).not.toContain('s3cret');
  });
});
