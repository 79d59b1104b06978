import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Post, post } from '../../src/web/post.ts';
import { isPublicAddress, resolvePublic } from '../../src/web/public-address.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

const send = (url: string, change: Partial<Post> = {}) =>
  post({ url: new URL(url), body: '{}', allowPrivate: false, timeoutMs: 60_000, ...change });

describe('addresses', () => {
  test.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '127.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.100.100.200',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:7f00:1::',
    '2001:0:1::',
    'fd00:ec2::254',
    'fe80::1',
    'ff02::1',
    'localhost',
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', '2130706433', 'localhost'])(
    'a URL with %s is refused before anything is sent',
    async (host) => {
      const { port } = new URL(receiver.url);
      expect(await send(`http://${host}:${port}/hook`)).toEqual({ failure: 'PRIVATE_ADDRESS' });
      expect(receiver.requests).toEqual([]);
    },
  );

  test('the name is resolved once, by the connection itself, in both forms of Node', async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) =>
        resolvePublic('localhost', { all }, (found) => resolve(found)),
      );
      expect(error).toMatchObject({ code: 'PRIVATE_ADDRESS' });
    }
  });
});

test('where private addresses are allowed, the request arrives', async () => {
  const { port } = new URL(receiver.url);
  for (const host of ['127.0.0.1', 'localhost']) {
    const url = `http://${host}:${port}/hook`;
    expect(await send(url, { allowPrivate: true, headers: { 'x-a': 'b' } })).toEqual({
      status: 200,
    });
  }
  expect(receiver.requests).toMatchObject([
    { method: 'POST', headers: { 'x-a': 'b' }, body: '{}' },
    { method: 'POST', body: '{}' },
  ]);
});

test('the proxy of the environment is used, but for NO_PROXY', async () => {
  const proxy = await startForwardProxy(Number(new URL(receiver.url).port));
  const proxies = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: 'direct.test' };
  try {
    expect(await send('http://hooks.test/hook', { proxies })).toEqual({ status: 200 });
    expect(proxy.requests.map(({ target }) => target)).toEqual(['http://hooks.test/hook']);
    expect(await send('http://10.0.0.1/hook', { proxies })).toEqual({ failure: 'PRIVATE_ADDRESS' });
    proxy.refuse = 403;
    expect(await send('https://hooks.test/hook', { proxies })).toEqual({
      failure: 'PROXY HTTP 403',
    });
    expect(await send('http://direct.test/hook', { proxies })).not.toEqual({ status: 200 });
    expect(proxy.requests).toHaveLength(2);
  } finally {
    await proxy.close();
  }
});

test('silence ends after the timeout, and a stop ends it at once', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  expect(await send(url, { allowPrivate: true, timeoutMs: 50 })).toEqual({ failure: 'TIMEOUT' });
  const signal = AbortSignal.abort();
  expect(await send(url, { allowPrivate: true, signal })).toEqual({ failure: 'ABORTED' });
  silent.closeAllConnections();
  silent.close();
});
