import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import { fingerprint, toPublicKey } from '../../src/signature/public-key.ts';
import { createSigner, type Signer } from '../../src/signature/signer.ts';
import { NAMESPACE, RECEIPT_NAMESPACE, verifySignature } from '../../src/signature/sshsig.ts';
import fc from '../support/fast-check.ts';
import { temporaryFolder } from '../support/temp.ts';
import { isAccepted, makeKeyFile, NEVER, signerLine, sshKeygen } from './support.ts';

const MESSAGE = Buffer.from('{"version":1}\n');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let signers: Readonly<Record<string, Signer>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const p256 = toPublicKey(pair.publicKey);
  if (p256 === null) throw new Error('no P-256 key');
  signers = {
    Ed25519: await loadKeyFile(makeKeyFile(folder.path).path),
    'P-256': createSigner(p256, async (bytes) => sign('sha256', bytes, pair.privateKey)),
  };
});
afterAll(() => folder.remove());

const path = (name: string) => join(folder.path, name);
const write = (name: string, text: string) => {
  writeFileSync(path(name), text);
  return path(name);
};
const signerOf = (type: string) => signers[type] as Signer;

describe.each(['Ed25519', 'P-256'])('a signature by %s', (type) => {
  test('is accepted by ssh-keygen, for these bytes alone', async () => {
    const signature = write('m.sig', await signerOf(type).sign(MESSAGE, NEVER));
    const allowed = write('allowed', signerLine(signerOf(type).publicKey));
    expect(isAccepted(MESSAGE, signature, allowed)).toBe(true);
    expect(isAccepted(Buffer.from('{"version":2}\n'), signature, allowed)).toBe(false);
  });

  test('is sound, and shows the fingerprint that ssh-keygen shows', async () => {
    const { publicKey } = signerOf(type);
    const signature = Buffer.from(await signerOf(type).sign(MESSAGE, NEVER));
    const verdict = verifySignature(MESSAGE, signature);
    expect(verdict).toMatchObject({ sound: true, fingerprint: fingerprint(publicKey) });
    const line = write('line.pub', signerLine(publicKey).split(' ').slice(2).join(' '));
    expect(sshKeygen(['-l', '-f', line])).toContain(` ${fingerprint(publicKey)} `);
  });

  test('is unsound if any byte of it or of the file is changed', async () => {
    const signature = Buffer.from(await signerOf(type).sign(MESSAGE, NEVER));
    const isSound = (message: Buffer, file: Buffer) => verifySignature(message, file).sound;
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.nat(7),
        (inFile, at, bit) => {
          const [message, file] = [Buffer.from(MESSAGE), Buffer.from(signature)];
          const altered = inFile ? file : message;
          const index = Math.floor(altered.length * at);
          altered[index] = (altered[index] ?? 0) ^ (1 << bit);
          expect(isSound(message, file)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
    expect(isSound(MESSAGE, signature.subarray(0, -1))).toBe(false);
    expect(isSound(MESSAGE, Buffer.concat([signature, Buffer.from('\n')]))).toBe(false);
    expect(isSound(MESSAGE, Buffer.alloc(0))).toBe(false);
    expect(isSound(MESSAGE, signature)).toBe(true);
  });
});

test('a signature by ssh-keygen itself is the same, byte by byte', async () => {
  const file = write('message', MESSAGE.toString());
  sshKeygen(['-Y', 'sign', '-f', path('key'), '-n', NAMESPACE, file]);
  const own = readFileSync(`${file}.sig`, 'utf8');
  expect(await signerOf('Ed25519').sign(MESSAGE, NEVER)).toBe(own);
});

test('a signature of a receipt does not verify a manifest', async () => {
  const signature = await signerOf('Ed25519').sign(MESSAGE, NEVER, RECEIPT_NAMESPACE);
  expect(verifySignature(MESSAGE, Buffer.from(signature), RECEIPT_NAMESPACE).sound).toBe(true);
  expect(verifySignature(MESSAGE, Buffer.from(signature))).toEqual({
    sound: false,
    reason: 'it is not for cognito-mirror-manifest',
  });
});

test('a signature for another namespace is refused', () => {
  const file = write('other', MESSAGE.toString());
  sshKeygen(['-Y', 'sign', '-f', path('key'), '-n', 'git', file]);
  expect(verifySignature(MESSAGE, readFileSync(`${file}.sig`))).toEqual({
    sound: false,
    reason: 'it is not for cognito-mirror-manifest',
  });
});
