import { isIP } from 'node:net';
import { z } from 'zod';
import { nearest } from '../common/text.ts';
import type { Problem } from '../model/errors.ts';
import { isPoolId, poolIdProblem } from '../model/pool-id.ts';
import { archiveUrlProblem, pathProblem } from './archive-url.ts';
import { ARCHIVE_FORMATS, type ArchiveFormat, LOG_LEVELS } from './config.ts';
import { databaseUrlProblem, standardDatabaseUrl } from './database-url.ts';
import { isCronPattern, isTimezone } from './schedule.ts';

/**
 * The environment variables, each as the schema of its text. A schema's issues are what is wrong
 * with the value; they quote it only where it cannot hold a password or a token.
 */
export const VARIABLES = {
  COGNITO_POOLS: z.string().transform(toPools),
  DATABASE_URL: z.string().transform(standardDatabaseUrl).superRefine(isDatabaseUrl),
  REDIS_URL: z.string().superRefine(isRedisUrl),
  ARCHIVE_URL: z.string().superRefine(isArchiveUrl),
  ARCHIVE_FORMATS: z.string().transform(toFormats),
  ARCHIVE_KMS_KEY_ID: z.string(),
  MIRROR_CONFIG: z.string().superRefine(isPath),
  MIRROR_HOME: z.string().superRefine(isPath),
  MIRROR_SCHEDULE: checked(isCronPattern, 'is no cron expression that ever comes due'),
  MIRROR_TIMEZONE: checked(isTimezone, 'is no time zone'),
  MIRROR_QUOTA_SHARE: number('over 0 and up to 1', (n) => n > 0 && n <= 1),
  MIRROR_USER_LIST_RPS: number('over 0', (n) => n > 0),
  MIRROR_MAX_REMOVED: number('from 0 to 1', (n) => n >= 0 && n <= 1),
  MIRROR_HISTORY_DAYS: number('that is whole and over 0', (n) => Number.isSafeInteger(n) && n > 0),
  MIRROR_HTTP_TOKEN: z
    .string()
    .regex(/^[!-~]{16,}$/, 'the token is shorter than 16 characters, or is not plain ASCII text.'),
  HOST: checked(isHost, 'is no address or name of a host'),
  PORT: number('that is whole and from 0 to 65535', isPort),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: (issue) => `${quote(issue.input)} is no log level.` }),
} as const;

export type VariableName = keyof typeof VARIABLES;

/** What to do about a wrong value of each variable. */
export const REMEDIES: Readonly<Record<VariableName, string>> = {
  COGNITO_POOLS:
    'Give pool ids, separated by commas, as the Cognito console shows them (us-east-1_Ab12Cd34), or `all`.',
  DATABASE_URL:
    'Give a URL such as postgres://user:password@host:5432/database, with ?sslmode=verify-full where TLS is required.',
  REDIS_URL: 'Give a URL such as redis://host:6379.',
  ARCHIVE_URL: 'Give s3://bucket/prefix, or file:///absolute/folder.',
  ARCHIVE_FORMATS: `Give one or both of ${ARCHIVE_FORMATS.join(',')}.`,
  ARCHIVE_KMS_KEY_ID: "Give the key's id, ARN or alias.",
  MIRROR_CONFIG: 'Give the path of a YAML file in full, such as /etc/cognito-mirror.yaml.',
  MIRROR_HOME: 'Give the path of a folder in full, such as /var/lib/cognito-mirror.',
  MIRROR_SCHEDULE:
    'Give five fields, or six with seconds first, such as 0 2 * * * for two every night.',
  MIRROR_TIMEZONE: 'Give a name of the IANA database, such as Europe/Berlin or UTC.',
  MIRROR_QUOTA_SHARE: 'Give a share such as 0.8.',
  MIRROR_USER_LIST_RPS: "Give the account's quota in requests a second, such as 30.",
  MIRROR_MAX_REMOVED: 'Give a share such as 0.1.',
  MIRROR_HISTORY_DAYS: 'Give a number of days such as 365, or unset it to keep history for ever.',
  MIRROR_HTTP_TOKEN: 'Give a random text, such as `openssl rand -hex 32` prints.',
  HOST: 'Give 127.0.0.1 for this machine alone, 0.0.0.0 for every address, or a name.',
  PORT: 'Give a port such as 8080; 0 takes a free one.',
  LOG_LEVEL: `Give one of ${LOG_LEVELS.join(', ')}.`,
};

/** Splits a list of pool ids, drops repetitions, and reports every malformed id by itself. */
export function toPools(text: string, context: z.core.$RefinementCtx): string[] | 'all' {
  const items = splitList(text);
  if (items.length === 1 && items[0] === 'all') return 'all';
  for (const item of items) {
    if (item === 'all') report(context, '`all` stands beside other pools.');
    else if (!isPoolId(item)) report(context, poolIdProblem(item));
  }
  if (items.length === 0) report(context, 'it names no pool.');
  return items;
}

