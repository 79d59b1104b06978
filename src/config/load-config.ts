import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ConfigurationError, type Problem } from '../model/errors.ts';
import { ARCHIVE_FORMATS, type Config } from './config.ts';
import { findUnknownVariables } from './unknown-variables.ts';
import { REMEDIES, toPools, VARIABLES, type VariableName } from './variables.ts';

/** Variables of ours that other commands read, so that one environment serves them all. */
const READ_ELSEWHERE = ['MIRROR_SCHEDULE', 'MIRROR_TIMEZONE', 'MIRROR_HTTP_TOKEN'];

export interface LoadOptions {
  /** Pools named on the command line; any of them override `COGNITO_POOLS`. */
  readonly pools?: readonly string[];
  /** True where the command can do nothing without a pool. */
  readonly needsPools?: boolean;
}

type Values = { [Name in VariableName]?: z.output<(typeof VARIABLES)[Name]> };

/**
 * Reads the environment variables of docs/DESIGN.md. A variable set to nothing is as one not set.
 *
 * @throws ConfigurationError with every problem there is
 */
export function loadConfig(env: NodeJS.ProcessEnv, options: LoadOptions = {}): Config {
  const problems: Problem[] = [];
  const set = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])),
  );
  const named = options.pools ?? [];
  if (named.length > 0) delete set.COGNITO_POOLS;

  const names = Object.keys(VARIABLES) as VariableName[];
  const values: Values = Object.fromEntries(
    names.flatMap((name) => {
      if (set[name] === undefined) return [];
      const parsed = VARIABLES[name].safeParse(set[name]);
      if (parsed.success) return [[name, parsed.data]];
      problems.push(...toProblems(name, REMEDIES[name], parsed.error));
      return [];
    }),
  );
  const pools = named.length > 0 ? parseNamedPools(named, problems) : values.COGNITO_POOLS;
  if (
    options.needsPools &&
    pools === undefined &&
    problems.every((p) => p.subject !== 'COGNITO_POOLS' && p.subject !== 'POOL')
  ) {
    problems.push({
      subject: 'COGNITO_POOLS',
      problem: 'no pool is named.',
      remedy: `Name pools on the command line, or set it. ${REMEDIES.COGNITO_POOLS}`,
    });
  }
  problems.push(...findUnknownVariables(Object.keys(set), [...names, ...READ_ELSEWHERE]));
  if (problems.length > 0) throw new ConfigurationError(problems);

  const home = resolve(values.MIRROR_HOME ?? './.cognito-mirror');
  return Object.freeze({
    pools: pools ?? [],
    databaseUrl: values.DATABASE_URL ?? null,
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
    schedule: { pattern: '0 2 * * *', timezone: 'UTC' },
    historyDays: values.MIRROR_HISTORY_DAYS ?? null,
    http: { host: '127.0.0.1', port: 8080, token: null },
    logLevel: values.LOG_LEVEL ?? 'info',
  });
}

function parseNamedPools(
  named: readonly string[],
  problems: Problem[],
): readonly string[] | 'all' | undefined {
  const parsed = z.string().transform(toPools).safeParse(named.join(','));
  if (parsed.success) return parsed.data;
  problems.push(...toProblems('POOL', REMEDIES.COGNITO_POOLS, parsed.error));
  return undefined;
}

function toProblems(subject: string, remedy: string, error: z.ZodError): Problem[] {
  return error.issues.map((issue) => ({ subject, problem: issue.message, remedy }));
}
