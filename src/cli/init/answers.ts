import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type Account,
  ActionRequiredError,
  type CheckedSetting,
  checkSetting,
  loadOptions,
} from '../../index.ts';
import { choosePools, formatAccountPools } from './choose-pools.ts';
import type { Answers } from './environment-text.ts';
import type { Terminal } from './terminal.ts';

/** What the options of `init` give. */
export interface InitFlags {
  readonly pools?: string;
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly archiveUrl?: string;
  readonly schedule?: string;
  readonly timezone?: string;
}

const EMBEDDED = 'embedded';
const NONE = 'none';

/** Asks for what no option gives, or takes the defaults without a terminal. Tries every answer at once. */
export async function collectAnswers(
  account: Account,
  flags: InitFlags,
  { terminal, width, signal }: { terminal: Terminal | null; width: number; signal: AbortSignal },
): Promise<Answers> {
  const { env } = process;

  /** An option, else the answer of a person, else the value of the environment. */
  const take = async <T>(
    flag: string | undefined,
    question: string,
    fallback: string,
    accept: (answer: string) => Promise<T>,
  ): Promise<T> => {
    if (flag !== undefined) return accept(flag);
    return terminal === null ? accept(fallback) : terminal.ask(question, fallback, accept);
  };
  /** Checks a variable by the rules of the program, and tries its server. */
  const check =
    (name: keyof Answers, setting?: CheckedSetting) =>
    async (answer: string): Promise<string | undefined> => {
      if (answer === EMBEDDED || answer === NONE || answer === '') return undefined;
      const value = name === 'ARCHIVE_URL' ? toUrl(answer) : answer;
      const { MIRROR_HOME } = env;
      const options = await loadOptions({ MIRROR_HOME, [name]: value });
      if (setting) {
        // A server that does not answer takes some seconds.
        terminal?.say('  Trying it …');
        await checkSetting(setting, { ...options, logger: 'silent' }, { signal });
      }
      return value;
    };

  const only = account.pools.length === 1 ? '1' : '';
  if (terminal !== null && flags.pools === undefined) {
    terminal.say(formatAccountPools(account, width));
  }
  if (terminal === null && flags.pools === undefined && !env.COGNITO_POOLS?.trim()) {
    throw ActionRequiredError.of(
      '--pools',
      'is missing, and there is no terminal to ask.',
      'Give ids, ARNs or names, separated by commas, or `all`.',
    );
  }
  const COGNITO_POOLS = await take(
    flags.pools,
    'Pools to mirror: numbers, separated by commas, or all',
    env.COGNITO_POOLS?.trim() || only,
    async (answer) => choosePools(answer, account),
  );
  return {
    COGNITO_POOLS,
    DATABASE_URL: await take(
      flags.databaseUrl,
      'Postgres: a URL, or embedded',
      env.DATABASE_URL?.trim() || EMBEDDED,
      check('DATABASE_URL', 'databaseUrl'),
    ),
    ARCHIVE_URL: await take(
      flags.archiveUrl,
      'Archive: s3://bucket/prefix, a folder, or embedded',
      env.ARCHIVE_URL?.trim() || EMBEDDED,
      check('ARCHIVE_URL', 'archiveUrl'),
    ),
    REDIS_URL: await take(
      flags.redisUrl,
      'Redis, for workers: a URL, or none',
      env.REDIS_URL?.trim() || NONE,
      check('REDIS_URL', 'redisUrl'),
    ),
    MIRROR_SCHEDULE: await take(
      flags.schedule,
      'When workers mirror: a cron expression',
      env.MIRROR_SCHEDULE?.trim() || '0 2 * * *',
      check('MIRROR_SCHEDULE'),
    ),
    MIRROR_TIMEZONE: await take(
      flags.timezone,
      'Time zone of that',
      env.MIRROR_TIMEZONE?.trim() || 'UTC',
      check('MIRROR_TIMEZONE'),
    ),
  };
}

/** A path is a folder of this machine. No shell has replaced `~` in an answer. */
function toUrl(answer: string): string {
  const path = answer.replace(/^~(?=\/|$)/, homedir());
  return path.includes('://') || /^\/?~/.test(path) ? path : pathToFileURL(resolve(path)).href;
}
