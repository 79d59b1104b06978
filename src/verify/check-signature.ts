import type { Destination } from '../archive/destination.ts';
import { OversizeError } from '../archive/errors.ts';
import { signatureKey } from '../archive/layout.ts';
import { readWhole } from '../archive/read-object.ts';
import type { AllowedSigners, Permission } from '../signature/allowed-signers.ts';
import { verifySignature } from '../signature/sshsig.ts';
import type { FindingCode, SigningKey } from './findings.ts';

/** A document whose signature is checked. */
export interface SignedDocument {
  readonly key: string;
  readonly bytes: Buffer;
  /** When it was signed, as it says itself; null if it cannot be read. */
  readonly at: Date | null;
}

/** What a signature is worth. */
export type SignatureResult =
  | { readonly state: 'signed' | 'unsigned' }
  | { readonly state: 'wrong'; readonly code: FindingCode; readonly detail: string };

/** Checks signatures, and counts the keys that made them. */
export class SignatureChecker {
  readonly #destination: Destination;
  readonly #signers: AllowedSigners | null;
  readonly #keys = new Map<string, SigningKey>();

  /** @param signers the keys that may sign; null: any key may. */
  constructor(destination: Destination, signers: AllowedSigners | null) {
    this.#destination = destination;
    this.#signers = signers;
  }

  /** The keys of all sound signatures so far. */
  get keys(): SigningKey[] {
    return [...this.#keys.values()];
  }

  async check({ key, bytes, at }: SignedDocument, signal: AbortSignal): Promise<SignatureResult> {
    const file = await readWhole(this.#destination, signatureKey(key), signal).catch(
      (error: unknown) => {
        if (error instanceof OversizeError) return error;
        throw error;
      },
    );
    if (file === null) return { state: 'unsigned' };
    if (file instanceof OversizeError) {
      return { state: 'wrong', code: 'bad-signature', detail: 'it is too large.' };
    }
    const verdict = verifySignature(bytes, file);
    if (!verdict.sound) {
      return { state: 'wrong', code: 'bad-signature', detail: `${verdict.reason}.` };
    }
    const { publicKey, fingerprint } = verdict;
    // A document that cannot be read is a finding of its own. Its time is unknown.
    const permission = (at && this.#signers?.check(publicKey, at)) ?? null;
    this.#count(fingerprint, permission);
    if (permission === null || permission.allowed) return { state: 'signed' };
    const detail = `signed by ${fingerprint}, but ${permission.reason}.`;
    return { state: 'wrong', code: permission.code, detail };
  }

  #count(fingerprint: string, found: Permission | null): void {
    const known = this.#keys.get(fingerprint);
    const permission = found === null ? 'unchecked' : found.allowed ? 'allowed' : 'refused';
    this.#keys.set(fingerprint, {
      fingerprint,
      permission: known?.permission === 'refused' ? 'refused' : permission,
      principals: found?.allowed ? found.principals : (known?.principals ?? null),
      documents: (known?.documents ?? 0) + 1,
    });
  }
}
