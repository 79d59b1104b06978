import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/index.ts';
import { isAccepted } from '../signature/support.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';
import { startKms } from '../support/kms-server.ts';

/** An archive of two signed snapshots, made by the commands that a person would use. */
let mirror: CliMirror;
let line: string;
let signers: string;
let heads: { snapshots: number; snapshot: string; sha256: string }[];
beforeAll(async () => {
  mirror = await openCliMirror({ users: 90, groups: 4 });
  const made = await mirror.run(['keygen', '--out', 'key']);
  line = made.stdout;
  signers = join(mirror.folder, 'allowed_signers');
  writeFileSync(signers, line);
  heads = [];
  for (let run = 0; run < 2; run += 1) {
    const { code, stderr, reports } = await mirror.sync([], { ARCHIVE_SIGNING_KEY: 'key' });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    heads.push(reports[0]?.archive?.head as (typeof heads)[number]);
  }
}, 120_000);
afterAll(() => mirror.close());

/** Runs `verify` as a stranger: with nothing in the environment. */
function verify(archive: string, ...args: string[]): Promise<CliResult> {
  return runCli(['verify', '--archive', pathToFileURL(archive).href, ...args], {
    cwd: mirror.folder,
    env: { HOME: mirror.folder, TMPDIR: join(mirror.folder, 'tmp') },
  });
}

/** A copy of the archive in another folder, changed. */
function copyWith(name: string, change: (folder: string) => void = () => {}): string {
  const folder = join(mirror.folder, name);
  cpSync(mirror.archive, folder, { recursive: true });
  change(folder);
  return folder;
}

test('keygen makes a private file, prints its line, and never overwrites', async () => {
  expect(statSync(join(mirror.folder, 'key')).mode & 0o777).toBe(0o600);
  expect(line).toMatch(
    /^cognito-mirror namespaces="cognito-mirror-manifest,cognito-mirror-receipt" ssh-ed25519 [\w+/]+=*\n$/,
  );
  const again = await mirror.run(['keygen', '--out', 'key']);
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect(again.stderr).toContain('/key exists. Give another name: no key is overwritten.');
  const shown = await mirror.run(['keygen', '--public'], { ARCHIVE_SIGNING_KEY: 'key' });
  expect(shown).toMatchObject({ code: 0, stdout: line, stderr: '' });
});

test('keygen names the folder that is missing', async () => {
  const { code, stderr } = await mirror.run(['keygen', '--out', 'no folder/key']);
  const folder = join(realpathSync(mirror.folder), 'no folder');
  expect(code).toBe(2);
  expect(stderr).toBe(
    `cognito-mirror: --out: there is no folder ${folder}. Make it with \`mkdir -p '${folder}'\`, or give another path.\n`,
  );
});

test('keygen prints a setting that a shell takes as it is', async () => {
  const made = await mirror.run(['keygen', '--out', "ana's key"]);
  const [setting] = /ARCHIVE_SIGNING_KEY=.*/.exec(made.stderr) ?? [''];
  const shown = spawnSync('sh', ['-c', `${setting}; printf %s "$ARCHIVE_SIGNING_KEY"`]);
  expect(shown.stdout.toString()).toBe(join(realpathSync(mirror.folder), "ana's key"));
  const both = await mirror.run(['keygen', '--public', '--out', 'other']);
  expect(both.code).toBe(2);
  expect(both.stderr).toContain("option '--public' cannot be used with option '--out <file>'");
});

test('ssh-keygen accepts every manifest of the archive', () => {
  const folder = join(mirror.archive, 'manifests', `pool_id=${mirror.poolId}`);
  const manifests = readdirSync(folder).filter((name) => name.endsWith('.json'));
  expect(manifests).toHaveLength(2);
  for (const name of manifests) {
    const path = join(folder, name);
    expect(isAccepted(readFileSync(path), `${path}.sig`, signers)).toBe(true);
  }
});

/** Verifies, and gives the findings by code with their keys. */
async function findingsOf(archive: string, ...args: string[]): Promise<Record<string, string[]>> {
  const { code, stdout } = await verify(archive, '--json', ...args);
  const { pools } = JSON.parse(stdout) as { pools: { findings: Finding[] }[] };
  const findings = pools.flatMap((pool) => pool.findings);
  expect(code).toBe(findings.length === 0 ? 0 : 1);
  const found: Record<string, string[]> = {};
  for (const { code: name, key } of findings) found[name] = [...(found[name] ?? []), key];
  return found;
}

