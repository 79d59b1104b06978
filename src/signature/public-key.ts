import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { encodeString, FormatError, WireReader } from './ssh-wire.ts';

/** The kinds of key that sign archives, by their names in OpenSSH. */
export const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** A public key that signs or verifies archives. */
export interface PublicKey {
  readonly type: KeyType;
  /** In SSH's wire format, which identifies the key: RFC 8709 and RFC 5656. */
  readonly blob: Buffer;
  readonly key: KeyObject;
}

/** SSH's name of the curve P-256. */
const CURVE = 'nistp256';
/** Marks a point with both coordinates (SEC 1). */
const UNCOMPRESSED = 0x04;
const COORDINATE_BYTES = 32;

/** Returns null for a key of another type. */
export function toPublicKey(key: KeyObject): PublicKey | null {
  const { crv, x, y } = exportJwk(key);
  const point = (text: string | undefined) => Buffer.from(text ?? '', 'base64url');
  if (crv === 'Ed25519') {
    const blob = Buffer.concat([encodeString('ssh-ed25519'), encodeString(point(x))]);
    return { type: 'ssh-ed25519', blob, key };
  }
  if (crv === 'P-256') {
    const q = Buffer.concat([Buffer.of(UNCOMPRESSED), point(x), point(y)]);
    const type = 'ecdsa-sha2-nistp256';
    const blob = Buffer.concat([encodeString(type), encodeString(CURVE), encodeString(q)]);
    return { type, blob, key };
  }
  return null;
}

/** Node cannot export keys of some types, such as DSA. */
function exportJwk(key: KeyObject): JsonWebKey {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    return {};
  }
}

/** Reads a public key in SSH's wire format. Throws `FormatError`. */
export function parsePublicKey(blob: Buffer): PublicKey {
  const reader = new WireReader(blob);
  const type = reader.text();
  const jwk = readPoint(type, reader);
  reader.end();
  try {
    return { type: type as KeyType, blob, key: createPublicKey({ key: jwk, format: 'jwk' }) };
  } catch {
    throw new FormatError('its public key is invalid');
  }
}

function readPoint(type: string, reader: WireReader): JsonWebKey {
  if (type === 'ssh-ed25519') {
    return { kty: 'OKP', crv: 'Ed25519', x: reader.string().toString('base64url') };
  }
  if (type !== 'ecdsa-sha2-nistp256') {
    throw new FormatError(`its key is not one of ${KEY_TYPES.join(' and ')}`);
  }
  const curve = reader.text();
  const q = reader.string();
  const isPoint = q.length === 1 + 2 * COORDINATE_BYTES && q[0] === UNCOMPRESSED;
  if (curve !== CURVE || !isPoint) throw new FormatError('its public key is invalid');
  const [x, y] = [q.subarray(1, 1 + COORDINATE_BYTES), q.subarray(1 + COORDINATE_BYTES)];
  return { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') };
}

/** The key as in OpenSSH's files: its type and its bytes in base64. */
export function formatPublicKey({ type, blob }: PublicKey): string {
  return `${type} ${blob.toString('base64')}`;
}

/** The key's fingerprint as `ssh-keygen -l` prints it, such as `SHA256:Xq3…`. */
export function fingerprint({ blob }: Pick<PublicKey, 'blob'>): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
