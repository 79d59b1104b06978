import { describe, expect, test } from 'vitest';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { findProxy } from '../../src/web/proxy.ts';

const COGNITO = { protocol: 'https:', hostname: 'cognito-idp.us-east-1.amazonaws.com' };
const PROXY = 'http://proxy.example:3128';
const href = (target: Parameters<typeof findProxy>[0], env: NodeJS.ProcessEnv) =>
  findProxy(target, env)?.href ?? null;

describe('the proxy of a request', () => {
  test.each([
    ['is named in upper case', { HTTPS_PROXY: PROXY }],
    ['is named in lower case', { https_proxy: PROXY }],
    ['is named without a scheme', { HTTPS_PROXY: 'proxy.example:3128' }],
    ['is named for every scheme', { ALL_PROXY: PROXY }],
    ['is named twice: lower case wins', { https_proxy: PROXY, HTTPS_PROXY: 'http://other:1' }],
  ])('%s', (_, env) => {
    expect(href(COGNITO, env)).toBe(`${PROXY}/`);
  });

  test('is null if no variable names one for the scheme', () => {
    expect(href(COGNITO, {})).toBeNull();
    expect(href(COGNITO, { HTTP_PROXY: PROXY, HTTPS_PROXY: ' ' })).toBeNull();
    expect(href({ ...COGNITO, protocol: 'http:' }, { HTTP_PROXY: PROXY })).toBe(`${PROXY}/`);
  });

  test.each([
    ['*'],
    ['amazonaws.com'],
    ['.amazonaws.com'],
    ['*.amazonaws.com'],
    ['other.example, COGNITO-IDP.us-east-1.amazonaws.com'],
    ['other.example amazonaws.com:443'],
  ])('is none where NO_PROXY names the host: %s', (list) => {
    expect(href(COGNITO, { HTTPS_PROXY: PROXY, NO_PROXY: list })).toBeNull();
    expect(href(COGNITO, { https_proxy: PROXY, no_proxy: list })).toBeNull();
  });

  test.each([
    ['aws.com'],
    ['amazonaws.com:8443'],
    ['10.0.0.0/8'],
    ['amazonaws.com.example'],
    [','],
  ])('stays where NO_PROXY names others: %s', (list) => {
    expect(href(COGNITO, { HTTPS_PROXY: PROXY, NO_PROXY: list })).toBe(`${PROXY}/`);
  });

  test('is null for a network in NO_PROXY', () => {
    const inside = { protocol: 'http:', hostname: '10.1.2.3', port: 9000 };
    const env = { HTTP_PROXY: PROXY, NO_PROXY: '10.0.0.0/8,fd12::/16' };
    expect(href(inside, env)).toBeNull();
    expect(href({ ...inside, hostname: '[fd12::1]' }, env)).toBeNull();
    expect(href({ ...inside, hostname: '11.1.2.3' }, env)).toBe(`${PROXY}/`);
    const broken = { HTTP_PROXY: PROXY, NO_PROXY: '10.0.0.0/99 x/8 10.0.0.0/' };
    expect(href(inside, broken)).toBe(`${PROXY}/`);
  });

  test.each([
    'localhost',
    'api.localhost',
    '127.0.0.1',
    '127.8.8.8',
    '[::1]',
    '169.254.169.254',
    '169.254.170.2',
    '[fd00:ec2::254]',
    '[fe80::1]',
  ])('is none for this machine and the endpoints of credentials: %s', (hostname) => {
    expect(
      href({ protocol: 'http:', hostname }, { HTTP_PROXY: PROXY, ALL_PROXY: PROXY }),
    ).toBeNull();
  });

  test.each(['socks5://user:s3cret@proxy:1080', 's3cret://', 'http://a s3cret'])(
    'is wrong configuration if the value is not such a URL, and the value is not repeated: %s',
    (value) => {
      const find = () => findProxy(COGNITO, { https_proxy: value });
      expect(find).toThrow(ActionRequiredError);
      expect(find).toThrow(/^https_proxy: must be the URL of an HTTP proxy\. Set it to/);
      expect(find).not.toThrow('s3cret');
    },
  );
});
