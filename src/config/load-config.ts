import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatCommand } from '../common/command.ts';
import { nearest } from '../common/text.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { findLockProblems, findPoolLockProblems } from './archive-lock.ts';
import { type Config, DEFAULT_FORMATS } from './config.ts';
import { applyLibpqVariables } from './database-url.ts';
import { findEndpointProblems } from './endpoints.ts';
import type { ConfigFile } from './file-schema.ts';
import { loadFile, NO_FILE } from './load-file.ts';
import { findNotificationProblems, type PingUrls } from './notification-rules.ts';
import {
  findPoolPrivacyProblems,
  findPrivacyProblems,
  PRIVACY_VARIABLES,
} from './privacy-rules.ts';
import { findUnknownVariables } from './unknown-names.ts';
import {
  POOLS_REMEDY,
  VARIABLES,
  type Values,
  type Variable,
  type VariableName,
} from './variables.ts';

/** Other programs set these variables too, so that only a worker reads them. */
const WORKER_ONLY = ['HOST', 'PORT'] as const;

/** What a worker requires, and why the defaults of other commands do not work for it. */
const REQUIRED_BY_WORKERS = [
  ['DATABASE_URL', 'workers on other machines cannot share an embedded Postgres.'],
  ['REDIS_URL', 'workers share their jobs and the quotas over Redis.'],
  ['ARCHIVE_URL', 'the default folder is on one machine, and each worker would write to its own.'],
] as const;

/** How problems of pools are reported that were named on the command line. */
const NAMED_POOLS = {
  subject: 'POOL',
  remedy: `Give pools, separated by spaces, ${POOLS_REMEDY}`,
};

export interface LoadOptions {
  /** Pools named on the command line; any of them override `COGNITO_POOLS`. */
  readonly pools?: readonly string[];
  /** True if the command requires a pool. */
  readonly needsPools?: boolean;
  /** True for a worker: it requires pools and shared servers, and serves HTTP. */
  readonly worker?: boolean;
}

const NAMES = Object.keys(VARIABLES) as VariableName[];

/**
 * Reads the environment variables of docs/CONFIGURATION.md and the file of MIRROR_CONFIG. Empty
 * variables count as unset.
 *
 * @param perPool the settings of single pools, if they do not come from the file
 * @throws ActionRequiredError with every problem of the environment and the file
 */
