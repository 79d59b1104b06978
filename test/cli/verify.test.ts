import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAccepted } from '../signature/support.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';

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
    /^cognito-mirror namespaces="cognito-mirror-manifest" ssh-ed25519 [\w+/]+=*\n$/,
  );
  const again = await mirror.run(['keygen', '--out', 'key']);
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect(again.stderr).toContain('/key exists. Give another name: no key is overwritten.');
  const shown = await mirror.run(['keygen', '--public'], { ARCHIVE_SIGNING_KEY: 'key' });
  expect(shown).toMatchObject({ code: 0, stdout: line, stderr: '' });
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
            objects: 12,
            bytes: expect.any(Number),
            head: { snapshot, sha256 },
            findings: [],
          },
        ],
      });
    }
  });

  test('finds an altered byte, and names its object', async () => {
    const keys = (await filesBelow(mirror.archive)).filter((key) => key.startsWith('parquet/'));
    const [key = ''] = keys;
    const folder = copyWith('altered', (copy) => {
      const bytes = readFileSync(join(copy, key));
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(join(copy, key), bytes);
    });
    const { code, stdout } = await verify(folder);
    expect(code).toBe(1);
    console.log(stdout);
  });
});
