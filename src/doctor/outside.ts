import { counted } from '../common/text.ts';
import { resolveWebhook } from '../config/pool-settings.ts';
import { countUndelivered } from '../postgres/coordination/outbox.ts';
import { reach } from '../web/reach.ts';
import { type CheckDefinition, type CheckResult, failed, ok, warning } from './check.ts';

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
    const isLocal = host === 'localhost' || host === '::1' || host.startsWith('127.');
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
    const { proxies } = context.access;
    const code = await reach({ url, allowPrivate: true, proxies, signal: within(signal) });
    // The rest of the URL is a secret.
    if (code === null) return [ok(`${url.host} can be reached.`)];
    return [
      failed(
        `${url.host} cannot be reached (${code}).`,
        'Check the network, HTTPS_PROXY and MIRROR_PING_URL.',
      ),
    ];
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
    const { proxies } = context.access;
    const { allowPrivate } = webhook;
    const code = await reach({ url, allowPrivate, proxies, signal: within(signal) });
    const results: CheckResult[] = [];
    if (code === 'PRIVATE_ADDRESS') {
      results.push(
        failed(
          `${url.host} has a private address.`,
          'Set MIRROR_WEBHOOK_ALLOW_PRIVATE=true if the receiver is in your own network.',
        ),
      );
    } else if (code !== null) {
      results.push(
        failed(
          `${url.host} cannot be reached (${code}).`,
          'Check the network, HTTPS_PROXY and MIRROR_WEBHOOK_URL.',
        ),
      );
    }
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
    return results.length > 0 ? results : [ok(`${url.host} can be reached, and none waits.`)];
  },
};

export const outsideChecks: readonly CheckDefinition[] = [httpCheck, pingCheck, webhookCheck];

function within(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
}
