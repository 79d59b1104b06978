import { S3Client } from '@aws-sdk/client-s3';
import { standardCredentials } from '../../aws/credentials.ts';
import { configuredEndpoint } from '../../aws/endpoint.ts';
import { openRequestHandler } from '../../aws/request-handler.ts';
import { type Md5Calls, sendContentMd5 } from './content-md5.ts';
import { noteCall } from './s3-errors.ts';

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
        next(args).catch((error: unknown) => Promise.reject(noteCall(error, commandName))),
    { name: 'noteCall', step: 'initialize', priority: 'high' },
  );
  return client;
}

/** How objects are to be encrypted: parameters of PutObject and CreateMultipartUpload. */
export function encryptionOf({ kmsKeyId }: Bucket): {
  ServerSideEncryption?: 'aws:kms';
  SSEKMSKeyId?: string;
} {
  return kmsKeyId === undefined ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId };
}
