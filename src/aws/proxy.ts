import { BlockList, isIP } from 'node:net';
import { ActionRequiredError } from '../model/errors.ts';

/** Where a request goes. */
export interface Target {
  readonly protocol: string;
  readonly hostname: string;
  /** Absent: the protocol's own. */
  readonly port?: number | undefined;
}

/**
 * The proxy for a target, by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY; the lower case of each
 * name comes first. Null where the target is reached directly: because no variable names a proxy,
 * NO_PROXY names the target, or it is on this machine or link (credentials endpoints are).
 *
 * @throws ConfigurationError where a variable holds something other than an http or https URL.
 */
export function proxyFor(target: Target, env: NodeJS.ProcessEnv = process.env): URL | null {
  const scheme = target.protocol === 'https:' ? 'HTTPS' : 'HTTP';
  const found = read(env, `${scheme}_PROXY`) ?? read(env, 'ALL_PROXY');
  if (found === null || isLocal(target.hostname) || isExempt(target, env)) return null;
  const text = found.value.includes('://') ? found.value : `http://${found.value}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new ActionRequiredError([
    {
      subject: found.name,
      problem: 'the value is not the URL of an HTTP proxy.',
      remedy: 'Set it to a URL such as http://proxy:3128, or unset it.',
    },
  ]);
}

/** True where a variable names a proxy, for whatever target. */
export function namesProxy(env: NodeJS.ProcessEnv = process.env): boolean {
  return ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].some((name) => read(env, name) !== null);
}

function read(env: NodeJS.ProcessEnv, upper: string): { name: string; value: string } | null {
  for (const name of [upper.toLowerCase(), upper]) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return null;
}

/** Loopback, and the link-local addresses at which machines and containers find credentials. */
const LOCAL = new BlockList();
LOCAL.addSubnet('127.0.0.0', 8);
LOCAL.addSubnet('169.254.0.0', 16);
LOCAL.addAddress('::1', 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');
LOCAL.addSubnet('fd00:ec2::', 32, 'ipv6');

function isLocal(hostname: string): boolean {
  const host = bare(hostname);
  return /(^|\.)localhost$/i.test(host) || isIn(LOCAL, host);
}

/**
 * NO_PROXY is a list of names, addresses and networks: `*` is every target, `example.com` and
 * `.example.com` are the name and all below it, `10.0.0.0/8` is a network; each may have a port.
 */
function isExempt(
  { protocol, hostname, port = protocol === 'https:' ? 443 : 80 }: Target,
  env: NodeJS.ProcessEnv,
): boolean {
  const host = bare(hostname).toLowerCase();
  const entries = (read(env, 'NO_PROXY')?.value ?? '').toLowerCase().split(/[\s,]+/);
  return entries.filter(Boolean).some((entry) => {
    if (entry === '*') return true;
    const [, named = entry, portText] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
    if (portText !== undefined && Number(portText) !== port) return false;
    const name = bare(named);
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

/** Without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/**
 * A request that a proxy did not carry: the proxy could not be reached, refused the request, or the
 * connection through it failed. The message names the proxy without its password.
 */
export class ProxyError extends Error {
  /** The system's code of the failure, such as ECONNREFUSED, or `PROXY_STATUS`. */
  readonly code: string;
  /** `http://proxy:3128`, without user and password. */
  readonly proxy: string;
  /** What the proxy answered in place of the service; null where it gave no answer. */
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

  /** True where the proxy wants other credentials: to try again cannot help. */
  get wantsCredentials(): boolean {
    return this.status === 407;
  }

  /** Why it failed, for a message. */
  get detail(): string {
    return this.status === null ? this.code : `HTTP ${this.status}`;
  }
}
