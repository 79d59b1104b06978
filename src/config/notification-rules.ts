import type { Problem } from '../model/errors.ts';

/** How the body of a webhook looks: Standard Webhooks, or what an incoming webhook of Slack takes. */
export const WEBHOOK_FORMATS = ['standard', 'slack'] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** Stands for the id of a pool in the URL of pings. */
export const POOL_PLACEHOLDER = '{pool}';

/** The problem with a URL for notifications, or null. It does not quote the URL, which may be a secret. */
export function findHttpUrlProblem(text: string): string | null {
  if (!/^https?:\/\//i.test(text)) return 'must start with https:// or http://.';
  return URL.canParse(text) ? null : 'must be a valid URL.';
}

/** Of the key in a secret; the specification of Standard Webhooks has the bounds. */
const [LEAST_BYTES, MOST_BYTES] = [24, 64];

/** The problem with a secret of Standard Webhooks, or null. */
export function findWebhookSecretProblem(text: string): string | null {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined || base64.length % 4 !== 0) {
    return 'must be whsec_ and a key in base64.';
  }
  const { length } = Buffer.from(base64, 'base64');
  if (length >= LEAST_BYTES && length <= MOST_BYTES) return null;
  return `must have a key of ${LEAST_BYTES} to ${MOST_BYTES} bytes.`;
}

/** The settings of notifications; null for those that are not set. */
export interface NotificationConfig {
  /** The URL of pings for pools without one in the file. Null: none. */
  readonly pingUrl: string | null;
  /** Where webhooks go. Null: nowhere. */
  readonly webhookUrl: string | null;
  /** `whsec_` and base64. Null: webhooks are not signed, which only Slack's format allows. */
  readonly webhookSecret: string | null;
  readonly webhookFormat: WebhookFormat;
  /** True if the receiver may have a private address, and may be without TLS. */
  readonly webhookAllowPrivate: boolean;
}

/** The settings of single pools. */
export type PingUrls = ReadonlyMap<string, { readonly pingUrl?: string | undefined }>;

/** What is wrong with the settings of notifications together. */
export function findNotificationProblems(
  settings: NotificationConfig,
  pools: readonly string[] | 'all',
  filePools: PingUrls,
): Problem[] {
  return [...findWebhookProblems(settings), ...findPingProblems(settings, pools, filePools)];
}

function findWebhookProblems({
  webhookUrl: url,
  webhookSecret: secret,
  webhookFormat: format,
  webhookAllowPrivate: allowPrivate,
}: NotificationConfig): Problem[] {
  if (url === null) return [];
  const problems: Problem[] = [];
  if (format === 'standard' && secret === null) {
    problems.push({
      subject: 'MIRROR_WEBHOOK_SECRET',
      problem: 'is not set, and receivers check the signature of webhooks.',
      remedy:
        'Set it to the secret of the receiver, or make one: `echo whsec_$(openssl rand -base64 32)`. For Slack, set MIRROR_WEBHOOK_FORMAT=slack.',
    });
  }
  if (!/^https:/i.test(url) && !allowPrivate) {
    problems.push({
      subject: 'MIRROR_WEBHOOK_URL',
      problem: 'must start with https://.',
      remedy:
        'Use TLS, or set MIRROR_WEBHOOK_ALLOW_PRIVATE=true for a receiver in your own network.',
    });
  }
  return problems;
}

function findPingProblems(
  { pingUrl }: NotificationConfig,
  pools: readonly string[] | 'all',
  filePools: PingUrls,
): Problem[] {
  if (pingUrl === null || pingUrl.includes(POOL_PLACEHOLDER)) return [];
  if (pools !== 'all') {
    const sharing = pools.filter((poolId) => filePools.get(poolId)?.pingUrl === undefined);
    if (sharing.length < 2) return [];
  }
  return [
    {
      subject: 'MIRROR_PING_URL',
      problem:
        'is one check for several pools: a success of one would hide the failure of another.',
      remedy: `Put ${POOL_PLACEHOLDER} into the URL, as in https://hc-ping.com/your-ping-key/${POOL_PLACEHOLDER}, or give each pool a pingUrl in the file of MIRROR_CONFIG.`,
    },
  ];
}
