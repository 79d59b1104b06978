import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/cli/errors.ts';
import { classify } from '../../src/cognito/error-table.ts';
import { readAlertRules } from '../telemetry/alert-rules.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/OPERATIONS.md'), 'utf8');

/** The sources of the program, without the simulator. */
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith('simulator'))
  .map((name) => ({ name, text: readFileSync(join(ROOT, 'src', name), 'utf8') }));

/** The parts of the page below the headings of this name, without deeper or later ones. */
function section(heading: string): string {
  const [, ...parts] = PAGE.split(new RegExp(`^#+ ${heading}$`, 'm'));
  return parts.map((part) => part.split(/^#/m)[0]).join('');
}

/** The cells of the first column of the tables in a part. */
function firstCells(part: string): string[] {
  return [...part.matchAll(/^\| (.*?[^\\]) \|/gm)].map(([, cell = '']) => cell).slice(1);
}

/** What is quoted in cells. */
function quotes(cells: readonly string[]): string[] {
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text));
}

/** The text of a call's arguments, from its opening parenthesis. */
function argumentsAt(text: string, open: number): string {
  let depth = 0;
  for (let index = open; index < text.length; index += 1) {
    if ('([{'.includes(text[index] ?? '')) depth += 1;
    if (')]}'.includes(text[index] ?? '')) depth -= 1;
    if (depth === 0) return text.slice(open + 1, index);
  }
  return '';
}

/** Messages that a source logs at level warn or above: the last text among the arguments. */
function loggedIn(text: string): string[] {
  const calls = text.matchAll(
    /\b(?:\w*[lL]og(?:ger)?|getStore\(\) \?\? log\))\??(?:\.(?:warn|error|fatal)|\[[^\]]+\])(?=\()/g,
  );
  return [...calls].flatMap(({ index, 0: head }) => {
    const given = argumentsAt(text, index + head.length);
    const texts = [...given.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`]*)`/g)];
    const [, single, double, template] = texts.at(-1) ?? [];
    const message = single ?? double ?? template?.replaceAll(/\$\{[^}]*\}/g, '…');
    return message === undefined ? [] : [message];
  });
}

const MESSAGES = SOURCES.flatMap(({ name, text }) =>
  loggedIn(text).map((message) => ({ name, message })),
);

/** Passes on the lines of others to a program's own logger. */
const PASSED_ON = 'app/logger.ts';

test('every log line of level warn or above has a row: what it means and what to do', () => {
  const tables = ['Log lines', 'Cognito', 'Postgres', 'Archive'];
  const quoted = tables.flatMap((heading) => quotes(firstCells(section(heading))));
  expect(MESSAGES.length).toBeGreaterThan(40);
  const missing = MESSAGES.filter(
    ({ name, message }) =>
      name !== PASSED_ON && !quoted.some((quote) => quote.length > 8 && message.includes(quote)),
  );
  expect(missing).toEqual([]);
});

test('every alert has a row, and every row an alert', () => {
  const named = quotes(firstCells(section('Alerts')));
  expect(named).toEqual(readAlertRules().map(({ alert }) => alert));
});

test('every exit code has a row, and every row an exit code', () => {
  const named = quotes(firstCells(section('Exit codes'))).map(Number);
  expect(named).toEqual(Object.values(EXIT));
});

test('every code of an error has a row, and every row a code', () => {
  const [, union = ''] =
    /export type ErrorCode =([^;]+);/.exec(
      SOURCES.find(({ name }) => name === 'model/errors.ts')?.text ?? '',
    ) ?? [];
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(5);
  expect(quotes(firstCells(section('Codes of errors')))).toEqual(codes);
});

test('every error of the service has a row for its message', () => {
  const table = SOURCES.find(({ name }) => name === 'cognito/error-table.ts')?.text ?? '';
  const [, rows = ''] = /const BY_NAME[\s\S]*?Object\.entries\(\{([\s\S]*?)\}\)/.exec(table) ?? [];
  const names = [...rows.matchAll(/^ {4}(\w+): [A-Z_]+,$/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(20);
  const call = {
    operation: 'ListUsers',
    poolId: 'us-east-1_Pool',
    region: 'us-east-1',
    carriesToken: false,
    carriesShardFilter: false,
  } as const;
  const quoted = quotes(firstCells(section('Cognito'))).map((quote) =>
    quote.split(/…|OPERATION|REGION/).map((part) => part.trim()),
  );
  for (const name of names) {
    const fault = { name: `${name}Exception`, $fault: 'client', $metadata: {} };
    const { error } = classify(Object.assign(new Error('refused'), fault), call);
    const isKnown = quoted.some((parts) => parts.every((part) => error.message.includes(part)));
    expect(isKnown, `${name}: ${error.message}`).toBe(true);
  }
});
