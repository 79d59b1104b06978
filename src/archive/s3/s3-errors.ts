import { toAccessError } from '../../aws/access-error.ts';
import { ActionRequiredError, type Problem, ResumableError } from '../../model/errors.ts';
import { explainTls } from '../../model/tls-errors.ts';
import { archiveUrlError } from '../errors.ts';

/** The calls of an archive and the IAM action that each requires. */
const ACTIONS = {
  ListObjectsV2: 's3:ListBucket',
  HeadObject: 's3:GetObject',
  GetObject: 's3:GetObject',
  PutObject: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  DeleteObjects: 's3:DeleteObject',
  /** DeleteObjects that names versions. */
  DeleteObjectVersions: 's3:DeleteObjectVersion',
  ListObjectVersions: 's3:ListBucketVersions',
  GetBucketLifecycleConfiguration: 's3:GetLifecycleConfiguration',
  GetObjectLockConfiguration: 's3:GetBucketObjectLockConfiguration',
  GetObjectRetention: 's3:GetObjectRetention',
  PutObjectRetention: 's3:PutObjectRetention',
} as const;

type S3CallName = keyof typeof ACTIONS;

const CALL = Symbol('call');

/** Records on an error which call failed. `commandName` is the SDK's, such as PutObjectCommand. */
export function nameCall(error: unknown, commandName: string | undefined): unknown {
  const call = commandName?.replace(/Command$/, '');
  if (error instanceof Error) Object.assign(error, { [CALL]: call });
  return error;
}

/** Returns the call that failed; undefined for an error that does not come from S3. */
function getCallName(error: unknown): S3CallName | undefined {
  return (error as { [CALL]?: S3CallName })[CALL];
}

const CREDENTIALS = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  'TokenRefreshRequired',
]);

const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
]);

/** The server's storage is full, or this user's quota of it. */
const FULL = new Set(['InsufficientStorage', 'QuotaExceeded', 'StorageFull', 'XMinioStorageFull']);

/** Errors with a 4xx status that another attempt may not meet. */
const TRANSIENT = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'InvalidPart',
  'NoSuchUpload',
  'OperationAborted',
  'RequestTimeout',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'XAmzContentSHA256Mismatch',
]);

/** What messages say of a bucket. */
interface BucketName {
  readonly name: string;
  readonly kmsKeyId: string | null;
}

/**
 * Converts a failed call of S3: to `ActionRequiredError` if a person must change something, or else
 * to `ResumableError`, after the SDK's own retries. Returns any other error unchanged.
 */
export function explainS3Error(error: unknown, bucket: BucketName): unknown {
  const call = getCallName(error);
  if (call === undefined) return error;
  const access = toAccessError(error);
  if (access !== null) return access;
  const problem = classifyProblem(error, { bucket: bucket.name, kmsKeyId: bucket.kmsKeyId, call });
  if (problem) return new ActionRequiredError([problem], { cause: error });
  return new ResumableError(
    `The call ${call} on the bucket ${bucket.name} failed (${describe(error)}). Run the command again to resume.`,
    { cause: error },
  );
}

/** As `explainS3Error`, for the check at the start, where an unreachable server is a problem too. */
export function explainCheckError(error: unknown, bucket: BucketName): unknown {
  const explained = explainS3Error(error, bucket);
  const isUnreachable =
    explained instanceof ResumableError &&
    toAccessError(error) === null &&
    getHttpStatus(error) === undefined;
  if (!isUnreachable) return explained;
  return archiveUrlError(
    `the bucket ${bucket.name} cannot be reached (${describe(error)}).`,
    'Check the network, and the endpoint of S3 if one is set: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url of the profile.',
    { cause: error },
  );
}

/** Formats an error's name, with the HTTP status if the server responded. */
function describe(error: unknown): string {
  const status = getHttpStatus(error);
  return status === undefined ? getErrorName(error) : `${getErrorName(error)}, HTTP ${status}`;
}

