import { ConfigurationError } from '../model/errors.ts';

/** An object cannot be read as it is in cold storage, such as Glacier, where a lifecycle rule moved it. */
export class ColdStorageError extends ConfigurationError {
  /** `storageClass` is GLACIER, DEEP_ARCHIVE or the like; undefined where the server does not tell. */
  constructor(bucket: string, key: string, storageClass: string | undefined) {
    super([
      {
        subject: 'ARCHIVE_URL',
        problem: `the object ${key} in the bucket ${bucket} is in the storage class ${storageClass ?? 'of an archive'} and cannot be read.`,
        remedy: `Restore it with \`aws s3api restore-object --bucket ${bucket} --key '${key}' --restore-request Days=7\`, wait until it can be read, then run it again. Let lifecycle rules leave manifests/ alone.`,
      },
    ]);
  }
}
