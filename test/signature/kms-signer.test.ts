import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ResumableError } from '../../src/model/errors.ts';
import { openSigner } from '../../src/signature/open-signer.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { verifySignature } from '../../src/signature/sshsig.ts';
import { catchError, catchRefusal } from '../archive/support.ts';
import { type KmsServer, startKms } from '../support/kms-server.ts';
import { temporaryFolder } from '../support/temp.ts';
import { isAccepted, NEVER, signerLine } from './support.ts';

let kms: KmsServer;
beforeEach(async () => {
  kms = await startKms();
});
afterEach(() => kms.close());

function open(arn: string, url = kms.url): Promise<Signer> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return openSigner(`kms:${arn}`, { credentials, endpoints: { kms: url } }, NEVER);
}

describe.each(['ECC_NIST_EDWARDS25519', 'ECC_NIST_P256'] as const)('a key of %s', (spec) => {
  test('signs manifests that ssh-keygen accepts, whatever their size', async () => {
    const signer = await open(kms.addKey(spec));
    const folder = await temporaryFolder();
    try {
      const at = (name: string) => join(folder.path, name);
      writeFileSync(at('allowed'), signerLine(signer.publicKey));
      for (const bytes of [1, 100_000, 3_000_000]) {
        const message = Buffer.alloc(bytes, 'x');
        const signature = await signer.sign(message, NEVER);
        writeFileSync(at('sig'), signature);
        expect(isAccepted(message, at('sig'), at('allowed'))).toBe(true);
        expect(verifySignature(message, Buffer.from(signature)).sound).toBe(true);
      }
    } finally {
      await folder.remove();
    }
  });

  test('makes a sound signature every time', async () => {
    const signer = await open(kms.addKey(spec));
    for (let run = 0; run < 40; run += 1) {
      const message = Buffer.from(`${run}`);
      const signature = Buffer.from(await signer.sign(message, NEVER));
      expect(verifySignature(message, signature).sound).toBe(true);
    }
  });

  test('is fetched, and tried once, when it is opened', async () => {
    const keyId = kms.addKey(spec);
    await open(keyId);
    expect(kms.requests).toEqual([
      { operation: 'GetPublicKey', keyId },
      { operation: 'Sign', keyId },
    ]);
  });
});

const problemOf = async (opening: Promise<unknown>): Promise<string> => {
  const { problems } = await catchRefusal(opening);
  expect(problems).toMatchObject([{ subject: 'ARCHIVE_SIGNING_KEY' }]);
  return `${problems[0]?.problem} ${problems[0]?.remedy}`;
};

describe('a key that cannot sign is refused when it is opened:', () => {
  test('one that does not exist', async () => {
    const arn = kms.addKey('ECC_NIST_P256').replace('1234abcd', '9999abcd');
    expect(await problemOf(open(arn))).toBe(
      'KMS refuses the key (NotFoundException). Set it to the ARN of a key that exists, in its own Region.',
    );
  });

  test('one of another type', async () => {
    expect(await problemOf(open(kms.addKey('RSA_2048')))).toBe(
      'the key has the type RSA_2048. Use a key for signing of type ECC_NIST_EDWARDS25519 or ECC_NIST_P256.',
    );
  });

  test('one that is disabled', async () => {
    const arn = kms.addKey('ECC_NIST_P256');
    kms.fault = ({ operation }) => (operation === 'Sign' ? 'DisabledException' : null);
    expect(await problemOf(open(arn))).toBe(
      'KMS refuses the key (DisabledException). Enable the key.',
    );
  });

  test.each(['GetPublicKey', 'Sign'])('one without the permission kms:%s', async (denied) => {
    const arn = kms.addKey('ECC_NIST_EDWARDS25519');
    kms.fault = ({ operation }) => (operation === denied ? 'AccessDeniedException' : null);
    expect(await problemOf(open(arn))).toContain(`Allow the IAM action kms:${denied} on ${arn}`);
  });

  test('one on a server that cannot be reached', async () => {
    const arn = kms.addKey('ECC_NIST_P256');
    expect(await problemOf(open(arn, 'http://127.0.0.1:1'))).toContain(
      'KMS cannot be reached (ECONNREFUSED)',
    );
  });
});

test('a failure of the server after the start can be resumed', async () => {
  const signer = await open(kms.addKey('ECC_NIST_P256'));
  kms.fault = () => 'cut';
  const error = await catchError(signer.sign(Buffer.from('x'), NEVER));
  expect(error).toBeInstanceOf(ResumableError);
  expect(error.message).toMatch(/^KMS could not be reached to sign the manifest \(\w+\)\. Run/);
});

test('throttling is waited out', async () => {
  const signer = await open(kms.addKey('ECC_NIST_P256'));
  let throttled = 0;
  kms.fault = () => {
    throttled += 1;
    return throttled <= 2 ? 'ThrottlingException' : null;
  };
  const signature = await signer.sign(Buffer.from('x'), NEVER);
  expect(verifySignature(Buffer.from('x'), Buffer.from(signature)).sound).toBe(true);
});
