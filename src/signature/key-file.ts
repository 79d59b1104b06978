import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { quoteWord } from '../common/command.ts';
import { openRegularFile } from '../common/regular-file.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { type PublicKey, toPublicKey } from './public-key.ts';
import { createSigner, type Signer } from './signer.ts';
import { encodeString, encodeUint32, FormatError, WireReader } from './ssh-wire.ts';

const SUBJECT = 'ARCHIVE_SIGNING_KEY';
const MAKE_ONE = 'Make one with `cognito-mirror keygen`.';
/** A private key has about 400 bytes. */
const MAX_BYTES = 10_000;

/**
 * Loads an Ed25519 key from a file of OpenSSH or of PKCS#8 in PEM.
 *
 * @throws ActionRequiredError if others can read the file, or it holds anything else.
 */
export async function loadKeyFile(path: string): Promise<Signer> {
  const key = parsePrivateKey(await readPrivately(path), path);
  const publicKey = toPublicKey(createPublicKey(key));
  if (publicKey?.type !== 'ssh-ed25519') {
    throw keyError(path, `holds a key of type ${key.asymmetricKeyType}, not Ed25519.`, MAKE_ONE);
  }
  return createSigner(publicKey, async (bytes) => sign(null, bytes, key));
}

async function readPrivately(path: string): Promise<string> {
  const file = await openRegularFile(path).catch((error: NodeJS.ErrnoException) => {
    const remedy = error.code === 'EACCES' ? 'Let this user read it.' : MAKE_ONE;
    throw keyError(path, `cannot be read (${error.code}).`, remedy);
  });
  if (file === null) throw keyError(path, 'is not a regular file.', MAKE_ONE);
  try {
    const { mode, uid, size } = await file.stat();
    // As ssh has it. A file of another user, such as a secret of Kubernetes, is read by a group.
    const forbidden = uid === process.getuid?.() ? 0o077 : 0o007;
    if ((mode & forbidden) !== 0) {
      throw keyError(path, 'can be read by others.', `Run \`chmod 600 ${quoteWord(path)}\`.`);
    }
    if (size > MAX_BYTES) throw keyError(path, 'is too large for a private key.', MAKE_ONE);
    return await file.readFile('latin1');
  } finally {
    await file.close();
  }
}

function parsePrivateKey(text: string, path: string): KeyObject {
  const [, label = ''] = /^-----BEGIN ([A-Z ]+)-----$/m.exec(text) ?? [];
  try {
    if (label === 'OPENSSH PRIVATE KEY') return parseOpenSsh(text);
    if (label === 'PRIVATE KEY') return createPrivateKey(text);
    if (label === 'ENCRYPTED PRIVATE KEY') throw new EncryptedError();
  } catch (error) {
    if (error instanceof EncryptedError) {
      const file = quoteWord(path);
      const command = label.startsWith('OPENSSH')
        ? `ssh-keygen -p -N '' -f ${file}`
        : `openssl pkey -in ${file} -out NEW_FILE`;
      const remedy = `Remove its passphrase with \`${command}\`, or use a key of KMS.`;
      throw keyError(path, 'is encrypted with a passphrase.', remedy);
    }
    const reason = error instanceof FormatError ? `: ${error.message}` : '';
    throw keyError(path, `is damaged or not supported${reason}.`, MAKE_ONE);
  }
  const problem = 'is not a private key of OpenSSH or of PKCS#8 in PEM.';
  throw keyError(path, problem, MAKE_ONE);
}

class EncryptedError extends Error {}

const OPENSSH_BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const OPENSSH_END = '-----END OPENSSH PRIVATE KEY-----';
const OPENSSH_MAGIC = 'openssh-key-v1\0';
/** An unencrypted key is padded to a multiple of this. */
const BLOCK_BYTES = 8;

/** Reads OpenSSH's own format (its PROTOCOL.key). */
function parseOpenSsh(text: string): KeyObject {
  const base64 = text.slice(text.indexOf(OPENSSH_BEGIN) + OPENSSH_BEGIN.length).split('-----')[0];
  const reader = new WireReader(Buffer.from(base64 ?? '', 'base64'));
  if (reader.take(OPENSSH_MAGIC.length).toString('latin1') !== OPENSSH_MAGIC) {
    throw new FormatError('it is not in the format of OpenSSH');
  }
  const [cipher] = [reader.text(), reader.text(), reader.text()];
  if (cipher !== 'none') throw new EncryptedError();
  if (reader.uint32() !== 1) throw new FormatError('it holds several keys');
  reader.string(); // the public key, which the private part repeats
  const secret = new WireReader(reader.string());
  const [check, again] = [secret.uint32(), secret.uint32()];
  if (check !== again) throw new FormatError('its check numbers differ');
  const type = secret.text();
  if (type !== 'ssh-ed25519') throw new FormatError(`it is a key of type ${type}, not Ed25519`);
  const x = secret.string().toString('base64url');
  const d = secret.string().subarray(0, 32).toString('base64url');
  const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' });
  if (createPublicKey(key).export({ format: 'jwk' }).x !== x) {
    throw new FormatError('its public and its private part do not match');
  }
  return key;
}

/** Makes an Ed25519 key, with the text of its file in the format of OpenSSH. */
export function generateKey(comment: string): { publicKey: PublicKey; file: string } {
  const pair = generateKeyPairSync('ed25519');
  const publicKey = toPublicKey(pair.publicKey) as PublicKey;
  const { d = '', x = '' } = pair.privateKey.export({ format: 'jwk' });
  const point = Buffer.from(x, 'base64url');
  const check = randomBytes(4);
  const content = Buffer.concat([
    check,
    check,
    encodeString('ssh-ed25519'),
    encodeString(point),
    encodeString(Buffer.concat([Buffer.from(d, 'base64url'), point])),
    encodeString(comment),
  ]);
  const padding = (BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES;
  const secret = Buffer.concat([content, Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, padding))]);
  const bytes = Buffer.concat([
    Buffer.from(OPENSSH_MAGIC, 'latin1'),
    ...['none', 'none', ''].map(encodeString),
    encodeUint32(1),
    encodeString(publicKey.blob),
    encodeString(secret),
  ]);
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? [];
  return { publicKey, file: `${[OPENSSH_BEGIN, ...lines, OPENSSH_END].join('\n')}\n` };
}

function keyError(path: string, problem: string, remedy: string): ActionRequiredError {
  return ActionRequiredError.of(SUBJECT, `the file ${path} ${problem}`, remedy);
}
