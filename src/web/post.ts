import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { findProxy, ProxyError, type ProxyVariables } from './proxy.ts';
import { openProxyAgents, toProxyError } from './proxy-agents.ts';
import { isPublicAddress, PrivateAddressError, resolvePublic } from './public-address.ts';

/** A request to a server that a person configured. */
export interface Post {
  /** May hold a secret: no error repeats it. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** False: the request fails if the host has a private address. */
  readonly allowPrivate: boolean;
  /** For the whole request. */
  readonly timeoutMs: number;
  readonly proxies?: ProxyVariables | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a server answered, or why it did not. */
export type PostResult =
  | { readonly status: number }
  /** A code such as `ECONNREFUSED`, `TIMEOUT`, `ABORTED` or `PRIVATE_ADDRESS`, without a name or address. */
  | { readonly failure: string };

/**
 * Sends a POST request, through the proxy of the environment if there is one for the host. Redirects are
 * answers: they are not followed. The body of the answer is not read. Never throws.
 *
 * A proxy connects by itself: with one, only an address in the URL is checked, and not what a name leads to.
 */
export async function post(request: Post): Promise<PostResult> {
  const { timeoutMs, signal } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  try {
    return { status: await send(request, stop) };
  } catch (error) {
    if (signal?.aborted) return { failure: 'ABORTED' };
    return { failure: timeout.aborted ? 'TIMEOUT' : codeOf(error) };
  }
}

/** Why a request had no success, or null. A redirect is none: it may lead anywhere. */
export function findProblem(result: PostResult): string | null {
  if ('failure' in result) return result.failure;
  return result.status >= 200 && result.status < 300 ? null : `HTTP ${result.status}`;
}

async function send(
  { url, headers, body, allowPrivate, proxies = {} }: Post,
  signal: AbortSignal,
): Promise<number> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) throw new PrivateAddressError();
  const proxy = findProxy({ ...pickTarget(url), hostname: host }, proxies);
  const isTls = url.protocol === 'https:';
  const agents =
    proxy === null
      ? { httpAgent: new HttpAgent(), httpsAgent: new HttpsAgent() }
      : openProxyAgents(proxy, {});
  const agent = isTls ? agents.httpsAgent : agents.httpAgent;
  try {
    return await new Promise<number>((resolve, reject) => {
      const onAnswer = (answer: IncomingMessage) => {
        resolve(answer.statusCode ?? 0);
        answer.destroy();
      };
      const options = {
        method: 'POST',
        headers: { 'content-length': String(Buffer.byteLength(body)), ...headers },
        agent,
        signal,
        ...(!allowPrivate && proxy === null && { lookup: resolvePublic }),
      };
      const sent = isTls
        ? requestHttps(url, options, onAnswer)
        : requestHttp(url, options, onAnswer);
      sent.on('error', reject);
      sent.end(body);
    });
  } catch (error) {
    throw proxy === null ? error : toProxyError(error, proxy);
  } finally {
    agent.destroy();
  }
}

function pickTarget({ protocol, port }: URL) {
  return { protocol, ...(port !== '' && { port: Number(port) }) };
}

/** The code of an error, which holds nothing of the URL. */
function codeOf(error: unknown): string {
  if (error instanceof ProxyError) return `PROXY ${error.detail}`;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
