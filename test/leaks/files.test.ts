import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { acquireFileLock } from '../../src/postgres/embedded/file-lock.js';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { startS3Server } from '../support/s3-server.ts';
import { listenBefore } from './listener.ts';

let mirror: CliMirror;
let home: string;
beforeEach(async () => {
  mirror = await openCliMirror({ users: 400, groups: 4, seed: 11 });
  home = join(mirror.folder, '.cognito-mirror');
});
afterEach(() => mirror.close());

/** Postgres and the archive are those of the home. */
const OWN = { DATABASE_URL: undefined, ARCHIVE_URL: undefined };

/** Where Postgres keeps its files: no other account may enter it. */
const CLOSED = /^postgres[^/]*\/data$/;

/** Every path below a folder with its mode, as `work/x 600`; the folder itself is `.`. */
async function modesBelow(folder: string, closed?: RegExp, path = '.'): Promise<string[]> {
  // What was there may be gone a moment later.
  const found = await lstat(join(folder, path)).catch(() => null);
  if (found === null) return [];
  const own = `${path} ${(found.mode & 0o777).toString(8)}`;
  if (!found.isDirectory() || closed?.test(path)) return [own];
  const names = await readdir(join(folder, path)).catch(() => []);
  const below = names.map((name) => modesBelow(folder, closed, join(path, name)));
  return [own, ...(await Promise.all(below)).flat()];
}

/** As root, the server runs as another account, which may pass these. */
const PASSED = process.getuid?.() === 0 ? /^(\.|postgres(\.new-\w+)?) 711$/ : /^$/;

const openToOthers = (modes: readonly string[]) =>
  modes.filter((line) => !/ [0-7]00$/.test(line) && !PASSED.test(line));

/** Looks at the home again and again. The returned function stops that, and returns what was open. */
function watch(): () => Promise<string[]> {
  const found = new Set<string>();
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      for (const line of openToOthers(await modesBelow(home, CLOSED))) found.add(line);
      await sleep(5);
    }
  })();
  return async () => {
    stopped = true;
    await watching;
    // DuckDB makes its files by the umask, in a folder that is closed.
    return [...found].filter((line) => !/^work\/[^/]+\/\w+-\d+\.parquet /.test(line));
  };
}

describe.each([0o022, 0o000])('with the umask %o', (umask) => {
  beforeEach(() => {
    const before = process.umask(umask);
    onTestFinished(() => void process.umask(before));
  });

  test('all that runs make is for its owner alone, from the first moment', async () => {
    const stop = watch();
    expect((await mirror.sync([], OWN)).code).toBe(0);
    expect((await mirror.run(['query', 'SELECT 1'], OWN)).code).toBe(0);
    expect(await stop()).toEqual([]);

    const left = await modesBelow(home);
    expect(left.length).toBeGreaterThan(500);
    expect(left).toContainEqual(expect.stringMatching(/^archive\/manifests\/.*\.json 600$/));
    expect(left).toContainEqual(expect.stringMatching(/^archive\/parquet\/.*\.parquet 600$/));
    expect(left).toContain('postgres/password 600');
    expect(left).toContain('postgres/server.log 600');
    expect(left).toContain('work 700');
    expect(openToOthers(left)).toEqual([]);
    expect(await readdir(mirror.env['TMPDIR'] as string)).toEqual([]);
  });

  test('so are the files of an archive that is being written', async () => {
    const s3 = await startS3Server();
    const store = await listenBefore(s3.url);
    onTestFinished(async () => {
      await store.close();
      await s3.close();
    });
    let during: string[] = [];
    store.instead = async ({ method, url }) => {
      const isPart = method === 'PUT' && url.includes('/parquet/');
      if (isPart && during.length === 0) during = await modesBelow(join(home, 'work'));
      return null;
    };
    const change = {
      ARCHIVE_URL: 's3://archive',
      AWS_ENDPOINT_URL_S3: store.url,
      AWS_REGION: 'us-east-1',
    };
    expect((await mirror.sync([], change)).code).toBe(0);
    expect(during).toEqual(
      expect.arrayContaining([
        '. 700',
        expect.stringMatching(/^[^/]+ 700$/),
        expect.stringMatching(/^[^/]+\/spill 700$/),
        expect.stringMatching(/^[^/]+\/users-0\.parquet 600$/),
        expect.stringMatching(/^[^/]+\/users-0\.jsonl\.gz 600$/),
      ]),
    );
    expect(openToOthers(during)).toEqual([]);
  });

  test('so is a lock, while it is held', async () => {
    const release = await acquireFileLock(join(mirror.folder, 'lock'));
    onTestFinished(release);
    expect(await modesBelow(mirror.folder)).toContain('lock 600');
  });
});
