import { isIP } from 'node:net';
import { z } from 'zod';
import { ENCRYPTIONS } from '../model/object-storage.ts';
import { parsePool } from '../model/pool-id.ts';
import { ARCHIVE_FORMATS, LOG_LEVELS } from './config.ts';
import { findDatabaseUrlProblem, findSchemeProblem, toStandardUrl } from './database-url.ts';
import { KEEP_REMEDY, parseKeepRule } from './keep-rule.ts';
import {
  findHttpUrlProblem,
  findWebhookSecretProblem,
  WEBHOOK_FORMATS,
} from './notification-rules.ts';
import { HASH_KEY_REMEDY } from './privacy-rules.ts';
import { findPathProblem, SETTINGS, type Setting, textWithout } from './settings.ts';
import { parseWriteQuotas } from './write-quotas.ts';

/** A setting that is given as text. */
export interface Variable extends Setting {
  /** True if the value holds no secret, so that messages can show it. */
  readonly isShown?: boolean;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number that is given as text. */
function number({ schema, remedy }: Setting<z.ZodType<number, number>>) {
  const toNumber = (text: string) => (DECIMAL.test(text) ? Number(text) : Number.NaN);
  return { schema: z.string().transform(toNumber).pipe(schema), remedy, isShown: true };
}

/** Names of attributes, separated by commas. */
function attributes({ schema, remedy }: Setting<z.ZodType<string[], string[]>>) {
  return { schema: z.string().transform(splitList).pipe(schema), remedy, isShown: true };
}

/** True or false that is given as text. */
function flag({ schema, remedy }: Setting<z.ZodType<boolean, boolean>>) {
  const toFlag = (text: string) => (text === 'true' || text === 'false' ? text === 'true' : text);
  return { schema: z.string().transform(toFlag).pipe(schema), remedy, isShown: true };
}

/** What a person signs in to the dashboard with. */
function token() {
  return {
    schema: z
      .string()
      .regex(/^[!-~]{16,}$/, 'must be at least 16 ASCII characters without spaces.'),
    remedy: 'Give a random text, such as `openssl rand -hex 32` prints.',
  };
}

function integer(from: number, to: number, range: string) {
  const error = `must be a whole number ${range}.`;
  return z.number({ error }).refine((n) => Number.isInteger(n) && n >= from && n <= to, error);
}

/** What to do if a pool is wrong, after the words on how to separate pools. */
export const POOLS_REMEDY = 'by id (us-east-1_Ab12Cd34), ARN or name, or `all` for every pool.';

/** The environment variables of docs/CONFIGURATION.md. */
export const VARIABLES = {
  COGNITO_POOLS: {
    schema: z.string().transform(parsePools),
    remedy: `Give pools, separated by commas, ${POOLS_REMEDY}`,
  },
  DATABASE_URL: {
    schema: z.string().transform(toStandardUrl).pipe(textWithout(findDatabaseUrlProblem)),
    remedy:
      'Give a URL such as postgres://user:password@host:5432/database; add ?sslmode=verify-full for TLS.',
  },
  REDIS_URL: {
    schema: textWithout(findRedisUrlProblem),
    remedy: 'Give a URL such as redis://host:6379.',
  },
  ARCHIVE_URL: SETTINGS.archiveUrl,
  ARCHIVE_FORMATS: {
    schema: z
      .string()
      .transform(splitList)
      .pipe(z.array(z.enum(ARCHIVE_FORMATS, { error: notAFormat })).min(1, 'must name a format.'))
      .transform((named) => ARCHIVE_FORMATS.filter((format) => named.includes(format))),
    remedy: `Give one or more of ${ARCHIVE_FORMATS.join(',')}.`,
  },
  ARCHIVE_STORAGE_CLASS: { ...SETTINGS.archiveStorageClass, isShown: true },
  ARCHIVE_SSE: {
    schema: z.enum(ENCRYPTIONS, { error: 'must be a server-side encryption of S3.' }),
    remedy: `Give ${ENCRYPTIONS.join(' or ')}.`,
    isShown: true,
  },
  ARCHIVE_KMS_KEY_ID: { schema: z.string(), remedy: "Give the key's id, ARN or alias." },
  ARCHIVE_LOCK_MODE: { ...SETTINGS.archiveLockMode, isShown: true },
  ARCHIVE_LOCK_DAYS: number(SETTINGS.archiveLockDays),
  ARCHIVE_MANIFEST_LOCK_DAYS: number(SETTINGS.archiveManifestLockDays),
  ARCHIVE_SIGNING_KEY: {
    schema: textWithout(findSigningKeyProblem),
    remedy:
      'Give the path of a private key, or kms: and the ARN of a key, such as kms:arn:aws:kms:us-east-1:111122223333:key/mrk-1234.',
  },
  ARCHIVE_SIGNERS: {
    schema: textWithout(findPathProblem),
    remedy:
      'Give the path of a file of allowed signers, with the line that `cognito-mirror keygen` prints.',
  },
  ARCHIVE_KEEP: { schema: z.string().transform(parseKeepRule), remedy: KEEP_REMEDY },
  MIRROR_CONFIG: {
    schema: textWithout(findPathProblem),
    remedy: 'Give the absolute path of a YAML file, such as /etc/cognito-mirror.yaml.',
  },
  MIRROR_HOME: {
    schema: textWithout(findPathProblem),
    remedy: 'Give the absolute path of a folder, such as /var/lib/cognito-mirror.',
  },
  MIRROR_SCHEDULE: { ...SETTINGS.schedule, isShown: true },
  MIRROR_TIMEZONE: { ...SETTINGS.timezone, isShown: true },
  MIRROR_QUOTA_SHARE: number(SETTINGS.quotaShare),
  MIRROR_USER_LIST_RPS: number(SETTINGS.userListRps),
  MIRROR_WRITE_QUOTAS: {
    schema: SETTINGS.writeQuotas.schema.transform(parseWriteQuotas),
    remedy: SETTINGS.writeQuotas.remedy,
    isShown: true,
  },
  MIRROR_MAX_REMOVED_RATIO: number(SETTINGS.maxRemovedRatio),
  MIRROR_MFA: flag(SETTINGS.mfa),
  MIRROR_MFA_BUDGET: number(SETTINGS.mfaBudget),
  MIRROR_HISTORY_DAYS: number({
    schema: integer(1, Number.MAX_SAFE_INTEGER, 'over 0'),
    remedy: 'Give a number of days such as 365, or unset it to keep all history.',
  }),
  MIRROR_VERIFY_SUBSET: number({
    schema: integer(1, 1_000, 'from 1 to 1000'),
    remedy: 'Give a number of nights such as 7: each night, workers read a seventh of the archive.',
  }),
  MIRROR_OMIT_ATTRIBUTES: attributes(SETTINGS.omitAttributes),
  MIRROR_HASH_ATTRIBUTES: attributes(SETTINGS.hashAttributes),
  ARCHIVE_OMIT_ATTRIBUTES: attributes(SETTINGS.archiveOmitAttributes),
  ARCHIVE_HASH_ATTRIBUTES: attributes(SETTINGS.archiveHashAttributes),
  MIRROR_POOL_SETTINGS: {
    schema: z
      .enum(['true', 'false'], { error: 'must be true or false.' })
      .transform((text) => text === 'true'),
    remedy: SETTINGS.poolSettings.remedy,
    isShown: true,
  },
  MIRROR_HASH_KEY: {
    schema: z
      .string()
      .regex(/^[!-~]{32,}$/, 'must be at least 32 ASCII characters without spaces.'),
    remedy: HASH_KEY_REMEDY,
  },
  MIRROR_PING_URL: SETTINGS.pingUrl,
  MIRROR_WEBHOOK_URL: {
    schema: textWithout(findHttpUrlProblem),
    remedy: 'Give a URL such as https://example.com/hooks/cognito-mirror.',
  },
  MIRROR_WEBHOOK_SECRET: {
    schema: textWithout(findWebhookSecretProblem),
    remedy: `Give the receiver's secret, or make one: \`echo whsec_$(openssl rand -base64 32)\`.`,
  },
  MIRROR_WEBHOOK_FORMAT: {
    schema: z.enum(WEBHOOK_FORMATS, { error: 'must be a format of webhooks.' }),
    remedy: `Give ${WEBHOOK_FORMATS.join(' or ')}.`,
    isShown: true,
  },
  MIRROR_WEBHOOK_ALLOW_PRIVATE: {
    schema: z
      .enum(['true', 'false'], { error: 'must be true or false.' })
      .transform((text) => text === 'true'),
    remedy: 'Give true if the receiver is in your own network, or unset it.',
    isShown: true,
  },
  MIRROR_HTTP_TOKEN: token(),
  MIRROR_HTTP_VIEW_TOKEN: token(),
  HOST: {
    schema: z.string().refine(isHost, 'must be an address or the name of a host.'),
    remedy: 'Give 127.0.0.1 for this machine only, 0.0.0.0 for every address, or a name.',
    isShown: true,
  },
  PORT: number({
    schema: integer(0, 65_535, 'from 0 to 65535'),
    remedy: 'Give a port such as 8080, or 0 for a free one.',
  }),
  LOG_LEVEL: {
    schema: z.enum(LOG_LEVELS, { error: 'must be a log level.' }),
    remedy: `Give one of ${LOG_LEVELS.join(', ')}.`,
    isShown: true,
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;

export type Values = { [Name in VariableName]?: z.output<(typeof VARIABLES)[Name]['schema']> };

/** Ids and names without repetitions. Reports each item that is neither. */
function parsePools(text: string, context: z.RefinementCtx): string[] | 'all' {
  const items = splitList(text);
  if (items.length === 1 && items[0] === 'all') return 'all';
  if (items.length === 0) context.addIssue('must name a pool.');
  const pools = items.map((item) => {
    if (item === 'all') context.addIssue('`all` cannot be combined with other pools.');
    const parsed = parsePool(item);
    if ('problem' in parsed) context.addIssue(parsed.problem);
    return 'poolId' in parsed ? parsed.poolId : item;
  });
  return [...new Set(pools)];
}

function notAFormat({ input }: { input?: unknown }): string {
  return `${JSON.stringify(input)} is not an archive format.`;
}

function splitList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  return [...new Set(items.filter((item) => item !== ''))];
}

/** Partition, Region, account and id of a key. An alias may lead to another key tomorrow. */
const KMS_KEY = /^kms:arn:aws(-[a-z]+)*:kms:[a-z]{2}(-[a-z]+)+-\d+:\d{12}:key\/[\w-]+$/;

function findSigningKeyProblem(text: string): string | null {
  if (!/^(kms|arn):/.test(text)) return findPathProblem(text);
  return KMS_KEY.test(text) ? null : 'must be kms: and the ARN of a key.';
}

function findRedisUrlProblem(text: string): string | null {
  const problem = findSchemeProblem(text, ['redis:', 'rediss:']);
  if (problem !== null) return problem;
  const { username, password } = new URL(text);
  try {
    // The client decodes both, and throws if a % does not start an escape sequence.
    decodeURIComponent(`${username}:${password}`);
    return null;
  } catch {
    return 'write a % in the user or password as %25.';
  }
}

/** An address, or a name by the rules of host names. */
function isHost(value: string): boolean {
  return (
    isIP(value) !== 0 ||
    (value.length <= 253 && /^[a-z\d]([\w-]*[a-z\d])?(\.[a-z\d]([\w-]*[a-z\d])?)*$/i.test(value))
  );
}
