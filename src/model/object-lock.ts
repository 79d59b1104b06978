/** The retention modes of S3 Object Lock. */
export const LOCK_MODES = ['governance', 'compliance'] as const;
export type LockMode = (typeof LOCK_MODES)[number];

/** How the objects of an archive are locked (S3 Object Lock). */
export interface ArchiveLock {
  readonly mode: LockMode;
  /** How long parts stay locked after their snapshot was sealed. */
  readonly days: number;
  /** How long manifests, signatures and the documents beside them stay locked: `days` or longer. */
  readonly manifestDays: number;
}
