import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { nearest } from '../common/text.ts';
import type { Problem } from '../model/errors.ts';
import { CONFIG_FILE, type ConfigFile, keysAt } from './file-schema.ts';
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

const LARGEST_BYTES = 1_000_000;

/** Reads the file that MIRROR_CONFIG names, or says why it cannot be read. */
export function readFile(path: string): string | Problem {
  let bytes: Buffer;
  try {
    const file = statSync(path);
    if (file.isDirectory()) return noFile(path, 'is a folder');
    // A pipe would wait for a writer, perhaps for ever.
    if (!file.isFile()) return noFile(path, 'is no ordinary file');
    if (file.size > LARGEST_BYTES) return noFile(path, 'is larger than 1 MB');
    bytes = readFileSync(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return noFile(path, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { ...noFile(path, 'is not UTF-8'), remedy: 'Save it as UTF-8.' };
  }
  return text.trim() === '' ? noFile(path, 'is empty') : text;
}

function noFile(path: string, what: string): Problem {
  return {
    subject: 'MIRROR_CONFIG',
    problem: `${printable(path)} ${what}.`,
    remedy: 'Give the path of a YAML file, or unset it.',
  };
}

/** A path for a person to read, with control characters escaped. */
export function printable(path: string): string {
  return /^[^\p{C}]*$/u.test(path) ? path : JSON.stringify(path);
}
