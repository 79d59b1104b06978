import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { nearest } from '../common/text.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { ARCHIVE_FORMATS, type Config } from './config.ts';
import { applySslMode, findSslModeProblem } from './database-url.ts';
import { findEndpointProblems } from './endpoints.ts';
import type { ConfigFile } from './file-schema.ts';
import { loadFile, NO_FILE } from './load-file.ts';
import { findUnknownVariables } from './unknown-names.ts';
import {
  POOL_ID_REMEDY,
  parsePools,
  VARIABLES,
  type Values,
  type Variable,
  type VariableName,
} from './variables.ts';

/** Other programs set these variables too, so that only a worker reads them. */
const WORKER_ONLY: readonly VariableName[] = ['HOST', 'PORT'];

/** What a worker requires, and why the defaults of other commands do not work for it. */
const REQUIRED_BY_WORKERS: Readonly<Partial<Record<VariableName, string>>> = {
  DATABASE_URL: 'is not set; workers on other machines cannot share an embedded Postgres.',
  REDIS_URL: 'is not set; workers share their jobs and the quotas over Redis.',
  ARCHIVE_URL:
    'is not set; the default folder is on one machine, and each worker would write to its own.',
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
 * Reads the environment variables of docs/CONFIGURATION.md and the file of MIRROR_CONFIG. Empty variables count
 * as unset.
 *
 * @throws ActionRequiredError with every problem of the environment and the file
 */
export function loadConfig(env: NodeJS.ProcessEnv, options: LoadOptions = {}): Config {
  const { pools: named = [], needsPools = false, worker = false } = options;
  const problems: Problem[] = [];
  const set = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])),
  );
  if (named.length > 0) delete set.COGNITO_POOLS;
  if (!worker) for (const name of WORKER_ONLY) delete set[name];

  const values = parseVariables(set, problems);
  if (worker) problems.push(...findMissing(set));
  problems.push(...findUnknownVariables(set, NAMES), ...findEndpointProblems(set));
  const file = parseFile(values.MIRROR_CONFIG, problems);
  const pools = parseNamed(named, problems) ?? values.COGNITO_POOLS ?? [...file.pools.keys()];
  // An invalid list or file can name pools: only its own problem is reported then.
  const isUnnamed = pools.length === 0 && !set.COGNITO_POOLS && problems.every(isNotAboutPools);
  if ((needsPools || worker) && isUnnamed) {
    problems.push({
      subject: 'COGNITO_POOLS',
      problem: 'no pool is named.',
      remedy: `${findMisspelt(set)}${worker ? 'Set' : 'Name pools on the command line, or set'} it. ${VARIABLES.COGNITO_POOLS.remedy}`,
    });
  }
  const databaseUrl = completeDatabaseUrl(values.DATABASE_URL, set.PGSSLMODE, problems);
  const home = toAbsolute(values.MIRROR_HOME ?? './.cognito-mirror', problems);
  if (problems.length > 0) throw new ActionRequiredError(problems);

  return Object.freeze({
    pools,
    databaseUrl,
    redisUrl: values.REDIS_URL ?? null,
    archiveUrl: values.ARCHIVE_URL ?? pathToFileURL(join(home, 'archive')).href,
    archiveFormats: values.ARCHIVE_FORMATS ?? ARCHIVE_FORMATS,
    archiveKmsKeyId: values.ARCHIVE_KMS_KEY_ID ?? null,
    home,
    allowance: {
      share: values.MIRROR_QUOTA_SHARE ?? 0.8,
      userListRps: values.MIRROR_USER_LIST_RPS ?? 30,
    },
    maxRemovedRatio: values.MIRROR_MAX_REMOVED_RATIO ?? 0.1,
    schedule: {
      pattern: values.MIRROR_SCHEDULE ?? '0 2 * * *',
      timezone: values.MIRROR_TIMEZONE ?? 'UTC',
    },
    historyDays: values.MIRROR_HISTORY_DAYS ?? null,
    http: {
      host: values.HOST ?? '127.0.0.1',
      port: values.PORT ?? 8080,
      token: values.MIRROR_HTTP_TOKEN ?? null,
    },
    logLevel: values.LOG_LEVEL ?? 'info',
    file,
  });
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

function completeDatabaseUrl(
  url: string | undefined,
  sslMode: string | undefined,
  problems: Problem[],
): string | null {
  if (url === undefined) return null;
  const problem = findSslModeProblem(url, sslMode);
  if (problem === null) return applySslMode(url, sslMode);
  problems.push({ subject: 'PGSSLMODE', problem, remedy: 'Set it to verify-full, or unset it.' });
  return null;
}

function findMissing(set: Record<string, string>): Problem[] {
  return NAMES.flatMap((name) => {
    const problem = REQUIRED_BY_WORKERS[name];
    if (problem === undefined || set[name] !== undefined) return [];
    return [{ subject: name, problem, remedy: VARIABLES[name].remedy }];
  });
}

function parseFile(path: string | undefined, problems: Problem[]): ConfigFile {
  const file = path === undefined ? NO_FILE : loadFile(path);
  if ('pools' in file) return file;
  problems.push(...file);
  return NO_FILE;
}

/** Pools named on the command line; undefined without any, or if one is malformed. */
function parseNamed(
  named: readonly string[],
  problems: Problem[],
): readonly string[] | 'all' | undefined {
  if (named.length === 0) return undefined;
  const parsed = z.string().transform(parsePools).safeParse(named.join(','));
  if (parsed.success) return parsed.data;
  const remedy = `Give pool ids, separated by spaces, ${POOL_ID_REMEDY}`;
  for (const { message } of parsed.error.issues) {
    problems.push({ subject: 'POOL', problem: message, remedy });
  }
  return undefined;
}

/** Other programs have variables with this prefix, so this is suggested only if pools are missing. */
function findMisspelt(set: Record<string, string>): string {
  const near = Object.keys(set).find(
    (name) => name.startsWith('COGNITO') && nearest(name, ['COGNITO_POOLS']) !== null,
  );
  return near === undefined ? '' : `${near} is set: did you mean COGNITO_POOLS? `;
}

function isNotAboutPools({ subject }: Problem): boolean {
  return subject !== 'POOL' && !subject.startsWith('MIRROR_CONFIG');
}
