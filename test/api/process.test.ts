import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temp.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Values of our own variables that would fail every call that reads them. */
const POISON = {
  COGNITO_POOLS: 'no pool',
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  REDIS_URL: 'redis://127.0.0.1:1',
  ARCHIVE_URL: 'file:///proc/none',
  ARCHIVE_FORMATS: 'none',
  ARCHIVE_KMS_KEY_ID: 'none',
  MIRROR_HOME: '/proc/none',
  MIRROR_CONFIG: '/proc/none.yaml',
  MIRROR_SCHEDULE: 'never',
  MIRROR_TIMEZONE: 'Nowhere',
  MIRROR_QUOTA_SHARE: '-1',
  MIRROR_USER_LIST_RPS: '-1',
  MIRROR_MAX_REMOVED_RATIO: '-1',
  MIRROR_HISTORY_DAYS: '-1',
  MIRROR_HTTP_TOKEN: 'x',
  HOST: '???',
  PORT: '-1',
  LOG_LEVEL: 'loud',
  HTTP_PROXY: 'http://127.0.0.1:1',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  ALL_PROXY: 'http://127.0.0.1:1',
  PGHOST: '203.0.113.1',
  PGPORT: '1',
  PGUSER: 'nobody',
  PGPASSWORD: 'wrong',
  PGPASSFILE: '/proc/none',
  PGDATABASE: 'none',
  PGSSLMODE: 'verify-full',
  PGOPTIONS: '-c search_path=none',
};

test('the library reads no variable of the program, and leaves the process as it is', async () => {
  const { path, remove } = await temporaryFolder();
  const script = `
    import { createMirror } from ${JSON.stringify(join(ROOT, 'dist/index.js'))};
    import { startSimulator } from ${JSON.stringify(join(ROOT, 'dist/simulator/index.js'))};
    const observe = () => JSON.stringify({
      env: process.env,
      umask: process.umask(),
      exitCode: process.exitCode ?? null,
      listeners: ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException', 'unhandledRejection', 'exit']
        .map((name) => process.listenerCount(name)),
    });
    const before = observe();
    const simulator = await startSimulator({ users: 20, groups: 1, rps: 0 });
    const mirror = await createMirror({
      home: ${JSON.stringify(join(path, 'home'))},
      endpoints: { cognito: simulator.url },
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    const { state } = await mirror.sync('us-east-1_Simulated');
    const during = observe();
    await mirror.close();
    await simulator.close();
    console.log(JSON.stringify({ state, during: during === before, after: observe() === before }));`;
  try {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: path,
      env: { ...POISON, PATH: process.env['PATH'], HOME: path },
    });
    expect(JSON.parse(stdout)).toEqual({ state: 'archived', during: true, after: true });
  } finally {
    await remove();
  }
});

test('docs/API.md has every value that is exported, and every method of a mirror', async () => {
  const read = (path: string) => readFile(join(ROOT, path), 'utf8');
  const [page, index] = await Promise.all(['docs/API.md', 'src/index.ts'].map(read));
  const values = [...(index ?? '').matchAll(/^export \{([^}]*)\}/gm)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '));
  const members = [];
  for (const path of ['src/app/mirror.ts', 'src/app/history-questions.ts']) {
    const [, body = ''] =
      /\nexport interface (?:Mirror|HistoryQuestions) ([\s\S]*?)\n\}/.exec(await read(path)) ?? [];
    for (const [, name = ''] of body.matchAll(/^ {2}(?:readonly )?(\w+)[<(:]/gm))
      members.push(name);
  }
  expect(members.length).toBeGreaterThan(25);
  const isMissing = (name: string) => !new RegExp(String.raw`\b${name}\b`).test(page ?? '');
  expect([...values, ...members].filter(isMissing)).toEqual([]);
});

test('every exported name has a doc comment', async () => {
  const missing: string[] = [];
  for (const entry of ['index.ts', 'simulator/index.ts']) {
    const folder = join(ROOT, 'src', entry, '..');
    const text = await readFile(join(ROOT, 'src', entry), 'utf8');
    for (const [, names = '', file = ''] of text.matchAll(
      /export (?:type )?\{([^}]*)\} from '([^']+)'/g,
    )) {
      const source = await readFile(join(folder, file), 'utf8');
      for (const name of names.split(',').map((each) => each.replace(/^\s*type\s/, '').trim())) {
        const declared = new RegExp(
          String.raw`\*/\nexport (abstract |async )*(class|function\*?|interface|type|const \{?) ?.*\b${name}\b`,
        );
        if (name !== '' && !declared.test(source)) missing.push(`${name} (${file})`);
      }
    }
  }
  expect(missing).toEqual([]);
});
