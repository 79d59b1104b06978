import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { type AwsAccess, openCredentials } from '../../aws/access.ts';
import { openRequestHandler } from '../../aws/request-handler.ts';
import { configuredEndpoint } from '../../aws/shared-config.ts';
import type { Encryption, StorageClass } from '../../model/object-storage.ts';
import { nameCall } from './s3-errors.ts';

/** A bucket, the prefix of every key in it, and the client to reach it. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** Empty, or with a slash at the end. */
  readonly prefix: string;
  /** Null: the bucket's default. */
  readonly storageClass: StorageClass | null;
  readonly encryption: Encryption | null;
  readonly kmsKeyId: string | null;
  /** The calls that this server accepts only with Content-MD5. Set by `checkBucket`. */
  readonly md5Calls: Md5Calls;
  /** True if this server replaces objects despite `If-None-Match: *`. Set by `checkBucket`. */
  ignoresConditions: boolean;
  /** True if the bucket keeps versions of objects. Set by `checkBucket`. */
  keepsVersions: boolean;
  /** How the server encrypted an object without further wishes. Set by `checkBucket`. */
  trialEncryption: string | null;
}

const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 120_000;
const MAX_SOCKETS = 50;

/**
 * Creates a client for S3 or a compatible server. A custom endpoint is addressed by path, as few
 * such servers have a host name for every bucket. The SDK neither adds nor checks checksums: this
 * program sends its own SHA-256, and the form of checksums in responses differs between servers.
 *
 * @throws ActionRequiredError if the configured endpoint is not a URL.
 */
export async function createS3Client(
  md5Calls: Md5Calls,
  access: AwsAccess = {},
): Promise<S3Client> {
  const { region, endpoints, proxies } = access;
  const requestHandler = openRequestHandler(
    {
      maxSockets: MAX_SOCKETS,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    proxies,
  );
  const client = new S3Client({
    credentials: openCredentials(access, requestHandler),
    ...(region !== undefined && { region }),
    ...(endpoints?.s3 !== undefined && { endpoint: endpoints.s3 }),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler,
  });
  const endpoint =
    endpoints?.s3 ?? (await configuredEndpoint(client.config, 'AWS_ENDPOINT_URL_S3'));
  client.config.forcePathStyle = endpoint !== undefined;
  sendContentMd5(client, md5Calls);
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) =>
        next(args).catch((error: unknown) => Promise.reject(nameCall(error, commandName))),
    { name: 'nameCall', step: 'initialize', priority: 'high' },
  );
  return client;
}

/** Returns the encryption parameters of PutObject and CreateMultipartUpload. */
export function getEncryption({ encryption, kmsKeyId }: Bucket): {
  ServerSideEncryption?: Encryption;
  SSEKMSKeyId?: string;
} {
  if (kmsKeyId !== null) return { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId };
  return encryption === null ? {} : { ServerSideEncryption: encryption };
}

/** Returns the storage class of a part as a parameter of the same calls. */
export function getStorageClass({ storageClass }: Bucket): { StorageClass?: StorageClass } {
  return storageClass === null ? {} : { StorageClass: storageClass };
}

/** The SDK's names of the commands that are sent with Content-MD5 instead of a checksum. */
type Md5Calls = Set<string>;

const CHECKSUM_HEADER = /^x-amz-(sdk-)?checksum-/;

/** Makes the client send the calls in `md5Calls`, a set that may change, with Content-MD5. */
function sendContentMd5(client: S3Client, md5Calls: Md5Calls): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== undefined && md5Calls.has(commandName)) {
          const { headers, body } = args.request as HttpRequest;
          for (const name of Object.keys(headers)) {
            if (CHECKSUM_HEADER.test(name.toLowerCase())) delete headers[name];
          }
          if (typeof body === 'string' || body instanceof Uint8Array) {
            headers['content-md5'] = createHash('md5').update(body).digest('base64');
          }
        }
        return next(args);
      },
    // After the SDK's own checksums, and before the signature.
    { name: 'contentMd5', step: 'build', priority: 'low' },
  );
}

interface HttpRequest {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}
