import { accessError } from '../../aws/access-error.ts';
import { ActionRequiredError, type Problem, ResumableError } from '../../model/errors.ts';
import { explainTls } from '../../model/tls-errors.ts';

/** The calls that an archive makes, and the IAM action that each needs. */
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
} as const;

export type S3CallName = keyof typeof ACTIONS;

const CALL = Symbol('call');

/** Notes on an error which call failed: by the SDK's name of its command, such as PutObjectCommand. */
export function nameCall(error: unknown, commandName: string | undefined): unknown {
  const call = commandName?.replace(/Command$/, '');
  if (error instanceof Error) Object.assign(error, { [CALL]: call });
  return error;
}

/** The call that failed; undefined for an error that is none of S3. */
export function getCallName(error: unknown): S3CallName | undefined {
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

/** The storage of the server is full, or what it gives us is. */
const FULL = new Set(['InsufficientStorage', 'QuotaExceeded', 'StorageFull', 'XMinioStorageFull']);

/** Refusals that pass by themselves, although they are no server errors. */
const PASSING = new Set([
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

/**
 * What a failed call to S3 means: `ConfigurationError` where a person must change something, else
 * `ResumableError`. The SDK retried already what may pass by itself. Other errors stay as they are.
 */
export function explainS3Error(error: unknown, bucket: string): unknown {
  const call = getCallName(error);
  if (call === undefined) return error;
  const access = accessError(error);
  if (access !== null) return access;
  const problem = problemOf(error, { bucket, call });
  if (problem) return new ActionRequiredError([problem], { cause: error });
  return new ResumableError(
    `S3 failed the call ${call} on the bucket ${bucket} (${describe(error)}). Run it again to resume.`,
    { cause: error },
  );
}

/** As `explainS3Error`, for the trial at the start: there, no answer at all is a problem too. */
export function explainTrialError(error: unknown, bucket: string): unknown {
  const explained = explainS3Error(error, bucket);
  const isSilence = explained instanceof ResumableError && accessError(error) === null;
  if (!isSilence || getHttpStatus(error) !== undefined) return explained;
  const problem = {
    subject: 'ARCHIVE_URL',
    problem: `the bucket ${bucket} cannot be reached (${describe(error)}).`,
    remedy:
      'Check the network, and the endpoint of S3 if one is set: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url of the profile.',
  };
  return new ActionRequiredError([problem], { cause: error });
}

/** An error's name, and the HTTP status if there was an answer. */
function describe(error: unknown): string {
  const status = getHttpStatus(error);
  return status === undefined ? getErrorName(error) : `${getErrorName(error)}, HTTP ${status}`;
}

/** What a person must change; null where the failure passes by itself. */
function problemOf(
  error: unknown,
  { bucket, call }: { bucket: string; call: S3CallName },
): Problem | null {
  const name = getErrorName(error);
  const status = getHttpStatus(error);
  const subject = 'ARCHIVE_URL';
  if (name === 'NoSuchBucket') {
    return {
      subject,
      problem: `the bucket ${bucket} does not exist.`,
      remedy: 'Create it, or name one that exists.',
    };
  }
  if (WRONG_REGION.has(name) || status === 301) {
    const region = regionOf(error);
    return {
      subject,
      problem: `the bucket ${bucket} is in ${region ?? 'another Region'}.`,
      remedy: `Set AWS_REGION to ${region ?? "the bucket's Region"}.`,
    };
  }
  if (messageOf(error) === 'Region is missing') {
    return {
      subject: 'AWS_REGION',
      problem: 'no Region is set for the archive.',
      remedy: `Set it to the Region of the bucket ${bucket}.`,
    };
  }
  if (CREDENTIALS.has(name)) {
    return {
      subject: 'AWS credentials',
      problem: `S3 accepts none of them (${name}).`,
      remedy: 'Set or renew them in any way that the AWS SDKs know, then run it again.',
    };
  }
  if (name === 'RequestTimeTooSkewed') {
    return {
      subject: 'clock',
      problem: "this machine's time is too far from that of S3.",
      remedy: 'Set the clock, then run it again.',
    };
  }
  if (name.startsWith('KMS.')) {
    return {
      subject: 'ARCHIVE_KMS_KEY_ID',
      problem: `KMS does not take the key (${name}).`,
      remedy: 'Name an enabled symmetric key in the Region of the bucket.',
    };
  }
  const tls = explainTls(name, 'NODE_EXTRA_CA_CERTS=FILE in the environment');
  if (tls !== null) return { subject, ...tls };
  if (FULL.has(name) || status === 507) {
    return {
      subject,
      problem: `the storage of the bucket ${bucket} is full (${describe(error)}).`,
      remedy: 'Make room, or raise its quota, then run it again.',
    };
  }
  if (status === 403) {
    const action = /not authorized to perform: (\w+:\w+)/.exec(messageOf(error))?.[1];
    return {
      subject,
      problem: `access to the bucket ${bucket} is denied for the call ${call}.`,
      remedy: `Allow the IAM action ${action ?? ACTIONS[call]} on it, in the identity's policy and the bucket's or key's own.`,
    };
  }
  if (status === 405 || status === 501) {
    return {
      subject,
      problem: `the server of the bucket ${bucket} does not support the call ${call} (${describe(error)}).`,
      remedy: 'Name a bucket of a server that supports it, or a folder: file:///folder.',
    };
  }
  if (status !== undefined && status >= 400 && status < 500 && !isPassing(name, status)) {
    return {
      subject,
      problem: `the server of the bucket ${bucket} refuses the call ${call} (${describe(error)}).`,
      remedy:
        "Check the bucket's settings and policy, and that the endpoint is a server of S3's API.",
    };
  }
  return null;
}

function isPassing(name: string, status: number): boolean {
  return PASSING.has(name) || status === 408 || status === 429;
}

/** An error's name, or the system's code for it. */
export function getErrorName(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

interface ServiceAnswer {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly Region?: string;
}

/** The HTTP status of an answer; undefined where there was none. */
export function getHttpStatus(error: unknown): number | undefined {
  return (error as ServiceAnswer).$metadata?.httpStatusCode;
}

/** S3 names the bucket's Region in a header of its refusal, or in the refusal's text. */
function regionOf(error: unknown): string | undefined {
  const { $response, Region } = error as ServiceAnswer;
  return $response?.headers?.['x-amz-bucket-region'] ?? Region;
}
