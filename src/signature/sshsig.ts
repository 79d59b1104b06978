import { createHash, verify } from 'node:crypto';
import { fingerprint, type PublicKey, parsePublicKey } from './public-key.ts';
import { encodeString, encodeUint32, FormatError, WireReader } from './ssh-wire.ts';

/**
 * Signatures of files in the form of `ssh-keygen -Y` (OpenSSH's PROTOCOL.sshsig). Whatever the size
 * of the file, a key signs about 115 bytes: they hold the SHA-512 of the file.
 */

/** What the signatures of an archive are for. `ssh-keygen -Y verify` takes it as `-n`. */
export const NAMESPACE = 'cognito-mirror-manifest';
/** What the signatures of receipts are for: none of them can pass for that of a manifest. */
export const RECEIPT_NAMESPACE = 'cognito-mirror-receipt';

const MAGIC = 'SSHSIG';
const VERSION = 1;
const HASH = 'sha512';
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** As ssh-keygen wraps its lines. */
const LINE_LENGTH = 70;

/** The bytes that a key signs for a message. */
export function encodeSigned(message: Uint8Array, namespace: string): Buffer {
  const digest = createHash(HASH).update(message).digest();
  return Buffer.concat([Buffer.from(MAGIC), ...[namespace, '', HASH, digest].map(encodeString)]);
}

interface Parts {
  readonly publicKey: Pick<PublicKey, 'blob'>;
  readonly namespace: string;
  /** The signature in SSH's wire format: its algorithm and its value. */
  readonly signature: Buffer;
}

/** Formats a signature as the text of a `.sig` file. */
export function formatSignature({ publicKey, namespace, signature }: Parts): string {
  const blob = Buffer.concat([
    Buffer.from(MAGIC),
    encodeUint32(VERSION),
    ...[publicKey.blob, namespace, '', HASH, signature].map(encodeString),
  ]);
  const lines = blob.toString('base64').match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/** The value of a signature by P-256, converted from DER to SSH's wire format (RFC 5656). */
export function encodeEcdsa(der: Buffer): Buffer {
  const reader = new WireReader(der);
  const readTag = (tag: number) => {
    if (reader.take(1)[0] !== tag) throw new FormatError('it is not in DER');
    // Below 128, a length is one byte: that of two numbers of 33 bytes is.
    return reader.take(1)[0] as number;
  };
  readTag(0x30);
  // DER and SSH encode the numbers in the same way.
  const [r, s] = [0, 1].map(() => reader.take(readTag(0x02)));
  reader.end();
  return Buffer.concat([encodeString(r as Buffer), encodeString(s as Buffer)]);
}

/** The reverse of `encodeEcdsa`. */
function decodeEcdsa(value: Buffer): Buffer {
  const reader = new WireReader(value);
  const numbers = [0, 1].map(() => {
    const number = reader.string();
    if (number.length > COORDINATE_LIMIT) throw new FormatError('its value is invalid');
    return Buffer.concat([Buffer.of(0x02, number.length), number]);
  });
  reader.end();
  const content = Buffer.concat(numbers);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

/** A number of 256 bits and the byte that keeps it positive. */
const COORDINATE_LIMIT = 33;

/** What a `.sig` file says about a message. */
export type Verdict =
  | { readonly sound: true; readonly publicKey: PublicKey; readonly fingerprint: string }
  /** The reason is the end of a sentence. */
  | { readonly sound: false; readonly reason: string };

/**
 * Checks that a `.sig` file is a signature of these bytes for a namespace. It says nothing about who
 * has the key. Every byte counts: the file must be in the form that ssh-keygen writes.
 */
export function verifySignature(message: Uint8Array, file: Buffer, namespace = NAMESPACE): Verdict {
  try {
    const { publicKey, signature } = parseSignature(file, namespace);
    const reader = new WireReader(signature);
    if (reader.text() !== publicKey.type) throw new FormatError('its algorithm is not its key’s');
    const value = reader.string();
    reader.end();
    const isEd25519 = publicKey.type === 'ssh-ed25519';
    const signed = encodeSigned(message, namespace);
    const isValid = isEd25519
      ? verify(null, signed, publicKey.key, value)
      : verify('sha256', signed, publicKey.key, decodeEcdsa(value));
    if (!isValid) return { sound: false, reason: 'it is not a signature of these bytes' };
    return { sound: true, publicKey, fingerprint: fingerprint(publicKey) };
  } catch (error) {
    if (error instanceof FormatError) return { sound: false, reason: error.message };
    throw error;
  }
}

function parseSignature(
  file: Buffer,
  expected: string,
): { publicKey: PublicKey; signature: Buffer } {
  const text = file.toString('latin1');
  const [, base64 = ''] = new RegExp(`^${BEGIN}\\n([\\w+/=\\n]+)${END}\\n$`).exec(text) ?? [];
  const reader = new WireReader(Buffer.from(base64, 'base64'));
  if (base64 === '' || reader.take(MAGIC.length).toString('latin1') !== MAGIC) {
    throw new FormatError('it is not a signature of ssh-keygen');
  }
  const version = reader.uint32();
  if (version !== VERSION) throw new FormatError(`its version is ${version}, not ${VERSION}`);
  const blob = reader.string();
  const namespace = reader.text();
  if (namespace !== expected) throw new FormatError(`it is not for ${expected}`);
  reader.string(); // reserved
  const hash = reader.text();
  if (hash !== HASH) throw new FormatError(`it does not use ${HASH}`);
  const signature = reader.string();
  reader.end();
  const publicKey = parsePublicKey(blob);
  if (formatSignature({ publicKey, namespace, signature }) !== text) {
    throw new FormatError('it is not in the form that ssh-keygen writes');
  }
  return { publicKey, signature };
}
