import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from '../../src/signature/key-file.ts';
import { formatPublicKey, type PublicKey } from '../../src/signature/public-key.ts';
import { NAMESPACE } from '../../src/signature/sshsig.ts';

export const NEVER = new AbortController().signal;
export const IDENTITY = 'cognito-mirror';

/** Runs OpenSSH's own ssh-keygen (Debian's openssh-client). */
export function sshKeygen(args: readonly string[], input: string | Uint8Array = ''): string {
  return execFileSync('ssh-keygen', args, { input, encoding: 'utf8', stdio: 'pipe' });
}

/** True if `ssh-keygen -Y verify` accepts the signature of a file. */
export function isAccepted(file: Uint8Array, signaturePath: string, signersPath: string): boolean {
  const args = ['-f', signersPath, '-I', IDENTITY, '-n', NAMESPACE, '-s', signaturePath];
  try {
    return sshKeygen(['-Y', 'verify', ...args], file).startsWith(`Good "${NAMESPACE}" signature`);
  } catch {
    return false;
  }
}

/** The line of a key in a file of allowed signers. */
export function signerLine(publicKey: PublicKey, options: readonly string[] = []): string {
  const all = [`namespaces="${NAMESPACE}"`, ...options].join(',');
  return `${IDENTITY} ${all} ${formatPublicKey(publicKey)}\n`;
}

/** Makes a key file and returns its path. */
export function makeKeyFile(folder: string, name = 'key'): { path: string; publicKey: PublicKey } {
  const { publicKey, file } = generateKey(IDENTITY);
  const path = join(folder, name);
  writeFileSync(path, file, { mode: 0o600 });
  return { path, publicKey };
}
