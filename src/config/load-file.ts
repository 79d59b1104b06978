import type { z } from 'zod';
import type { Problem } from '../model/errors.ts';
import { CONFIG_FILE, type ConfigFile, keysAt } from './file-schema.ts';
import { nearest } from './nearest.ts';
import { printable, readFile } from './read-file.ts';
import { REMEDIES } from './variables.ts';
import { readYaml } from './yaml-text.ts';

/** What no file says. */
export const NO_FILE: ConfigFile = Object.freeze({ pools: new Map(), accounts: new Map() });

/** What to do about a wrong value, by the last key of its path. */
const FIELD_REMEDIES: Readonly<Record<string, string>> = {
  arn: 'Give an ARN such as arn:aws:iam::123456789012:role/cognito-mirror.',
  externalId: "Give what the role's trust policy asks for, in quotes.",
  region: 'Give a name such as us-east-1.',
  schedule: REMEDIES.MIRROR_SCHEDULE,
  timezone: REMEDIES.MIRROR_TIMEZONE,
  archiveUrl: REMEDIES.ARCHIVE_URL,
  maxRemoved: REMEDIES.MIRROR_MAX_REMOVED,
  quotaShare: REMEDIES.MIRROR_QUOTA_SHARE,
  userListRps: REMEDIES.MIRROR_USER_LIST_RPS,
};

const MAPPING_REMEDY = 'Give it the form of docs/mirror-config.schema.json.';

/**
 * Reads and checks the file that MIRROR_CONFIG names. Every problem is told with its line and path;
 * none quotes a value, as people put secrets into the wrong places too.
 */
export function loadFile(path: string): ConfigFile | readonly Problem[] {
  const text = readFile(path);
  if (typeof text !== 'string') return [text];
  const { problems, content } = readYaml(text);
  const parsed = content === null ? null : CONFIG_FILE.safeParse(content.value);
  if (problems.length === 0 && parsed?.success) return toConfigFile(parsed.data);

  const told = new Set(problems.map(({ line }) => line));
  const inSchema = (parsed?.error?.issues ?? []).flatMap(issueProblems).map((found) => ({
    line: content?.lineOf(found.path) ?? 1,
    problem: `${pathName(found.path)}${found.problem}`,
    remedy: found.remedy,
  }));
  // A key that YAML misreads is no account id either: once is enough.
  return [...problems, ...inSchema.filter(({ line }) => !told.has(line))]
    .sort((a, b) => a.line - b.line)
    .map(({ line, problem, remedy }) => ({
      subject: `MIRROR_CONFIG (${printable(path)}:${line})`,
      problem,
      remedy,
    }));
}

interface PathProblem {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  readonly remedy: string;
}

function issueProblems(issue: z.core.$ZodIssue): PathProblem[] {
  const { path } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const meant = nearest(key, keysAt(path));
        return {
          path: [...path, key],
          problem: 'there is no such key.',
          remedy:
            meant === null
              ? `Remove it; known are ${keysAt(path).join(', ')}.`
              : `Did you mean ${meant}? Rename or remove it.`,
        };
      });
    case 'custom':
      return [{ path, problem: issue.message, remedy: issue.params?.['remedy'] ?? remedyOf(path) }];
    default:
      return [{ path, problem: issue.message, remedy: remedyOf(path) }];
  }
}

function remedyOf(path: readonly PropertyKey[]): string {
  const field = String(path.at(-1));
  return (Object.hasOwn(FIELD_REMEDIES, field) && FIELD_REMEDIES[field]) || MAPPING_REMEDY;
}

/** `pools.us-east-1_A.schedule: `. Keys that do not look like names are left out. */
function pathName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  return `${path.map((key) => (/^[\w-]{1,60}$/.test(String(key)) ? String(key) : '?')).join('.')}: `;
}

function toConfigFile({ pools, accounts }: z.output<typeof CONFIG_FILE>): ConfigFile {
  return {
    pools: toMap(pools),
    accounts: new Map([...toMap(accounts)].map(([id, regions]) => [id, toMap(regions)])),
  };
}

/** An empty entry is one with nothing set. */
function toMap<T extends object>(entries: Record<string, T | null> | null | undefined) {
  return new Map(Object.entries(entries ?? {}).map(([key, entry]) => [key, entry ?? ({} as T)]));
}