/** Returns what a person must change; null for a transient failure. */
function classifyProblem(
  error: unknown,
  { bucket, kmsKeyId, call }: { bucket: string; kmsKeyId: string | null; call: S3CallName },
): Problem | null {
  const name = getErrorName(error);
  const status = getHttpStatus(error);
  const subject = 'ARCHIVE_URL';
  if (name === 'NoSuchBucket') {
    return {
      subject,
      problem: `the bucket ${bucket} does not exist.`,
      remedy: 'Create the bucket, or set ARCHIVE_URL to an existing one.',
    };
  }
  if (name === 'ObjectLockConfigurationNotFoundError') return noObjectLockProblem(bucket);
  if (WRONG_REGION.has(name) || status === 301) {
    const region = findRegion(error);
    return {
      subject,
      problem: `the bucket ${bucket} is in ${region ?? 'another Region'}.`,
      remedy: `Set AWS_REGION to ${region ?? "the bucket's Region"}.`,
    };
  }
  if (getMessage(error) === 'Region is missing') {
    return {
      subject: 'AWS_REGION',
      problem: 'no Region is set for the archive.',
      remedy: `Set it to the Region of the bucket ${bucket}.`,
    };
  }
  if (CREDENTIALS.has(name)) {
    return {
      subject: 'AWS credentials',
      problem: `S3 rejected the credentials (${name}).`,
      remedy: 'Set or renew the credentials, then run the command again.',
    };
  }
  if (name === 'RequestTimeTooSkewed') {
    return {
      subject: 'clock',
      problem: "this machine's clock differs too much from that of S3.",
      remedy: 'Set the clock, then run the command again.',
    };
  }
  if (name.startsWith('KMS.')) return keyProblem(error, kmsKeyId);
  if (name === 'InvalidStorageClass') {
    return {
      subject: 'ARCHIVE_STORAGE_CLASS',
      problem: `the server of the bucket ${bucket} does not have this storage class.`,
      remedy: 'Set another one, or unset it.',
    };
  }
  const tls = explainTls(name, 'NODE_EXTRA_CA_CERTS=FILE in the environment');
  if (tls !== null) return { subject, ...tls };
  if (FULL.has(name) || status === 507) {
    return {
      subject,
      problem: `the storage of the bucket ${bucket} is full (${describe(error)}).`,
      remedy: 'Free space or raise the quota, then run the command again.',
    };
  }
  if (status === 403) {
    const action = /not authorized to perform: (\w+:\w+)/.exec(getMessage(error))?.[1];
    if (action?.startsWith('kms:')) return keyAccessProblem(error, kmsKeyId, action);
    return {
      subject,
      problem: `access to the bucket ${bucket} is denied for the call ${call}.`,
      remedy: `Allow the IAM action ${action ?? ACTIONS[call]} on it, in the policies of the identity, the bucket and the key.`,
    };
  }
  if (status === 405 || status === 501) {
    return {
      subject: LOCK_CALLS.includes(call) ? 'ARCHIVE_LOCK_MODE' : subject,
      problem: `the server of the bucket ${bucket} does not support the call ${call} (${describe(error)}).`,
      remedy:
        'Set ARCHIVE_URL to a bucket on a server that supports it, or to a folder: file:///folder.',
    };
  }
  if (status !== undefined && status >= 400 && status < 500 && !isTransient(name, status)) {
    return {
      subject,
      problem: `the server of the bucket ${bucket} rejected the call ${call} (${describe(error)}).`,
      remedy: "Check the bucket's settings and policy, and that the endpoint serves the S3 API.",
    };
  }
  return null;
}

/** A key that KMS cannot use. Codes are those of KMS after `KMS.`, such as `KMS.DisabledException`. */
function keyProblem(error: unknown, kmsKeyId: string | null): Problem {
  const name = getErrorName(error);
  const remedy = /Disabled|InvalidState/.test(name)
    ? 'Enable the key, or cancel its deletion.'
    : 'Set it to an enabled symmetric key in the Region of the bucket.';
  const problem = `KMS rejected the key ${nameKey(error, kmsKeyId)} (${name}).`;
  return { subject: 'ARCHIVE_KMS_KEY_ID', problem, remedy };
}

function keyAccessProblem(error: unknown, kmsKeyId: string | null, action: string): Problem {
  return {
    subject: 'ARCHIVE_KMS_KEY_ID',
    problem: `access to the key ${nameKey(error, kmsKeyId)} is denied.`,
    remedy: `Allow the IAM action ${action} on it, in the policies of the identity and of the key. An archive needs kms:GenerateDataKey and kms:Decrypt.`,
  };
}

/** The key that a refusal names, or else the configured one. */
function nameKey(error: unknown, kmsKeyId: string | null): string {
  const [arn] = /arn:aws[\w-]*:kms:[\w-]*:\d*:(key|alias)\/[\w/-]+/.exec(getMessage(error)) ?? [];
  return kmsKeyId ?? arn ?? 'of the bucket';
}

/** The calls that only `ARCHIVE_LOCK_MODE` needs. */
const LOCK_CALLS: readonly S3CallName[] = [
  'GetObjectLockConfiguration',
  'GetObjectRetention',
  'PutObjectRetention',
];

export function noObjectLockError(bucket: string): ActionRequiredError {
  return new ActionRequiredError([noObjectLockProblem(bucket)]);
}

function noObjectLockProblem(bucket: string): Problem {
  return {
    subject: 'ARCHIVE_LOCK_MODE',
    problem: `the bucket ${bucket} has no Object Lock.`,
    remedy: `Turn it on: \`aws s3api put-object-lock-configuration --bucket ${bucket} --object-lock-configuration ObjectLockEnabled=Enabled\` (the bucket must keep versions). Or unset ARCHIVE_LOCK_MODE.`,
  };
}

function isTransient(name: string, status: number): boolean {
  return TRANSIENT.has(name) || status === 408 || status === 429;
}

/** Returns the system's code of an error, or else its name. */
export function getErrorName(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function getMessage(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

interface ServiceResponse {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly Region?: string;
}

/** Returns the HTTP status of the response; undefined if there was none. */
export function getHttpStatus(error: unknown): number | undefined {
  return (error as ServiceResponse).$metadata?.httpStatusCode;
}

/** S3 returns the bucket's Region in a header or in the body of the error. */
function findRegion(error: unknown): string | undefined {
  const { $response, Region } = error as ServiceResponse;
  return $response?.headers?.['x-amz-bucket-region'] ?? Region;
}
