import { parseEnv } from 'node:util';
import { ActionRequiredError } from '../../index.ts';
import { AWS_IN_FILE } from '../environment-file.ts';

/** What `init` found out, as values of variables. An absent one keeps its default. */
export interface Answers {
  readonly COGNITO_POOLS: string;
  readonly DATABASE_URL?: string | undefined;
  readonly REDIS_URL?: string | undefined;
  readonly ARCHIVE_URL?: string | undefined;
  readonly MIRROR_SCHEDULE?: string | undefined;
  readonly MIRROR_TIMEZONE?: string | undefined;
}

/** Variables of the environment that later commands need too. Keys of AWS are not written anywhere. */
const KEPT = [...AWS_IN_FILE, 'MIRROR_HOME', 'MIRROR_CONFIG'];

/** What the variable says now. The file may not have the endpoint of all services, but that of each. */
function readKept(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const shared = name.startsWith('AWS_ENDPOINT_URL_') ? env.AWS_ENDPOINT_URL : undefined;
  return env[name]?.trim() || shared?.trim() || undefined;
}

/** The variable, what the file says about it, and an example for one that is not set. */
const LINES: readonly (readonly [keyof Answers, comment: string, example: string])[] = [
  [
    'DATABASE_URL',
    'Postgres. Not set: an embedded one in MIRROR_HOME.',
    'postgres://user:password@host:5432/mirror',
  ],
  ['REDIS_URL', 'Redis, which workers need. Not set: one process at a time.', 'redis://host:6379'],
  [
    'ARCHIVE_URL',
    'The archive: a bucket or a folder. Not set: a folder in MIRROR_HOME.',
    's3://my-bucket/cognito',
  ],
  ['MIRROR_SCHEDULE', 'When `worker` mirrors each pool, as a cron expression.', '0 2 * * *'],
  ['MIRROR_TIMEZONE', 'The time zone of the schedule.', 'Europe/Berlin'],
];

/**
 * The text of `cognito-mirror.env`, in the form that `node --env-file`, systemd (EnvironmentFile) and
 * docker (`--env-file`) read too: no `export`, no quotes, no comment after a value.
 *
 * @param env what is set now
 * @throws ActionRequiredError if a value cannot be written in this form
 */
export function formatEnvironment(answers: Answers, env: NodeJS.ProcessEnv): string {
  const kept = KEPT.flatMap((name) => {
    const value = readKept(name, env);
    return value === undefined ? [] : [[name, value] as const];
  });
  const values = new Map<string, string>([...kept, ['COGNITO_POOLS', answers.COGNITO_POOLS]]);
  const sections = LINES.map(([name, comment, example]) => {
    const value = answers[name];
    if (value === undefined) return `# ${comment}\n# ${name}=${example}\n`;
    values.set(name, percentEncode(value));
    return `# ${comment}\n${name}=${percentEncode(value)}\n`;
  });
  const text = [
    '# Settings of cognito-mirror, read by each command that runs in this folder. Variables of the\n' +
      '# environment count first. docs/CONFIGURATION.md has every variable. No quotes, please, and no\n' +
      '# comment after a value.\n',
    `# The pools, by id, or all.\nCOGNITO_POOLS=${answers.COGNITO_POOLS}\n`,
    ...sections,
    '# How AWS is reached. Access keys do not belong here: use a profile or a role.\n' +
      (kept.map(([name, value]) => `${name}=${value}\n`).join('') || '# AWS_PROFILE=my-profile\n'),
  ].join('\n');
  requireReadable(text, values);
  return text;
}

/** Characters that one of the readers would take for something else, in a URL or a cron expression. */
function percentEncode(value: string): string {
  if (!value.includes('://')) return value;
  return value.replace(
    /[#"'`\\$\s]/g,
    (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function requireReadable(text: string, values: ReadonlyMap<string, string>): void {
  const read = parseEnv(text);
  for (const [name, value] of values) {
    if (read[name] === value) continue;
    throw ActionRequiredError.of(
      name,
      'its value cannot be written to a file of environment variables.',
      'Give one without quotes, # and line breaks.',
    );
  }
}