function toFormats(text: string, context: z.core.$RefinementCtx): ArchiveFormat[] {
  const items = splitList(text);
  for (const item of items) {
    if (!isFormat(item)) report(context, `${quote(item)} is no archive format.`);
  }
  if (items.length === 0) report(context, 'it names no format.');
  return ARCHIVE_FORMATS.filter((format) => items.includes(format));
}

function isFormat(text: string): text is ArchiveFormat {
  return (ARCHIVE_FORMATS as readonly string[]).includes(text);
}

function isDatabaseUrl(text: string, context: z.core.$RefinementCtx): void {
  isServerUrl(['postgres:', 'postgresql:'])(text, context);
  const problem = URL.canParse(text) ? databaseUrlProblem(text) : null;
  if (problem !== null) report(context, problem);
}

function isRedisUrl(text: string, context: z.core.$RefinementCtx): void {
  isServerUrl(['redis:', 'rediss:'])(text, context);
  if (URL.canParse(text) && !isDecodable(new URL(text))) {
    report(context, 'a % in the user or password must be written as %25.');
  }
}

/** The client decodes user and password, and throws where a % begins no character. */
function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}:${password}`);
    return true;
  } catch {
    return false;
  }
}

/** Quotes nothing of the value, which may hold a password. */
function isServerUrl(protocols: readonly string[]) {
  return (text: string, context: z.core.$RefinementCtx) => {
    if (!URL.canParse(text)) report(context, 'the value is no URL.');
    else if (!protocols.includes(new URL(text).protocol)) {
      const schemes = protocols.map((protocol) => `${protocol}//`).join(' or ');
      report(context, `the URL does not begin with ${schemes}.`);
    }
  };
}

function isArchiveUrl(text: string, context: z.core.$RefinementCtx): void {
  const problem = archiveUrlProblem(text);
  if (problem !== null) report(context, problem);
}

function isPath(text: string, context: z.core.$RefinementCtx): void {
  const problem = pathProblem(text);
  if (problem !== null) report(context, problem);
}

/** The value may be quoted. */
function checked(isRight: (text: string) => boolean, isNo: string) {
  return z.string().superRefine((text, context) => {
    if (!isRight(text)) report(context, `${quote(text)} ${isNo}.`);
  });
}

/** An address, or a name by the rules of host names. */
function isHost(text: string): boolean {
  return (
    isIP(text) !== 0 ||
    (text.length <= 253 && /^[a-z\d]([\w-]*[a-z\d])?(\.[a-z\d]([\w-]*[a-z\d])?)*$/i.test(text))
  );
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}

function number(range: string, isInRange: (value: number) => boolean) {
  return z.string().transform((text, context) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (!isInRange(value)) report(context, `${quote(text)} is no number ${range}.`);
    return value;
  });
}

function splitList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  return [...new Set(items.filter((item) => item !== ''))];
}

/** The value as a person can tell it apart, with control characters escaped. */
function quote(value: unknown): string {
  return JSON.stringify(value);
}

function report(context: z.core.$RefinementCtx, message: string): void {
  context.issues.push({ code: 'custom', message, input: undefined });
}

/** The prefixes under which every variable is ours, so that an unknown one is a mistake. */
const OUR_PREFIXES = ['MIRROR_', 'ARCHIVE_'];

/**
 * Reports variables that look like ours and are not, with the name that was probably meant.
 *
 * @param set the variables by name, with their values
 */
export function findUnknownVariables(
  set: Readonly<Record<string, string>>,
  known: readonly string[],
): Problem[] {
  return Object.keys(set)
    .filter((name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !known.includes(name) && !isServiceLink(name, set[name] ?? ''))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      return {
        subject: name,
        problem: 'there is no such variable.',
        remedy: meant === null ? 'Unset it.' : `Did you mean ${meant}? Rename or unset it.`,
      };
    });
}

/**
 * What Kubernetes sets in every container for each service of the namespace, and Docker for each
 * container that is linked (`--link`): a service `mirror-redis` gives `MIRROR_REDIS_SERVICE_HOST`,
 * `MIRROR_REDIS_PORT=tcp://…` and others. Source: Kubernetes' page "Service", "Environment
 * variables"; Docker's page "Legacy container links".
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))?$/.test(name) ||
    (/_PORT(_\d+_(TCP|UDP|SCTP))?(_START|_END)?$/.test(name) &&
      /^(tcp|udp|sctp):\/\//.test(value)) ||
    /_ENV_\w+$/.test(name) ||
    (name.endsWith('_NAME') && /^\/[^/]+\/[^/]+$/.test(value))
  );
}
