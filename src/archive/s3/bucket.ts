import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { standardCredentials } from '../../aws/credentials.ts';
import { openRequestHandler } from '../../aws/request-handler.ts';
import { configuredEndpoint } from '../../aws/shared-config.ts';
import { nameCall } from './s3-errors.ts';

/** A bucket, the prefix of every key in it, and how to reach it. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** Empty, or with a slash at the end. */
  readonly prefix: string;
  readonly kmsKeyId: string | undefined;
  /** The calls that this server takes with Content-MD5 alone; the trial finds them. */
  readonly md5Calls: Md5Calls;
  /** Whether this server stores over an object in spite of `If-None-Match: *`; the trial finds it. */
  ignoresConditions: boolean;
}

const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 120_000;
const MAX_SOCKETS = 50;

/**
 * A client for S3 or a server with its API. A custom endpoint, wherever it is set, is addressed by
 * path, as few such servers have a name for every bucket. Checksums are ours (SHA-256): the SDK adds
 * none, and does not check those of answers, whose form differs from server to server.
 *
 * @throws ConfigurationError where the endpoint that is set is not a URL.
 */
export async function createS3Client(md5Calls: Md5Calls): Promise<S3Client> {
  const requestHandler = openRequestHandler({
    maxSockets: MAX_SOCKETS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  const client = new S3Client({
    credentials: standardCredentials(requestHandler),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler,
  });
  const endpoint = await configuredEndpoint(client.config, 'AWS_ENDPOINT_URL_S3');
  client.config.forcePathStyle = endpoint !== undefined;
  sendContentMd5(client, md5Calls);
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) =>
        next(args).catch((error: unknown) => Promise.reject(nameCall(error, commandName))),
    { name: 'noteCall', step: 'initialize', priority: 'high' },
  );
  return client;
}

/** How objects are to be encrypted: parameters of PutObject and CreateMultipartUpload. */
export function readEncryption({ kmsKeyId }: Bucket): {
  ServerSideEncryption?: 'aws:kms';
  SSEKMSKeyId?: string;
} {
  return kmsKeyId === undefined ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId };
}

/** Which calls carry Content-MD5 in place of a checksum, by the SDK's names of its commands. */
export type Md5Calls = Set<string>;

const CHECKSUM_HEADER = /^x-amz-(sdk-)?checksum-/;

/** Has the client send the calls in `md5Calls`, a set that may change, with Content-MD5 instead. */
export function sendContentMd5(client: S3Client, md5Calls: Md5Calls): void {
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
