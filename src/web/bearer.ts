import { createHash, timingSafeEqual } from 'node:crypto';

/** The token of an `Authorization: Bearer` header; null if there is none. */
export function readBearerToken(authorization: string | undefined): string | null {
  const [, given] = /^Bearer +(.*)$/i.exec(authorization ?? '') ?? [];
  // Headers have one character per byte.
  return given === undefined ? null : Buffer.from(given, 'latin1').toString('utf8');
}

/** Compares secrets in constant time: the time does not show how much of them is the same. */
export function isSameSecret(given: string, known: string): boolean {
  // Digests have equal lengths.
  return timingSafeEqual(digest(given), digest(known));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