const keyOf = (prefix: string) =>
  filesBelow(mirror.archive).then((keys) => keys.find((key) => key.startsWith(prefix)) ?? '');

function alterByte(folder: string, key: string): void {
  const bytes = readFileSync(join(folder, key));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(join(folder, key), bytes);
}

describe('verify', () => {
  test('finds nothing in an untouched archive, or in a copy of it', async () => {
    for (const folder of [mirror.archive, copyWith('copy')]) {
      const { code, stdout, stderr } = await verify(folder, '--signers', signers, '--json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { snapshot, sha256 } = heads[1] as (typeof heads)[number];
      expect(JSON.parse(stdout)).toEqual({
        pools: [
          {
            poolId: mirror.poolId,
            snapshots: 2,
            removedSnapshots: 0,
            objects: 14,
            bytes: expect.any(Number),
            head: { snapshots: 2, snapshot, sha256 },
            findings: [],
          },
        ],
        outside: [],
      });
    }
  });

  test('names what is in the folder of no pool, and exits with 1', async () => {
    const key = 'parquet/users/part-00000.parquet';
    const folder = copyWith('stray', (copy) => writeFileSync(join(copy, key), 'more'));
    const { code, stdout, stderr } = await verify(folder, '--structure');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(`${mirror.poolId}: valid`);
    const url = pathToFileURL(folder).href;
    expect(stdout.slice(stdout.lastIndexOf('file:'))).toMatch(
      `${url}: 1 finding outside of pools\n\n  extra: 1\n    ${key}\n      It is in the folder of no pool`,
    );
    const { outside } = JSON.parse((await verify(folder, '--structure', '--json')).stdout);
    expect(outside).toMatchObject([{ url, findings: [{ code: 'extra', key, snapshot: null }] }]);
    expect((await verify(folder, '--structure', mirror.poolId)).code).toBe(0);
  });

  test('names TMPDIR if it cannot be written, and needs none for the structure', async () => {
    const env = { HOME: mirror.folder, TMPDIR: join(mirror.folder, 'none') };
    const args = ['verify', '--archive', pathToFileURL(mirror.archive).href];
    const { code, stderr } = await runCli(args, { cwd: mirror.folder, env });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `cognito-mirror: TMPDIR: the folder ${env.TMPDIR} cannot be written (ENOENT). Set it to a folder that this user can write.\n`,
    });
    const structure = await runCli([...args, '--structure'], { cwd: mirror.folder, env });
    expect(structure.code).toBe(0);
  });

  test('removes what killed runs left in TMPDIR, and nothing else', async () => {
    const tmp = join(mirror.folder, 'tmp');
    const { pid: dead } = spawnSync('true');
    const name = (pid: number) => `cognito-mirror-verify-${hostname()}-${pid}-abcdef`;
    const kept = [name(process.pid), `cognito-mirror-verify-elsewhere-${dead}-abcdef`, 'other'];
    for (const each of [...kept, name(dead)]) mkdirSync(join(tmp, each));
    symlinkSync(tmp, join(tmp, name(dead).replace('abcdef', 'link-1')));
    expect((await verify(mirror.archive)).code).toBe(0);
    expect(readdirSync(tmp).sort()).toEqual(
      [...kept, name(dead).replace('abcdef', 'link-1')].sort(),
    );
    for (const each of readdirSync(tmp)) rmSync(join(tmp, each), { recursive: true });
  });

  test('ends with 2 if the archive cannot be read, so that 1 means findings', async () => {
    const folder = copyWith('unreadable', (copy) => {
      rmSync(join(copy, 'jsonl'), { recursive: true });
      writeFileSync(join(copy, 'jsonl'), '');
    });
    const { code, stdout, stderr } = await verify(folder, mirror.poolId);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/was not listed \(ENOTDIR\)\. Check the disk/);
  });

  test('needs no database, Redis or home, and leaves nothing behind', async () => {
    const before = await filesBelow(mirror.folder);
    const env = { DATABASE_URL: 'postgres://127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, stderr } = await mirror.run(['verify', mirror.poolId], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await filesBelow(mirror.folder)).toEqual(before);
  });

  test('shows counts, keys and the head in 80 columns', async () => {
    const { stdout } = await verify(mirror.archive, '--signers', signers);
    const { snapshot, sha256 } = heads[1] as (typeof heads)[number];
    const shown = stdout.replace(/SHA256:[\w+/]{43}/, 'SHA256:…').replace(/\d+ kB/, 'N kB');
    expect(shown).toBe(
      [
        `${mirror.poolId}: valid`,
        `  archive    ${pathToFileURL(mirror.archive).href}`,
        `  snapshots  2, ${heads[0]?.snapshot} to ${snapshot}`,
        '  objects    14, N kB',
        '  signed by  SHA256:…: 2 documents (cognito-mirror)',
        `  head       ${snapshot}, the newest of 2 snapshots; SHA-256`,
        `  ${sha256}`,
        '',
      ].join('\n'),
    );
  });

  test('finds an altered byte, and names its object', async () => {
    const key = await keyOf('parquet/users');
    const folder = copyWith('altered', (copy) => alterByte(copy, key));
    expect(await findingsOf(folder)).toEqual({ altered: [key] });
    const { stdout } = await verify(folder);
    expect(stdout).toMatch(
      new RegExp(`: 1 finding\\n[^]*\\n {2}altered: 1\\n {4}${key}\\n {6}Its`),
    );
    expect(await findingsOf(folder, '--structure')).toEqual({});
    const subsets = await Promise.all(
      ['1/3', '2/3', '3/3'].map((subset) => findingsOf(folder, '--subset', subset)),
    );
    expect(subsets.flatMap((found) => found['altered'] ?? [])).toEqual([key]);
  });

  test('finds by a witness that the newest snapshot is gone', async () => {
    const { snapshot, sha256 } = heads[1] as (typeof heads)[number];
    const folder = copyWith('shorter', (copy) => {
      for (const path of pathsWith(copy, snapshot)) rmSync(path, { recursive: true });
    });
    expect(await findingsOf(folder)).toEqual({});
    expect(await findingsOf(folder, '--head', sha256)).toEqual({
      'head-missing': [`manifests/pool_id=${mirror.poolId}/`],
    });
    expect(await findingsOf(folder, '--head', heads[0]?.sha256 ?? '')).toEqual({});
  });

  test('refuses signers who did not sign', async () => {
    const other = await mirror.run(['keygen', '--out', 'other']);
    const path = join(mirror.folder, 'other_signers');
    writeFileSync(path, other.stdout);
    const found = await findingsOf(mirror.archive, '--signers', path);
    expect(found['unknown-key']).toHaveLength(2);
    const expired = line.replace(' ssh-', ',valid-before="20200101Z" ssh-');
    writeFileSync(path, expired);
    expect((await findingsOf(mirror.archive, '--signers', path))['expired-key']).toHaveLength(2);
  });

  test('checks only the snapshots between two times', async () => {
    const [first, second] = heads.map(({ snapshot }) => snapshot) as [string, string];
    for (const [args, count] of [
      [['--from', second], 1],
      [['--to', first], 1],
      [['--from', '2020-01-01', '--to', '2099-12-31'], 2],
      [['--from', '2020-01-01T00:00', '--to', '2099-12-31 23:59:59+05:30'], 2],
    ] as const) {
      const { stdout, code } = await verify(mirror.archive, '--json', ...args);
      expect(code).toBe(0);
      const [pool] = JSON.parse(stdout).pools;
      expect(pool.snapshots).toBe(count);
      expect(pool.head).toEqual({ ...heads[1], snapshots: 2 });
    }
  });

  test.each([
    [['--from', '2099-01-01'], 'there is no snapshot to verify.'],
    [['--from', '2026-12-01', '--to', '2026-11-30'], 'from: it is later than `to`.'],
    [['--to', '2026-02-31'], '--to: "2026-02-31" is not a time.'],
    [['--from', '2026-13'], '--from: "2026-13" is not a time.'],
  ])('calls nothing valid if there is nothing to verify: %j', async (args, problem) => {
    const { code, stdout, stderr } = await verify(mirror.archive, ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
  });

  test('verifies a pool that is named twice once', async () => {
    const { poolId } = mirror;
    const sha256 = heads[0]?.sha256 ?? '';
    const { code, stdout } = await verify(mirror.archive, poolId, poolId, '--head', sha256);
    expect(code).toBe(0);
    expect(stdout.match(/: valid$/gm)).toHaveLength(1);
  });

  test('says how much it read', async () => {
    expect((await verify(mirror.archive)).stdout).toMatch(/^ {2}objects {4}14, [\d.]+ kB$/m);
    const structure = await verify(mirror.archive, '--structure');
    expect(structure.stdout).toMatch(/^ {2}objects {4}14, [\d.]+ kB, of which 0 were read$/m);
    const part = await verify(mirror.archive, '--subset', '1/2');
    expect(part.stdout).toMatch(/^ {2}objects {4}14, [\d.]+ kB, of which \d+ were read$/m);
  });
});

