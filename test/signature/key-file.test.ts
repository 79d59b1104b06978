import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import { formatPublicKey } from '../../src/signature/public-key.ts';
import { catchRefusal } from '../archive/support.ts';
import { temporaryFolder } from '../support/temp.ts';
import { makeKeyFile, sshKeygen } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const at = (name: string) => join(folder.path, name);
const write = (name: string, text: string | Buffer, mode = 0o600) => {
  writeFileSync(at(name), text, { mode });
  return at(name);
};

/** The problem and remedy of a file that cannot be used. */
async function refusalOf(path: string): Promise<string> {
  const { problems } = await catchRefusal(loadKeyFile(path));
  expect(problems).toHaveLength(1);
  expect(problems[0]?.subject).toBe('ARCHIVE_SIGNING_KEY');
  return `${problems[0]?.problem} ${problems[0]?.remedy}`.replaceAll(path, 'PATH');
}

test('a key that the program makes is one that ssh-keygen reads', async () => {
  for (let run = 0; run < 20; run += 1) {
    const { path, publicKey } = makeKeyFile(folder.path, `own-${run}`);
    expect(sshKeygen(['-y', '-f', path]).trim()).toBe(
      `${formatPublicKey(publicKey)} cognito-mirror`,
    );
    expect((await loadKeyFile(path)).publicKey.blob).toEqual(publicKey.blob);
  }
});

test('a key that ssh-keygen made is loaded', async () => {
  for (const comment of ['', 'x', 'a longer comment, as people have them']) {
    const path = at(`made-${comment.length}`);
    sshKeygen(['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
    const { publicKey } = await loadKeyFile(path);
    expect(readFileSync(`${path}.pub`, 'utf8')).toContain(formatPublicKey(publicKey));
  }
});

test('a key of PKCS#8 in PEM is loaded, as OpenSSL writes it', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const path = write('pkcs8', privateKey.export({ format: 'pem', type: 'pkcs8' }));
  expect((await loadKeyFile(path)).publicKey.type).toBe('ssh-ed25519');
});

test('an encrypted key is refused', async () => {
  sshKeygen(['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', at('encrypted')]);
  expect(await refusalOf(at('encrypted'))).toBe(
    "the file PATH is encrypted with a passphrase. Remove its passphrase with `ssh-keygen -p -N '' -f PATH`, or use a key of KMS.",
  );
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'a passphrase',
  });
  // ssh-keygen reads no Ed25519 key in this form.
  expect(await refusalOf(write('encrypted-pkcs8', pem))).toBe(
    'the file PATH is encrypted with a passphrase. Remove its passphrase with `openssl pkey -in PATH -out NEW_FILE`, or use a key of KMS.',
  );
});

test.each([
  ['rsa', 'it is a key of type ssh-rsa, not Ed25519'],
  ['ecdsa', 'it is a key of type ecdsa-sha2-nistp256, not Ed25519'],
])('a key of type %s is refused', async (type, problem) => {
  sshKeygen(['-q', '-t', type, '-N', '', '-f', at(type)]);
  expect(await refusalOf(at(type))).toContain(problem);
});

test('a P-256 key of PKCS#8 is refused', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const path = write('p256', privateKey.export({ format: 'pem', type: 'pkcs8' }));
  expect(await refusalOf(path)).toBe(
    'the file PATH holds a key of type ec, not Ed25519. Make one with `cognito-mirror keygen`.',
  );
});

test.each([0o604, 0o640, 0o644, 0o622])('a file with mode %o is refused', async (mode) => {
  const { path } = makeKeyFile(folder.path, `ana's ${mode}`);
  chmodSync(path, mode);
  const { problems } = await catchRefusal(loadKeyFile(path));
  expect(problems).toMatchObject([{ problem: `the file ${path} can be read by others.` }]);
  const [, command = ''] = /`(.+)`/.exec(problems[0]?.remedy ?? '') ?? [];
  execFileSync('sh', ['-c', command]);
  expect((await loadKeyFile(path)).publicKey.type).toBe('ssh-ed25519');
});

test('a file that is not a key or is damaged is refused, and its content is not shown', async () => {
  const { path } = makeKeyFile(folder.path, 'whole');
  const lines = readFileSync(path, 'utf8').split('\n');
  const other = readFileSync(makeKeyFile(folder.path, 'second').path, 'utf8').split('\n');
  const damaged = {
    cut: [lines[0], lines[1], lines.at(-2)].join('\n'),
    mixed: [lines[0], lines[1], lines[2], ...other.slice(3)].join('\n'),
    public: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA ana\n',
    empty: '',
    large: 'x'.repeat(20_000),
    pkcs8: '-----BEGIN PRIVATE KEY-----\nTUlJ\n-----END PRIVATE KEY-----\n',
  };
  for (const [name, text] of Object.entries(damaged)) {
    const refusal = await refusalOf(write(name, text));
    expect(refusal).toMatch(/Make one with `cognito-mirror keygen`\.$/);
    for (const line of text
      .split('\n')
      .filter((each) => each.length > 20 && !each.includes('-----')))
      expect(refusal).not.toContain(line);
  }
});

test('a file that is missing is refused', async () => {
  expect(await refusalOf(at('none'))).toBe(
    'the file PATH cannot be read (ENOENT). Make one with `cognito-mirror keygen`.',
  );
});

test('what is not a regular file is refused, and a pipe is not waited for', async () => {
  execFileSync('mkfifo', ['-m', '600', at('pipe')]);
  for (const path of [folder.path, at('pipe'), '/dev/zero']) {
    expect(await refusalOf(path)).toBe(
      'the file PATH is not a regular file. Make one with `cognito-mirror keygen`.',
    );
  }
});
