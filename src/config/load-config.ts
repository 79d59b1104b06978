import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { nearest } from '../common/text.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { endpointProblems } from './aws-environment.ts';
import { ARCHIVE_FORMATS, type Config } from './config.ts';
import { sslModeProblem, withSslMode } from './database-url.ts';
import type { ConfigFile } from './file-schema.ts';
import { loadFile, NO_FILE } from './load-file.ts';
import {
  findUnknownVariables,
  REMEDIES,
  toPools,
  VARIABLES,
  type VariableName,
} from './variables.ts';

/** Names that the environments of other programs set too: read where they are needed alone. */
const OF_THE_WORKER: readonly VariableName[] = ['HOST', 'PORT'];

/** What a worker cannot do without, and why what other commands do in its place will not serve. */
const NEEDED_BY_WORKERS: Readonly<Partial<Record<VariableName, string>>> = {
  DATABASE_URL:
    'is not set; an embedded Postgres is of one machine, and workers on others could not share it.',
  REDIS_URL:
    'is not set; workers share their jobs and the quota through Redis, and none comes along.',
  ARCHIVE_URL:
    'is not set; the folder under MIRROR_HOME is of one machine, and archives would be scattered over those of all workers.',
};

export interface LoadOptions {
  /** Pools named on the command line; any of them override `COGNITO_POOLS`. */
  readonly pools?: readonly string[];
  /** True where the command can do nothing without a pool. */
  readonly needsPools?: boolean;
  /** True for a worker: it needs pools and servers that all workers share, and answers HTTP. */
  readonly worker?: boolean;
}

const NAMES = Object.keys(VARIABLES) as VariableName[];

type Values = { [Name in VariableName]?: z.output<(typeof VARIABLES)[Name]> };

/**
 * Reads the environment variables of docs/CONFIGURATION.md, and the file that MIRROR_CONFIG names. A variable
 * set to nothing is as one not set.
 *
 * @throws ConfigurationError with every problem there is, of the environment and the file
 */
export function loadConfig(env: NodeJS.ProcessEnv, options: LoadOptions = {}): Config {
  const { pools: named = [], needsPools = false, worker = false } = options;
  const problems: Problem[] = [];
  const set = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])),
  );
  if (named.length > 0) delete set.COGNITO_POOLS;
  if (!worker) for (const name of OF_THE_WORKER) delete set[name];

  const values = parseVariables(set, problems);
  if (worker) problems.push(...missingForWorker(set));
  problems.push(...findUnknownVariables(set, NAMES), ...endpointProblems(set));
  const file = parseFile(values.MIRROR_CONFIG, problems);
  const pools = parsePools(named, problems) ?? values.COGNITO_POOLS ?? [...file.pools.keys()];
  // Where the variable or the file is wrong, nobody knows whether it names one.
  const namesNone = pools.length === 0 && !set.COGNITO_POOLS && problems.every(isOfNoPools);
  if ((needsPools || worker) && namesNone) {
    problems.push({
      subject: 'COGNITO_POOLS',
      problem: 'no pool is named.',
      remedy: `${misspelt(set)}${worker ? 'Set' : 'Name pools on the command line, or set'} it. ${REMEDIES.COGNITO_POOLS}`,
    });
  }
  const databaseUrl = completeDatabaseUrl(values.DATABASE_URL, set.PGSSLMODE, problems);
  const home = absolutePath(values.MIRROR_HOME ?? './.cognito-mirror', problems);
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
    maxRemoved: values.MIRROR_MAX_REMOVED ?? 0.1,
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

/** The path, by the working folder where it is relative. */
function absolutePath(path: string, problems: Problem[]): string {
  try {
    return resolve(path);
  } catch (error) {
    problems.push({
      subject: 'working folder',
      problem: `it cannot be found (${(error as NodeJS.ErrnoException).code}): it was deleted or moved.`,
      remedy: 'Change to a folder that exists, or set MIRROR_HOME to an absolute path.',
    });
    return path;
  }
}

function parseVariables(set: Record<string, string>, problems: Problem[]): Values {
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      if (set[name] === undefined) return [];
      const parsed = VARIABLES[name].safeParse(set[name]);
      if (parsed.success) return [[name, parsed.data]];
      problems.push(...toProblems(name, REMEDIES[name], parsed.error));
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
  const problem = sslModeProblem(url, sslMode);
  if (problem === null) return withSslMode(url, sslMode);
  problems.push({ subject: 'PGSSLMODE', problem, remedy: 'Set it to verify-full, or unset it.' });
  return null;
}

function missingForWorker(set: Record<string, string>): Problem[] {
  return NAMES.flatMap((name) => {
    const problem = NEEDED_BY_WORKERS[name];
    if (problem === undefined || set[name] !== undefined) return [];
    return [{ subject: name, problem, remedy: REMEDIES[name] }];
  });
}

function parseFile(path: string | undefined, problems: Problem[]): ConfigFile {
  const file = path === undefined ? NO_FILE : loadFile(path);
  if ('pools' in file) return file;
  problems.push(...file);
  return NO_FILE;
}

const POOL_REMEDY =
  'Give pool ids, separated by spaces, as the Cognito console shows them (us-east-1_Ab12Cd34), or `all`.';

/** Pools named on the command line; undefined where none is, or one is malformed. */
function parsePools(
  named: readonly string[],
  problems: Problem[],
): readonly string[] | 'all' | undefined {
  if (named.length === 0) return undefined;
  const parsed = z.string().transform(toPools).safeParse(named.join(','));
  if (parsed.success) return parsed.data;
  problems.push(...toProblems('POOL', POOL_REMEDY, parsed.error));
  return undefined;
}

/** Other programs have variables of this prefix, so one is mentioned only where pools are missing. */
function misspelt(set: Record<string, string>): string {
  const near = Object.keys(set).find(
    (name) => name.startsWith('COGNITO') && nearest(name, ['COGNITO_POOLS']) !== null,
  );
  return near === undefined ? '' : `${near} is set: did you mean COGNITO_POOLS? `;
}

/** True of a problem that leaves no doubt about which pools are named. */
function isOfNoPools({ subject }: Problem): boolean {
  return subject !== 'POOL' && !subject.startsWith('MIRROR_CONFIG');
}

function toProblems(subject: string, remedy: string, error: z.ZodError): Problem[] {
  return error.issues.map((issue) => ({ subject, problem: issue.message, remedy }));
}
