import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { printable } from '../common/printable.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { CONFIG_FILE, type ConfigFile, listKeys } from './file-schema.ts';
import { SETTINGS, type Setting } from './settings.ts';
import { describeUnknown } from './unknown-names.ts';
import { readYaml } from './yaml-text.ts';

/** The content of a file that sets nothing. */
export const NO_FILE: ConfigFile = Object.freeze({ pools: new Map(), accounts: new Map() });

const MAX_BYTES = 1_000_000;

/**
 * Reads and checks the file of MIRROR_CONFIG. Each problem has its line and path. No problem quotes
 * a value: it can be a secret in the wrong place.
 */
export function loadFile(path: string): ConfigFile | readonly Problem[] {
  const text = readFile(path);
  if (typeof text !== 'string') return [text];
  const { problems, value, findLine } = readYaml(text);
  const parsed = value === undefined ? null : CONFIG_FILE.safeParse(value);
  if (problems.length === 0 && parsed?.success) return toConfigFile(parsed.data);

  const lines = new Set(problems.map(({ line }) => line));
  const inSchema = (parsed?.error?.issues ?? []).flatMap(toPathProblems).map((found) => ({
    line: findLine(found.path),
    problem: `${formatPath(found.path)}${found.problem}`,
    remedy: found.remedy,
  }));
  // A key that YAML misreads also fails the schema: report it once.
  return [...problems, ...inSchema.filter(({ line }) => !lines.has(line))]
    .sort((a, b) => a.line - b.line)
    .map(({ line, problem, remedy }) => ({
      subject: `MIRROR_CONFIG (${printable(path)}:${line})`,
      problem,
      remedy,
    }));
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
    parsed.error.issues.flatMap(toPathProblems).map(({ path, problem, remedy }) => ({
      subject: path.map(String).join('.'),
      problem,
      remedy,
    })),
  );
}

interface PathProblem {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  readonly remedy: string;
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
  const setting = new Map<unknown, Setting>(Object.entries(SETTINGS)).get(path.at(-1));
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
    pools: toMap(pools),
    accounts: new Map([...toMap(accounts)].map(([id, regions]) => [id, toMap(regions)])),
  };
}

/** An empty entry sets nothing. */
function toMap<T extends object>(entries: Record<string, T | null> | null | undefined) {
  return new Map(Object.entries(entries ?? {}).map(([key, entry]) => [key, entry ?? ({} as T)]));
}

function readFile(path: string): string | Problem {
  const fail = (why: string, remedy = 'Give the path of a YAML file, or unset it.'): Problem => ({
    subject: 'MIRROR_CONFIG',
    problem: `${printable(path)} ${why}.`,
    remedy,
  });
  try {
    const file = statSync(path);
    if (file.isDirectory()) return fail('is a folder');
    // Reading a pipe would wait until something writes to it.
    if (!file.isFile()) return fail('is not a regular file');
    if (file.size > MAX_BYTES) return fail('is larger than 1 MB');
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    return text.trim() === '' ? fail('is empty') : text;
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return fail('is not UTF-8', 'Save it as UTF-8.');
    return fail(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
}
