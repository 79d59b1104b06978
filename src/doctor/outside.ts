import { isLoopback } from '../common/system.ts';
import { counted } from '../common/text.ts';
import { resolveWebhook } from '../config/pool-settings.ts';
import { countUndelivered } from '../postgres/coordination/outbox.ts';
import { reach } from '../web/reach.ts';
import { type CheckDefinition, type CheckResult, failed, ok, okWithout, warning } from './check.ts';
import type { DoctorContext } from './context.ts';

/** How long a receiver may take to accept a connection. */
const CONNECT_MS = 5_000;

const httpCheck: CheckDefinition = {
  id: 'http',
  title: 'HTTP of workers',
  examines: 'where a worker answers, and which tokens its dashboard has there',
  isQuick: true,
  remedy: 'Set MIRROR_HTTP_TOKEN and MIRROR_HTTP_VIEW_TOKEN.',
  examine: async ({ config, context: { env }, isUsable }) => {
    if (!isUsable('MIRROR_HTTP_TOKEN') || !isUsable('MIRROR_HTTP_VIEW_TOKEN')) return [];
    const { token, viewToken = null } = config.http;
    const host = env['HOST']?.trim() || config.http.host;
    const isLocal = isLoopback(host);
    const where = isLocal ? 'on this machine only' : `at ${host}, for other machines`;
    if (token === null && viewToken === null) {
      return [ok(`Health and metrics ${where}; without a token there is no dashboard.`)];
    }
    if (!isLocal) {
      return [
        warning(
          `The dashboard answers ${where}, by plain HTTP: its token can be read on the network.`,
          'Put a proxy with TLS before it and set HOST=127.0.0.1, or let only the proxy reach the port.',
        ),
      ];
    }
    return [ok(`The dashboard answers ${where}, and asks for a token.`)];
  },
};

const pingCheck: CheckDefinition = {
  id: 'pings',
  title: 'Pings of',
  examines:
    'whether the server of `MIRROR_PING_URL` can be reached. No ping is sent, which would be a false success',
  isQuick: false,
  remedy: 'Check the network, HTTPS_PROXY and MIRROR_PING_URL.',
  subjects: async ({ poolIds, settingsOf, isUsable }) =>
    isUsable('MIRROR_PING_URL')
      ? (await poolIds()).filter((poolId) => settingsOf(poolId).pingUrl !== null)
      : [],
  examine: async ({ settingsOf, context }, signal, poolId) => {
    const url = new URL(settingsOf(poolId).pingUrl ?? '');
    const problems = await tryToReach(url, 'MIRROR_PING_URL', true, context, signal);
    return okWithout(problems, `${url.host} can be reached.`);
  },
};

const webhookCheck: CheckDefinition = {
  id: 'webhooks',
  title: 'Webhooks',
  examines:
    'whether the server of `MIRROR_WEBHOOK_URL` can be reached, and whether webhooks wait. None is sent',
  isQuick: false,
  remedy: 'Check the network, HTTPS_PROXY and MIRROR_WEBHOOK_URL.',
  examine: async ({ config, context, mirror }, signal) => {
    const webhook = resolveWebhook(config);
    if (webhook === null) return [];
    const url = new URL(webhook.url);
    const { allowPrivate } = webhook;
    const results = await tryToReach(url, 'MIRROR_WEBHOOK_URL', allowPrivate, context, signal);
    const session = await mirror();
    const waiting = session === null ? 0 : await countUndelivered(session).catch(() => 0);
    if (waiting > 0) {
      results.push(
        warning(
          `${counted(waiting, 'webhook')} could not be delivered yet.`,
          'The log of the workers has the reason. They are sent again by themselves.',
        ),
      );
    }
    return okWithout(results, `${url.host} can be reached, and none waits.`);
  },
};

export const outsideChecks: readonly CheckDefinition[] = [httpCheck, pingCheck, webhookCheck];

/** Why a receiver cannot be reached; empty if it can. The path of the URL is a secret. */
async function tryToReach(
  url: URL,
  variable: string,
  allowPrivate: boolean,
  { access: { proxies } }: DoctorContext,
  stop: AbortSignal,
): Promise<CheckResult[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(CONNECT_MS)]);
  const code = await reach({ url, allowPrivate, proxies, signal });
  if (code === null) return [];
  if (code === 'PRIVATE_ADDRESS') {
    const remedy = 'Set MIRROR_WEBHOOK_ALLOW_PRIVATE=true if the receiver is in your own network.';
    return [failed(`${url.host} has a private address.`, remedy)];
  }
  const remedy = `Check the network, HTTPS_PROXY and ${variable}.`;
  return [failed(`${url.host} cannot be reached (${code}).`, remedy)];
}
