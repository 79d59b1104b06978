import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { quoteForBash, splitBashLine } from '../../src/cli/completion/bash-words.ts';
import { MAIN } from '../support/cli.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

const run = promisify(execFile);

/** What a shell could run or split, in the name of a group. The service allows no white space in it. */
const NAMES = ['$(>hacked)', "it's;`id`", 'a:b=c', 'plain'];

let mirror: CliMirror;
let bin: string;
let snapshot: string;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 20, groups: 1 });
  for (const name of NAMES) mirror.pool.createGroup(name);
  const { reports } = await mirror.sync();
  snapshot = String(reports[0]?.snapshot);
  bin = join(mirror.folder, 'bin');
  await mkdir(bin);
  // On a busy machine, the database may answer later than a person waits for a word.
  const patient = 'data:text/javascript,AbortSignal.timeout=()=>new AbortController().signal';
  const program = `#!/bin/sh\nexec '${process.execPath}' --import '${patient}' '${MAIN}' "$@"\n`;
  await writeFile(join(bin, 'cognito-mirror'), program, { mode: 0o755 });
});
afterAll(() => mirror.close());

const env = (change: Record<string, string> = {}) => ({
  ...mirror.env,
  PATH: `${bin}:${process.env['PATH']}`,
  ...change,
});

/** What real bash offers for a line, as it would insert it. */
async function bashOffers(line: string, change?: Record<string, string>): Promise<string[]> {
  const script = join(mirror.folder, 'ask.bash');
  await writeFile(
    script,
    `eval "$(cognito-mirror completion bash)"
COMP_LINE=$1; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=("\${@:2}"); COMP_CWORD=$(( $# - 2 ))
_cognito_mirror cognito-mirror
printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
  const words = line.split(' ');
  const { stdout } = await run('bash', [script, line, ...words], {
    env: env(change),
    cwd: mirror.folder,
  });
  return stdout.split('\n').filter((each) => each !== '');
}

describe('bash', () => {
  it('completes commands, options, choices, pools, snapshots and groups', async () => {
    expect(await bashOffers('cognito-mirror re')).toEqual([
      'report',
      'release',
      'retire',
      'restore',
    ]);
    expect(await bashOffers('cognito-mirror sync --j')).toEqual(['--json']);
    expect(await bashOffers('cognito-mirror ddl du')).toEqual(['duckdb']);
    expect(await bashOffers('cognito-mirror access-review ')).toEqual(['export', 'check']);
    const { poolId } = mirror;
    expect(await bashOffers('cognito-mirror sync us')).toEqual([poolId]);
    expect(await bashOffers(`cognito-mirror diff ${poolId} 2`)).toEqual([snapshot]);
    expect(await bashOffers('cognito-mirror release us')).toEqual([`${poolId}/`]);
    expect(await bashOffers(`cognito-mirror restore --from ${poolId}/`)).toEqual([
      `${poolId}/${snapshot}`,
    ]);
    expect(await bashOffers(`cognito-mirror access ${poolId} p`)).toEqual(['plain']);
    const from = `--from ${poolId}/latest`;
    expect(await bashOffers(`cognito-mirror restore ${from} --group p`)).toEqual(['plain']);
  });

  it('quotes names, so that the shell reads them as they are and runs nothing', async () => {
    const offered = await bashOffers(`cognito-mirror access ${mirror.poolId} `);
    expect(offered.length).toBeGreaterThanOrEqual(NAMES.length);
    const { stdout } = await run('bash', ['-c', `printf '%s\\n' ${offered.join(' ')}`], {
      cwd: mirror.folder,
    });
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(NAMES));
    expect(existsSync(join(mirror.folder, 'hacked'))).toBe(false);
  });

  it('is silent without a database that answers, and starts none', async () => {
    const line = 'cognito-mirror sync ';
    expect(await bashOffers(line, { DATABASE_URL: '' })).toEqual([]);
    expect(existsSync(join(mirror.folder, '.cognito-mirror', 'postgres'))).toBe(false);
    expect(await bashOffers(line, { DATABASE_URL: 'postgres://u@127.0.0.1:1/x' })).toEqual([]);
    expect(await bashOffers(line, { DATABASE_URL: 'no url' })).toEqual([]);
  });

  it('reads no file of variables in a folder where nothing was run', async () => {
    const file = join(mirror.folder, 'cognito-mirror.env');
    await writeFile(file, `DATABASE_URL=${mirror.databaseUrl}\n`);
    const others = Object.fromEntries(
      Object.entries(env()).filter(([name]) => name !== 'DATABASE_URL'),
    );
    const ask = (args: string[]) =>
      run(process.execPath, [MAIN, ...args], { cwd: mirror.folder, env: others });
    const { stdout } = await ask(['__complete', 'zsh', 'sync', '']);
    expect(stdout).toBe('');
    // The same file counts for a command.
    const status = await ask(['status', '--json']);
    expect(status.stdout).toContain(mirror.poolId);
    await rm(file);
  });
});

describe('a word for bash', () => {
  const quoted = (typed: string, word: string, piece = typed) =>
    quoteForBash(word, splitBashLine(`cognito-mirror access ${typed}`), piece);

  test.each([
    ['', '$(rm -rf x)', '\\$\\(rm\\ -rf\\ x\\)'],
    ['"', '$(rm "x")', '\\$(rm \\"x\\")'],
    ["'", '$(rm x)', '$(rm x)'],
    ["'", "it's", null],
    ['a:', 'a:b', 'b'],
  ])('after %s is %s as %s', (typed, word, expected) => {
    expect(quoted(typed, word, typed === 'a:' ? ':' : typed)).toBe(expected);
  });

  it('is found by the rules of quotes', () => {
    expect(splitBashLine(`a 'b c' d\\ e "f\\"g`)).toEqual({
      words: ['a', 'b c', 'd e', 'f"g'],
      raw: '"f\\"g',
      quote: '"',
    });
  });
});

const isThere = (shell: string) => existsSync(`/usr/bin/${shell}`) || existsSync(`/bin/${shell}`);

test.runIf(isThere('fish'))('fish completes and quotes the same', async () => {
  const script = `cognito-mirror completion fish | source
complete -C 'cognito-mirror ddl du'; complete -C 'cognito-mirror access ${'$argv[1]'} p'`;
  const ask = async () => {
    const args = ['--no-config', '-c', script.replace('$argv[1]', mirror.poolId)];
    return (await run('fish', args, { env: env(), cwd: mirror.folder })).stdout.split('\n');
  };
  await expect.poll(ask).toEqual(expect.arrayContaining(['duckdb', 'plain']));
});

test.runIf(isThere('zsh'))('zsh loads the script, and asks for the same words', async () => {
  const script = `autoload -U compinit; compinit -D; source <(cognito-mirror completion zsh)
echo $_comps[cognito-mirror]
compadd() { print -l -- "\${(@P)@[-1]}" }; _files() { echo files }
words=(cognito-mirror access ${mirror.poolId} p); CURRENT=4; PREFIX=p; _cognito_mirror`;
  const ask = async () =>
    (await run('zsh', ['-f', '-c', script], { env: env(), cwd: mirror.folder })).stdout.split('\n');
  await expect.poll(ask).toEqual(expect.arrayContaining(['_cognito_mirror', ...NAMES]));
});
