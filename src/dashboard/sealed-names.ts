import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import type { Profile } from '../model/history.ts';
import type { DashboardTokens } from './deps.ts';

/** The name of a person or a group in a path: it can only be read with the tokens of the dashboard. */
export type SealedName = string & { readonly sealed: never };

/**
 * Seals names for paths, which browsers, proxies and logs keep. The same name always has the same sealed
 * form, so that links can be kept until a token changes. It has letters, digits, `-` and `_` alone.
 */
export interface SealedNames {
  sealUser(poolId: string, profile: Profile): SealedName;
  sealGroup(poolId: string, groupName: string): SealedName;
  /** The profile that was sealed for this pool; null for any other text. */
  openUser(poolId: string, sealed: string): Profile | null;
  /** The name of the group that was sealed for this pool; null for any other text. */
  openGroup(poolId: string, sealed: string): string | null;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM whose nonce is an HMAC of what is sealed, with keys derived from the tokens. */
export function createSealedNames(tokens: DashboardTokens): SealedNames {
  const secret = JSON.stringify([tokens.act, tokens.view]);
  const derive = (use: string) =>
    Buffer.from(hkdfSync('sha256', secret, '', `cognito-mirror dashboard names ${use}`, 32));
  const [key, nonceKey] = [derive('key'), derive('nonce')];

  const seal = (context: string, content: unknown): SealedName => {
    const text = JSON.stringify(content);
    const mac = createHmac('sha256', nonceKey).update(`${context}\0${text}`).digest();
    const nonce = mac.subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url') as SealedName;
  };

  const open = <T>(context: string, sealed: string): T | null => {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return null;
    const [nonce, tag, body] = [
      bytes.subarray(0, NONCE_BYTES),
      bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES),
      bytes.subarray(NONCE_BYTES + TAG_BYTES),
    ];
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
    decipher.setAuthTag(tag);
    try {
      const text = Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
      return JSON.parse(text) as T;
    } catch {
      // Another pool, another key, or not sealed here.
      return null;
    }
  };

  return {
    sealUser: (poolId, { username, sub }) => seal(`user ${poolId}`, [username, sub]),
    sealGroup: (poolId, groupName) => seal(`group ${poolId}`, groupName),
    openUser(poolId, sealed) {
      const opened = open<[string, string | null]>(`user ${poolId}`, sealed);
      return opened && { username: opened[0], sub: opened[1] };
    },
    openGroup: (poolId, sealed) => open(`group ${poolId}`, sealed),
  };
}
