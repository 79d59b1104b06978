import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import fc from '../support/fast-check.ts';
import { anyText } from './odd-text.ts';

let mirror: CliMirror;
beforeAll(async () => {
  mirror = await openCliMirror({ users: 5, groups: 1 });
});
afterAll(() => mirror.close());

const COMMANDS = [
  ...['sync', 'plan', 'worker', 'trigger', 'status', 'list', 'query', 'db', 'release', 'discard'],
  ...[
    'diff',
    'history',
    'access',
    'access-review',
    'migrate',
    'simulator',
    'demo',
    'help',
    'restore',
  ],
];

const OPTIONS = [
  ...['--json', '--csv', '--watch', '--filter', '--attributes', '--page-size', '--max-items'],
  ...['--only', '--group', '--fields', '--redact', '--summary', '--exit-code', '--user', '--at'],
  ...['--from', '--to', '--share', '--password', '--names', '--dry-run'],
  ...['--starting-token', '--port', '--pool', '--users', '--groups', '--seed', '--largest-group'],
  ...['--second-digit', '--account', '--rps', '--latency-ms', '--page-fill', '--page-token-ttl-s'],
  ...[
    '--fault',
    '--deny',
    '--help',
    '--version',
    '-h',
    '-V',
    '--',
    '-',
    '--__proto__',
    '--no-json',
  ],
];

const NUMBERS = [
  '-1',
  '0',
  '1',
  '5',
  '61',
  '0.5',
  '1e3',
  '0x10',
  'NaN',
  '٣',
  ' 5',
  '65536',
  '1e999',
];

const VALUES = [
  ...['previous', 'latest', 'held', '2026-11-20', '20261120T020000Z', 'added,groups'],
  ...[
    'export',
    'check',
    'users',
    'groups',
    'members',
    'everyone',
    'us-east-1_Simulated',
    'us-east-1_Other',
    'all',
  ],
  ...['us-east-1_Simulated/20261120T020000Z', 'us-east-1_Simulated/../x', 'constructor', '', ','],
  ...[
    'SELECT 1',
    'SELECT',
    ';',
    'DELETE FROM directory.users',
    'SELECT \'\u001b[2J\' AS "a\u0007"',
  ],
  ...['throttle=1', 'throttle:ListUsers=2', 'toString=1', 'ListUsers', 'valueOf', 'email ^= "a"'],
];

/** Any text that can be an argument: one without NUL. */
const argument = anyText
  .map((text) => text.replaceAll('\0', ''))
  .filter((text) => text.length < 200);

const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...OPTIONS) },
  { weight: 2, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 2, arbitrary: fc.constantFrom(...VALUES) },
  argument,
  fc.tuple(fc.constantFrom(...OPTIONS), argument).map((pair) => pair.join('=')),
);

const line = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...COMMANDS) },
      { weight: 1, arbitrary: word },
    ),
    fc.array(word, { maxLength: 5 }),
  )
  // `demo` without arguments would run for a while, so it gets an invalid one.
  .map(([command, words]) => [command, ...words, ...(command === 'demo' ? ['now'] : [])]);

/** Runs a command line to its end. Stops it after its first output, as some commands do not end. */
async function run(args: readonly string[]) {
  const running = await mirror.start(args);
  let stopped = false;
  running.child.stdout.once('data', () => {
    stopped = running.child.kill('SIGTERM');
  });
  const { code, stderr } = await running.result;
  // Help does not handle signals.
  return { code: stopped && code === null ? 0 : code, stderr };
}

/** Output that only an unhandled error causes. */
const SURPRISE = /^\s+at .+|This is unexpected|node:internal|\w+Error\b|[Uu]nhandled|\[object/m;

const ACTIVE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test('any command line works or is refused with a reason', async () => {
  const seen = new Map<number | null, number>();
  await fc.assert(
    fc.asyncProperty(fc.tuple(line, line, line), async (lines) => {
      const results = await Promise.all(lines.map(run));
      for (const [index, { code, stderr }] of results.entries()) {
        const output = { args: lines[index], code, stderr };
        expect(output).toEqual({ ...output, stderr: expect.not.stringMatching(SURPRISE) });
        for (const part of stderr.split('\n')) expect(part).not.toMatch(ACTIVE);
        expect([0, 1, 2, 130], JSON.stringify(output)).toContain(code);
        if (code === 1 || code === 2)
          expect(stderr).toMatch(/^(?:cognito-mirror|error|Usage): \S.*/m);
        seen.set(code, (seen.get(code) ?? 0) + 1);
      }
    }),
    { numRuns: 25, endOnFailure: true },
  );
  // Some lines are refused, and not all.
  expect(seen.get(2)).toBeGreaterThan(10);
  expect(seen.size).toBeGreaterThan(1);
});
