import { accessError } from '../../aws/access-error.ts';
import { ConfigurationError, type Problem, ResumableError } from '../../model/errors.ts';
import { explainTls } from '../../model/tls-trouble.ts';

/** The call that failed: on which bucket, and the IAM action that it needs. */
export interface S3Call {
  readonly bucket: string;
  readonly action: string;
}

const CREDENTIALS = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'TokenProviderError',
]);

const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
]);

/**
 * What a failed call to S3 means: `ConfigurationError` where a person must change something, else
 * `ResumableError`. The SDK retried already what may pass by itself.
 */
export function explainS3Error(error: unknown, call: S3Call): ConfigurationError | ResumableError {
  const access = accessError(error);
  if (access !== null) return access;
  const problem = problemOf(error, call);
  if (problem) return new ConfigurationError([problem], { cause: error });
  return new ResumableError(
    `S3 failed a call that needs ${call.action} on the bucket ${call.bucket} (${describe(error)}). Run again to go on.`,
    { cause: error },
  );
}

/** As `explainS3Error`, for a first contact, where not being reached is wrong configuration too. */
export function explainUnreachable(
  error: unknown,
  call: S3Call,
): ConfigurationError | ResumableError {
  const access = accessError(error);
  if (access !== null) return access;
  const problem = problemOf(error, call) ?? {
    subject: 'ARCHIVE_URL',
    problem: `the bucket ${call.bucket} cannot be reached (${describe(error)}).`,
    remedy: 'Check the network, and AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL if one is set.',
  };
  return new ConfigurationError([problem], { cause: error });
}

/** An error's name, and the HTTP status if there was an answer. */
function describe(error: unknown): string {
  const status = statusOf(error);
  return status === undefined ? nameOf(error) : `${nameOf(error)}, HTTP ${status}`;
}

function problemOf(error: unknown, { bucket, action }: S3Call): Problem | null {
  const name = nameOf(error);
  const subject = 'ARCHIVE_URL';
  if (name === 'NoSuchBucket') {
    return {
      subject,
      problem: `the bucket ${bucket} does not exist.`,
      remedy: 'Create it, or name one that exists.',
    };
  }
  if (WRONG_REGION.has(name) || statusOf(error) === 301) {
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
      problem: `S3 has none that it accepts (${name}).`,
      remedy: 'Set or renew them by any way that the AWS SDKs know, then run again.',
    };
  }
  if (name === 'RequestTimeTooSkewed') {
    return {
      subject: 'clock',
      problem: "this machine's time is too far from that of S3.",
      remedy: 'Set it, then run again.',
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
  if (statusOf(error) === 403) {
    const denied = /not authorized to perform: (\w+:\w+)/.exec(messageOf(error))?.[1] ?? action;
    return {
      subject,
      problem: `access to the bucket ${bucket} is denied.`,
      remedy: `Allow the IAM action ${denied} on it, in the identity's policy and the bucket's or key's own.`,
    };
  }
  return null;
}

function nameOf(error: unknown): string {
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

function statusOf(error: unknown): number | undefined {
  return (error as ServiceAnswer).$metadata?.httpStatusCode;
}

/** S3 names the bucket's Region in a header of its refusal, or in the refusal's text. */
function regionOf(error: unknown): string | undefined {
  const { $response, Region } = error as ServiceAnswer;
  return $response?.headers?.['x-amz-bucket-region'] ?? Region;
}