export function loadConfig(
  env: NodeJS.ProcessEnv,
  options: LoadOptions = {},
  perPool: PingUrls | null = null,
): Config {
  const { pools: named = [], needsPools = false, worker = false } = options;
  const problems: Problem[] = [];
  const set = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])),
  );
  if (named.length > 0) set.COGNITO_POOLS = named.join(',');
  if (!worker) for (const name of WORKER_ONLY) delete set[name];

  const values = parseVariables(set, problems);
  if (worker) problems.push(...findMissing(set));
  problems.push(...findUnknownVariables(set, NAMES), ...findEndpointProblems(set));
  const file = parseFile(values.MIRROR_CONFIG, problems);
  const pools = values.COGNITO_POOLS ?? [...file.pools.keys()];
  // An invalid list or file can name pools: only its own problem is reported then.
  const isFileInvalid = problems.some(({ subject }) => subject.startsWith('MIRROR_CONFIG'));
  const isUnnamed = pools.length === 0 && set.COGNITO_POOLS === undefined && !isFileInvalid;
  if ((needsPools || worker) && isUnnamed) {
    problems.push({
      subject: 'COGNITO_POOLS',
      problem: 'no pool is named.',
      remedy: `${findMisspelt(set)}${worker ? 'Set' : 'Name pools on the command line, or set'} it. ${VARIABLES.COGNITO_POOLS.remedy} \`${formatCommand(['init'])}\` lists the pools of the account, and writes the settings.`,
    });
  }
  const locks = {
    archiveLockMode: values.ARCHIVE_LOCK_MODE ?? null,
    archiveLockDays: values.ARCHIVE_LOCK_DAYS ?? null,
    archiveManifestLockDays: values.ARCHIVE_MANIFEST_LOCK_DAYS ?? null,
  };
  // An invalid variable counts as not set: only its own problem is reported then.
  if (!problems.some(({ subject }) => LOCK_VARIABLES.includes(subject))) {
    problems.push(...findLockProblems(locks));
    problems.push(...findPoolLockProblems(locks, file.pools).map(inFile));
  }
  const privacy = {
    omitAttributes: values.MIRROR_OMIT_ATTRIBUTES ?? [],
    hashAttributes: values.MIRROR_HASH_ATTRIBUTES ?? [],
    archiveOmitAttributes: values.ARCHIVE_OMIT_ATTRIBUTES ?? [],
    archiveHashAttributes: values.ARCHIVE_HASH_ATTRIBUTES ?? [],
    poolSettings: values.MIRROR_POOL_SETTINGS ?? false,
    hashKey: values.MIRROR_HASH_KEY ?? null,
  };
  if (!problems.some(({ subject }) => PRIVACY_VARIABLES.includes(subject))) {
    problems.push(...findPrivacyProblems(privacy));
    problems.push(...findPoolPrivacyProblems(privacy, file.pools).map(inFile));
  }
  const notifications = {
    pingUrl: values.MIRROR_PING_URL ?? null,
    webhookUrl: values.MIRROR_WEBHOOK_URL ?? null,
    webhookSecret: values.MIRROR_WEBHOOK_SECRET ?? null,
    webhookFormat: values.MIRROR_WEBHOOK_FORMAT ?? 'standard',
    webhookAllowPrivate: values.MIRROR_WEBHOOK_ALLOW_PRIVATE ?? false,
  };
  if (!problems.some(({ subject }) => NOTIFICATION_VARIABLES.includes(subject))) {
    problems.push(...findNotificationProblems(notifications, pools, perPool ?? file.pools));
  }
  if (values.ARCHIVE_SSE === 'AES256' && values.ARCHIVE_KMS_KEY_ID !== undefined) {
    problems.push({
      subject: 'ARCHIVE_KMS_KEY_ID',
      problem: 'a key of KMS cannot be combined with ARCHIVE_SSE=AES256.',
      remedy: 'Unset it, or set ARCHIVE_SSE to aws:kms.',
    });
  }
  const { MIRROR_HTTP_TOKEN: token, MIRROR_HTTP_VIEW_TOKEN: viewToken } = values;
  if (viewToken !== undefined && viewToken === token) {
    problems.push({
      subject: 'MIRROR_HTTP_VIEW_TOKEN',
      problem: 'must differ from MIRROR_HTTP_TOKEN, which sees people and may act.',
      remedy: VARIABLES.MIRROR_HTTP_VIEW_TOKEN.remedy,
    });
  }
  const databaseUrl =
    values.DATABASE_URL && applyLibpqVariables(values.DATABASE_URL, set, problems);
  const home = toAbsolute(values.MIRROR_HOME ?? './.cognito-mirror', problems);
  if (problems.length > 0) {
    const isNamed = (subject: string) => named.length > 0 && subject === 'COGNITO_POOLS';
    throw new ActionRequiredError(
      problems.map((found) => (isNamed(found.subject) ? { ...found, ...NAMED_POOLS } : found)),
    );
  }

  const isFromFile = values.COGNITO_POOLS === undefined && file.pools.size > 0;
  const setting = isFromFile ? 'MIRROR_CONFIG' : 'COGNITO_POOLS';
  return Object.freeze({
    pools,
    poolsFrom: named.length > 0 ? NAMED_POOLS.subject : setting,
    databaseUrl: databaseUrl ?? null,
    redisUrl: values.REDIS_URL ?? null,
    archiveUrl: values.ARCHIVE_URL ?? pathToFileURL(join(home, 'archive')).href,
    archiveFormats: values.ARCHIVE_FORMATS ?? DEFAULT_FORMATS,
    archiveStorageClass: values.ARCHIVE_STORAGE_CLASS ?? null,
    archiveSse: values.ARCHIVE_SSE ?? null,
    archiveKmsKeyId: values.ARCHIVE_KMS_KEY_ID ?? null,
    ...locks,
    archiveSigningKey: values.ARCHIVE_SIGNING_KEY ?? null,
    archiveSigners: values.ARCHIVE_SIGNERS ?? null,
    archiveKeep: values.ARCHIVE_KEEP ?? null,
    ...privacy,
    ...notifications,
    home,
    allowance: {
      share: values.MIRROR_QUOTA_SHARE ?? 0.8,
      userListRps: values.MIRROR_USER_LIST_RPS ?? 30,
      ...(values.MIRROR_WRITE_QUOTAS && { writeQuotas: values.MIRROR_WRITE_QUOTAS }),
    },
    maxRemovedRatio: values.MIRROR_MAX_REMOVED_RATIO ?? 0.1,
    mfa: values.MIRROR_MFA ?? false,
    mfaBudget: values.MIRROR_MFA_BUDGET ?? 5_000,
    schedule: {
      pattern: values.MIRROR_SCHEDULE ?? '0 2 * * *',
      timezone: values.MIRROR_TIMEZONE ?? 'UTC',
    },
    verifySubsets: values.MIRROR_VERIFY_SUBSET ?? null,
    historyDays: values.MIRROR_HISTORY_DAYS ?? null,
    http: {
      host: values.HOST ?? '127.0.0.1',
      port: values.PORT ?? 8080,
      token: values.MIRROR_HTTP_TOKEN ?? null,
      viewToken: values.MIRROR_HTTP_VIEW_TOKEN ?? null,
    },
    logLevel: values.LOG_LEVEL ?? 'info',
    file,
  });
}

