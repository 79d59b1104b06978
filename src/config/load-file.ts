import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { printable } from '../common/printable.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { CONFIG_FILE, type ConfigFile, listKeys, toPoolKey } from './file-schema.ts';
import { SETTINGS, type Setting } from './settings.ts';
import { describeUnknown } from './unknown-names.ts';
import { readYaml } from './yaml-text.ts';

/** The content of a file that sets nothing. */
export const NO_FILE: ConfigFile = Object.freeze({ pools: new Map(), accounts: new Map() });

const MAX_BYTES = 1_000_000;

/**
 * Reads and checks the file of MIRROR_CONFIG. Each problem has its line and path. No problem quotes
 * a value: it can be a secret in the wrong place.
 *
 * @throws ActionRequiredError with every problem
 */
export function loadFile(path: string): ConfigFile {
  const { problems, value, findLine } = readYaml(readFile(path));
  const parsed = value === undefined ? null : CONFIG_FILE.safeParse(value);
  if (problems.length === 0 && parsed?.success) return toConfigFile(parsed.data);

  const lines = new Set(problems.map(({ line }) => line));
  const inSchema = (parsed?.error?.issues ?? [])
    .flatMap(toPathProblems)
    .map(({ path: keys, problem, remedy }) => ({
      line: findLine(keys),
      problem: `${formatPath(keys)}${problem}`,
      remedy,
    }));
  // A key that YAML misreads also fails the schema: report it once.
  const all = [...problems, ...inSchema.filter(({ line }) => !lines.has(line))];
  throw new ActionRequiredError(
    all
      .sort((a, b) => a.line - b.line)
      .map(({ line, ...rest }) => ({
        subject: `MIRROR_CONFIG (${printable(path)}:${line})`,
        ...rest,
      })),
  );
}

/**
 * Checks settings that a program gives in the form of the file.
 *
 * @throws ActionRequiredError with every problem and its path
 */
export function parseSettings(value: unknown): ConfigFile {
  const parsed = CONFIG_FILE.safeParse(value);
  if (parsed.success) return toConfigFile(parsed.data);
  throw new ActionRequiredError(
    parsed.error.issues
      .flatMap(toPathProblems)
      .map(({ path, ...rest }) => ({ subject: path.map(String).join('.'), ...rest })),
  );
}

interface PathProblem extends Omit<Problem, 'subject'> {
  readonly path: readonly PropertyKey[];
}

function toPathProblems(issue: z.core.$ZodIssue): PathProblem[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = listKeys(path);
    const fallback = `Remove it. Known: ${known.join(', ')}.`;
    return issue.keys.map((key) => ({
      path: [...path, key],
      ...describeUnknown('key', key, known, fallback),
    }));
  }
  const own = issue.code === 'custom' ? issue.params?.['remedy'] : undefined;
  // The last key may be the place in a list.
  const name = path.findLast((key) => typeof key === 'string');
  const setting = new Map<unknown, Setting>(Object.entries(SETTINGS)).get(name);
  const remedy = own ?? setting?.remedy ?? 'See docs/mirror-config.schema.json for its form.';
  return [{ path, problem: message, remedy }];
}

/** `pools.us-east-1_A.schedule: `. A key that does not look like a name is shown as `?`. */
function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  return `${path.map((key) => (/^[\w-]{1,60}$/.test(String(key)) ? String(key) : '?')).join('.')}: `;
}

function toConfigFile({ pools, accounts }: z.output<typeof CONFIG_FILE>): ConfigFile {
  return {
    pools: new Map([...toMap(pools)].map(([key, entry]) => [toPoolKey(key) ?? key, entry])),
    accounts: new Map([...toMap(accounts)].map(([id, regions]) => [id, toMap(regions)])),
  };
}

/** An empty entry sets nothing. */
function toMap<T extends object>(entries: Record<string, T | null> | null | undefined) {
  return new Map(Object.entries(entries ?? {}).map(([key, entry]) => [key, entry ?? ({} as T)]));
}

function readFile(path: string): string {
  const fail = (why: string, remedy = 'Give the path of a YAML file, or unset it.'): never => {
    const problem = `${printable(path)} ${why}.`;
    throw ActionRequiredError.of('MIRROR_CONFIG', problem, remedy);
  };
  try {
    const file = statSync(path);
    if (file.isDirectory()) fail('is a folder');
    // Reading a pipe would wait until something writes to it.
    if (!file.isFile()) fail('is not a regular file');
    if (file.size > MAX_BYTES) fail('is larger than 1 MB');
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    return text.trim() === '' ? fail('is empty') : text;
  } catch (error) {
    if (error instanceof ActionRequiredError) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') fail('is not UTF-8', 'Save it as UTF-8.');
    return fail(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
}
