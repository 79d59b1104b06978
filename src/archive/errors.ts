import { ActionRequiredError } from '../model/errors.ts';

/**
 * The most bytes of a document. The largest manifest needs a quarter: 40 million users, the service's
 * limit, in a hundred groups each are 50,000 parts, with 330 bytes for each.
 */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** An error that the owner of the destination must fix. */
export function archiveUrlError(
  problem: string,
  remedy: string,
  options?: ErrorOptions,
): ActionRequiredError {
  return ActionRequiredError.of('ARCHIVE_URL', problem, remedy, options);
}

/** Where an object is that cannot be read, as far as the server says. */
export interface ColdStorage {
  readonly storageClass?: string | undefined;
  /** Whether a copy of it is being made, or was made. Null: neither. */
  readonly restore?: 'ongoing' | 'complete' | null;
}

/** An object that should be a document is larger than any can be. */
export class OversizeError extends ActionRequiredError {
  constructor(key: string) {
    const mebibytes = MAX_DOCUMENT_BYTES / 1024 / 1024;
    const problem = `the object ${key} has over ${mebibytes} MiB, which is too much for a document.`;
    const remedy = 'Restore it from an earlier version or a copy.';
    super([{ subject: 'ARCHIVE_URL', problem, remedy }]);
  }
}

/** An object is in a storage class that cannot be read, such as Glacier. */
export class ColdStorageError extends ActionRequiredError {
  constructor(
    bucket: string,
    key: string,
    { storageClass = 'unknown, but cold', restore = null }: ColdStorage = {},
  ) {
    const command = `aws s3api restore-object --bucket ${bucket} --key '${key}' --restore-request Days=7`;
    const again = 'then run the command again. Exclude manifests/ from lifecycle rules.';
    const remedies = {
      none: `Restore it with \`${command}\`, wait until the restore is complete, ${again}`,
      ongoing: `A restore is under way: wait until it is complete, ${again}`,
      complete: `It was restored just now or its copy has expired: try again, or restore it with \`${command}\`, ${again}`,
    };
    super([
      {
        subject: 'ARCHIVE_URL',
        problem: `the object ${key} in the bucket ${bucket} cannot be read. Its storage class is ${storageClass}.`,
        remedy: remedies[restore ?? 'none'],
      },
    ]);
  }
}