const LOCK_VARIABLES = ['ARCHIVE_LOCK_MODE', 'ARCHIVE_LOCK_DAYS', 'ARCHIVE_MANIFEST_LOCK_DAYS'];

const NOTIFICATION_VARIABLES = [
  'MIRROR_PING_URL',
  'MIRROR_WEBHOOK_URL',
  'MIRROR_WEBHOOK_SECRET',
  'MIRROR_WEBHOOK_FORMAT',
  'MIRROR_WEBHOOK_ALLOW_PRIVATE',
];

/** The problem of a setting that is in the file. */
function inFile({ subject, problem, ...rest }: Problem): Problem {
  return { subject: 'MIRROR_CONFIG', problem: `${subject}: ${problem}`, ...rest };
}

function toAbsolute(path: string, problems: Problem[]): string {
  try {
    return resolve(path);
  } catch (error) {
    problems.push({
      subject: 'working folder',
      problem: `it was deleted or moved (${(error as NodeJS.ErrnoException).code}).`,
      remedy: 'Change to a folder that exists, or set MIRROR_HOME to an absolute path.',
    });
    return path;
  }
}

function parseVariables(set: Record<string, string>, problems: Problem[]): Values {
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const text = set[name];
      if (text === undefined) return [];
      const { schema, remedy, isShown = false }: Variable = VARIABLES[name];
      const parsed = schema.safeParse(text);
      if (parsed.success) return [[name, parsed.data]];
      const shown = isShown ? `, not ${JSON.stringify(text)}.` : '.';
      for (const { message } of parsed.error.issues) {
        problems.push({ subject: name, problem: message.replace(/\.$/, shown), remedy });
      }
      return [];
    }),
  );
}

function findMissing(set: Record<string, string>): Problem[] {
  return REQUIRED_BY_WORKERS.filter(([name]) => set[name] === undefined).map(([name, reason]) => ({
    subject: name,
    problem: `is not set; ${reason}`,
    remedy: VARIABLES[name].remedy,
  }));
}

function parseFile(path: string | undefined, problems: Problem[]): ConfigFile {
  try {
    return path === undefined ? NO_FILE : loadFile(path);
  } catch (error) {
    if (!(error instanceof ActionRequiredError)) throw error;
    problems.push(...error.problems);
    return NO_FILE;
  }
}

/** Other programs have variables with this prefix, so this is suggested only if pools are missing. */
function findMisspelt(set: Record<string, string>): string {
  const near = Object.keys(set).find(
    (name) => name.startsWith('COGNITO') && nearest(name, ['COGNITO_POOLS']) !== null,
  );
  return near === undefined ? '' : `${near} is set: did you mean COGNITO_POOLS? `;
}
