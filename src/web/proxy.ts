import { BlockList, isIP } from 'node:net';
import { ActionRequiredError } from '../model/errors.ts';

/** Where a request goes. */
export interface Target {
  readonly protocol: string;
  readonly hostname: string;
  /** Default: the protocol's own. */
  readonly port?: number | undefined;
}

/** The variables that name proxies, in upper or lower case: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/**
 * Finds the proxy for a target by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY; the lower case of
 * each name goes first. Null for a direct connection: no variable is set, NO_PROXY contains the
 * target, or it is on this machine or link (as credentials endpoints are).
 *
 * @throws ActionRequiredError if a variable is not an http or https URL.
 */
export function findProxy(target: Target, env: ProxyVariables): URL | null {
  const scheme = target.protocol === 'https:' ? 'HTTPS' : 'HTTP';
  const found = read(env, `${scheme}_PROXY`) ?? read(env, 'ALL_PROXY');
  if (found === null || isLocal(target.hostname) || isExempt(target, env)) return null;
  const text = found.value.includes('://') ? found.value : `http://${found.value}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new ActionRequiredError([
    {
      subject: found.name,
      problem: 'must be the URL of an HTTP proxy.',
      remedy: 'Set it to a URL such as http://proxy:3128, or unset it.',
    },
  ]);
}

/** True if a variable sets a proxy for any target. */
export function hasProxy(env: ProxyVariables): boolean {
  return ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].some((name) => read(env, name) !== null);
}

function read(env: ProxyVariables, upper: string): { name: string; value: string } | null {
  for (const name of [upper.toLowerCase(), upper]) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return null;
}

/** Loopback, and the link-local addresses of credentials endpoints. */
const LOCAL = new BlockList();
LOCAL.addSubnet('127.0.0.0', 8);
LOCAL.addSubnet('169.254.0.0', 16);
LOCAL.addAddress('::1', 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');
LOCAL.addSubnet('fd00:ec2::', 32, 'ipv6');

function isLocal(hostname: string): boolean {
  const host = stripBrackets(hostname);
  return /(^|\.)localhost$/i.test(host) || isIn(LOCAL, host);
}

/**
 * NO_PROXY is a list of names, addresses and networks. `*` matches every target, `example.com` and
 * `.example.com` match the name and its subdomains, `10.0.0.0/8` is a network. Each may have a port.
 */
function isExempt(
  { protocol, hostname, port = protocol === 'https:' ? 443 : 80 }: Target,
  env: ProxyVariables,
): boolean {
  const host = stripBrackets(hostname).toLowerCase();
  const entries = (read(env, 'NO_PROXY')?.value ?? '').toLowerCase().split(/[\s,]+/);
  return entries.filter(Boolean).some((entry) => {
    if (entry === '*') return true;
    const [, named = entry, portText] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
    if (portText !== undefined && Number(portText) !== port) return false;
    const name = stripBrackets(named);
    if (name.includes('/')) return isInNetwork(name, host);
    const domain = name.replace(/^\*?\./, '');
    return host === domain || host.endsWith(`.${domain}`);
  });
}

function isInNetwork(network: string, host: string): boolean {
  const [, address = '', bits] = /^(.*)\/(\d{1,3})$/.exec(network) ?? [];
  const family = isIP(address);
  const prefix = Number(bits);
  if (family === 0 || prefix > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  return isIn(list, host);
}

function isIn(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** Removes the brackets of an IPv6 address. */
function stripBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/**
 * A proxy did not forward a request: it could not be reached, refused it, or the connection through
 * it failed. The message names the proxy without its password.
 */
export class ProxyError extends Error {
  /** The system's code of the failure, such as ECONNREFUSED, or `PROXY_STATUS`. */
  readonly code: string;
  /** `http://proxy:3128`, without user and password. */
  readonly proxy: string;
  /** The proxy's own answer; null if it did not answer. */
  readonly status: number | null;

  constructor(proxy: URL, reason: { code: string } | { status: number }) {
    const status = 'status' in reason ? reason.status : null;
    const code = 'code' in reason ? reason.code : 'PROXY_STATUS';
    super(`The proxy ${proxy.protocol}//${proxy.host} failed (${status ?? code}).`);
    this.name = 'ProxyError';
    this.code = code;
    this.proxy = `${proxy.protocol}//${proxy.host}`;
    this.status = status;
  }

  /** True if the proxy requires other credentials: another attempt cannot help. */
  get needsCredentials(): boolean {
    return this.status === 407;
  }

  /** The reason, for a message. */
  get detail(): string {
    return this.status === null ? this.code : `HTTP ${this.status}`;
  }
}
