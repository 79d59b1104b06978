import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AllowedSignersError, parseAllowedSigners } from '../../src/signature/allowed-signers.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import { formatPublicKey } from '../../src/signature/public-key.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { NAMESPACE } from '../../src/signature/sshsig.ts';
import { temporaryFolder } from '../support/temp.ts';
import { makeKeyFile, NEVER, signerLine, sshKeygen } from './support.ts';

const MESSAGE = Buffer.from('{}\n');
const AT = new Date('2026-11-20T02:00:00Z');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let signer: Signer;
let other: Signer;
beforeAll(async () => {
  folder = await temporaryFolder();
  signer = await loadKeyFile(makeKeyFile(folder.path).path);
  other = await loadKeyFile(makeKeyFile(folder.path, 'other').path);
  writeFileSync(join(folder.path, 'sig'), await signer.sign(MESSAGE, NEVER));
});
afterAll(() => folder.remove());

/** True if `ssh-keygen -Y verify` accepts the signer's signature at that time. */
function isAcceptedAt(text: string, at: Date): boolean {
  const signers = join(folder.path, 'allowed');
  writeFileSync(signers, text);
  const time = `${at.toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`;
  const names = ['-f', signers, '-I', 'cognito-mirror', '-n', NAMESPACE];
  const signature = ['-s', join(folder.path, 'sig')];
  try {
    sshKeygen(['-Y', 'verify', ...names, `-Overify-time=${time}`, ...signature], MESSAGE);
    return true;
  } catch {
    return false;
  }
}

const key = () => formatPublicKey(signer.publicKey);
const plain = (options: string) => `cognito-mirror ${options} ${key()}\n`;

describe('a file of allowed signers means what it means to ssh-keygen:', () => {
  test.each<[string, () => string, boolean]>([
    ['a key alone', () => `cognito-mirror ${key()}\n`, true],
    ['the line of keygen', () => signerLine(signer.publicKey), true],
    ['a comment after the key', () => `cognito-mirror ${key()} of Ana\n`, true],
    ['comments and empty lines', () => `# signers\n\n  \n${signerLine(signer.publicKey)}`, true],
    ['two principals', () => `ana@example.com,cognito-mirror ${key()}\n`, true],
    ['quoted principals', () => `"cognito-mirror" ${key()}\n`, true],
    ['another key', () => signerLine(other.publicKey), false],
    ['both keys', () => signerLine(other.publicKey) + signerLine(signer.publicKey), true],
    ['several namespaces', () => plain(`namespaces="git,${NAMESPACE}"`), true],
    ['a pattern of namespaces', () => plain('namespaces="cognito-*"'), true],
    ['valid since before', () => plain('valid-after="20261119Z"'), true],
    ['valid since the same second', () => plain('valid-after="20261120020000Z"'), true],
    ['valid since later', () => plain('valid-after="20261120020001Z"'), false],
    ['valid until later', () => plain('valid-before="202611200201Z"'), true],
    ['valid until the same second', () => plain('valid-before="20261120020000Z"'), true],
    ['valid until before', () => plain('valid-before="20261120Z"'), false],
    ['local times', () => plain('valid-after="20261118",valid-before="20261122"'), true],
    [
      'an expired line and a valid one',
      () => plain('valid-before="20261119Z"') + plain('valid-after="20261120Z"'),
      true,
    ],
    ['option names in upper case', () => plain('VALID-AFTER="20261119Z"'), true],
  ])('%s', (_, make, isAllowed) => {
    const text = make();
    expect(isAcceptedAt(text, AT)).toBe(isAllowed);
    expect(parseAllowedSigners(text).check(signer.publicKey, AT).allowed).toBe(isAllowed);
  });

  test('an unknown key and an expired one differ', () => {
    const signers = parseAllowedSigners(plain('valid-before="20261119Z"'));
    expect(signers.check(other.publicKey, AT)).toMatchObject({ code: 'unknown-key' });
    expect(signers.check(signer.publicKey, AT)).toEqual({
      allowed: false,
      code: 'expired-key',
      reason: 'the key is valid until 2026-11-19T00:00:00.000Z',
    });
  });
});

test.each<[string, () => string, string]>([
  ['is empty', () => '\n', 'no line has an Ed25519 or P-256 key for cognito-mirror-manifest.'],
  [
    'is for other namespaces only',
    () => plain('namespaces="git"'),
    'no line has an Ed25519 or P-256 key for cognito-mirror-manifest.',
  ],
  ['has a principal alone', () => 'cognito-mirror\n', 'line 1: it has no key.'],
  ['has no key', () => `${signerLine(signer.publicKey)}ana nothing\n`, 'line 2: it has no key.'],
  ['has an unknown option', () => plain('valid="1"'), 'line 1: the option valid is unknown.'],
  [
    'has a wrong time',
    () => plain('valid-after="2026-11-20"'),
    'line 1: valid-after must be a time such as 20261120 or 20261120020000Z.',
  ],
  [
    'has a damaged key',
    () => 'ana ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA\n',
    'line 1: it ends too early.',
  ],
])('a file that %s is refused', (_, make, message) => {
  expect(() => parseAllowedSigners(make())).toThrow(new AllowedSignersError(message));
});
