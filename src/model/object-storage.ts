/**
 * The storage classes of S3 that parts can be stored in: those whose objects can be read at once. A run
 * may read a part back, and `verify` does.
 */
export const STORAGE_CLASSES = [
  'STANDARD',
  'INTELLIGENT_TIERING',
  'STANDARD_IA',
  'ONEZONE_IA',
  'GLACIER_IR',
] as const;
export type StorageClass = (typeof STORAGE_CLASSES)[number];

/** How S3 encrypts objects: with a key of its own, or with one of KMS. */
export const ENCRYPTIONS = ['AES256', 'aws:kms'] as const;
export type Encryption = (typeof ENCRYPTIONS)[number];