test.each([
  [['--from', 'yesterday'], '--from: "yesterday" is not a time. Give a date such as 2026-11-20'],
  [['--subset', '8/7'], '--subset: "8/7" is not a part. Give two numbers such as 3/7'],
  [['--head', 'abc'], '--head: "abc" is not a SHA-256. Give the 64 hexadecimal digits'],
  [['--signers', 'none'], 'signers: none cannot be read (ENOENT). Give the path of a file'],
  [['--archive', 'folder'], 'archive: must be a URL. Give s3://bucket/prefix or file:///absolute'],
  [
    ['us-east-1_Simulated', '--archive', 'file:///nowhere'],
    'file:///nowhere: there is no archive: it has no manifest.',
  ],
  [['--signers', '/'], 'signers: / is not a file. Give the path of a file'],
  [['--signers', 'pipe'], 'signers: pipe is not a file. Give the path of a file'],
  [['--archive', 'file:///nowhere'], 'file:///nowhere: there is no archive: it has no manifest.'],
  [['--structure', '--subset', '1/2'], "option '--structure' cannot be used with option"],
  [['no-pool!'], 'POOL: "no-pool!" is not a pool id.'],
])('verify %j ends with 2 and says why', async (args, message) => {
  if (args.includes('pipe')) spawnSync('mkfifo', [join(mirror.folder, 'pipe')]);
  const { code, stdout, stderr } = await verify(mirror.archive, ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
});

describe('ARCHIVE_SIGNING_KEY', () => {
  test('that cannot be loaded stops a run before any call', async () => {
    mirror.simulator.attempts.clear();
    const { code, stderr } = await mirror.sync([], { ARCHIVE_SIGNING_KEY: 'no-key' });
    expect(code).toBe(2);
    expect(stderr).toContain('ARCHIVE_SIGNING_KEY: the file no-key cannot be read (ENOENT).');
    expect(mirror.simulator.attempts.entries()).toEqual([]);
  });

  test('can be a key of KMS', async () => {
    const kms = await startKms();
    try {
      const arn = kms.addKey('ECC_NIST_EDWARDS25519');
      const env = { ARCHIVE_SIGNING_KEY: `kms:${arn}`, AWS_ENDPOINT_URL_KMS: kms.url };
      const { stdout } = await mirror.run(['keygen', '--public'], env);
      const archive = join(mirror.folder, 'by-kms');
      const url = pathToFileURL(archive).href;
      const { code } = await mirror.sync([], { ...env, ARCHIVE_URL: url });
      expect(code).toBe(0);
      const path = join(mirror.folder, 'kms_signers');
      writeFileSync(path, stdout);
      expect(await findingsOf(archive, '--signers', path)).toEqual({});
    } finally {
      await kms.close();
    }
  });
});

test('status shows the head of the archive', async () => {
  const { stdout } = await mirror.run(['status', '--json']);
  const { snapshot } = heads[1] as (typeof heads)[number];
  const [pool] = JSON.parse(stdout).pools;
  expect(pool.head.snapshot >= snapshot).toBe(true);
  const text = await mirror.run(['status']);
  expect(text.stdout).toContain(`    ${pool.head.sha256}\n`);
});

/** The paths below a folder that contain a word. */
function pathsWith(folder: string, word: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.includes(word) && !path.split('/').slice(0, -1).join('/').includes(word))
    .map((path) => join(folder, path));
}
