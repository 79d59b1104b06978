import { ActionRequiredError } from '../model/errors.ts';
import type { Moment } from '../model/history.ts';
import type { PrivacyRecord } from '../model/privacy.ts';
import type { ManifestObject } from './manifest.ts';

/** A sealed snapshot, as its manifest and the documents beside it describe it. */
export interface SealedSnapshot extends Moment {
  /** The SHA-256 of its manifest in hex. */
  readonly sha256: string;
  /** The version of its manifest, which says what columns its parts have. */
  readonly version: number;
  /** The objects that must be there now: those of the newest revision that were not removed. */
  readonly objects: readonly ManifestObject[];
  /** What is hidden in its rows. Null: nothing. */
  readonly privacy: PrivacyRecord | null;
  /** True if objects of it were removed, as by retention. */
  readonly isRemoved: boolean;
}

/**
 * What stands in an archive is not what was sealed.
 *
 * @param url that of the archive
 * @param detail a sentence
 */
export function untrustedError(url: string, key: string, detail: string): ActionRequiredError {
  return ActionRequiredError.of(
    url,
    `${key} is not as it was sealed. ${detail}`,
    'Run `cognito-mirror verify`, and restore what it names.',
  );
}
