import { expect, onTestFinished, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { openSigner } from '../../src/signature/open-signer.ts';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.ts';
import { startKms } from '../support/kms-server.ts';
import { startS3Server } from '../support/s3-server.ts';

const NEVER = new AbortController().signal;
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

/** A proxy, asked for a password, that leads every host to this server. */
async function proxyTo(url: string): Promise<ForwardProxy & { withPassword: string }> {
  const proxy = await startForwardProxy(Number(new URL(url).port));
  onTestFinished(() => proxy.close());
  return Object.assign(proxy, { withPassword: proxy.url.replace('//', '//user:s3cret@') });
}

test('requests of S3 go through the proxy, except to this machine', async () => {
  const server = await startS3Server({});
  onTestFinished(() => server.close());
  const proxy = await proxyTo(server.url);
  const open = (host: string) =>
    openDestination('s3://archive/of/pools/', {
      access: {
        credentials: CREDENTIALS,
        region: 'us-east-1',
        endpoints: { s3: `${host}:${new URL(server.url).port}` },
        proxies: { http_proxy: proxy.withPassword },
      },
    });
  const list = async (host: string) => {
    for await (const { key } of (await open(host)).list('', NEVER)) expect(key).toBe('');
  };
  await list('http://s3.example');
  expect(proxy.requests[0]).toMatchObject({
    method: 'GET',
    target: expect.stringMatching(/^http:\/\/s3\.example:\d+\/archive\/\?list-type=2/),
    credentials: 'user:s3cret',
  });
  const before = proxy.requests.length;
  await list('http://127.0.0.1');
  expect(proxy.requests).toHaveLength(before);
});

test('requests of KMS go through the proxy', async () => {
  const kms = await startKms();
  onTestFinished(() => kms.close());
  const proxy = await proxyTo(kms.url);
  const signer = await openSigner(
    `kms:${kms.addKey('ECC_NIST_P256')}`,
    {
      credentials: CREDENTIALS,
      endpoints: { kms: 'http://kms.example' },
      proxies: { HTTP_PROXY: proxy.withPassword },
    },
    NEVER,
  );
  await signer.sign(Buffer.from('x'), NEVER);
  expect(proxy.requests.length).toBeGreaterThan(0);
  for (const request of proxy.requests) {
    expect(request).toEqual({
      method: 'POST',
      target: 'http://kms.example/',
      credentials: 'user:s3cret',
    });
  }
});
