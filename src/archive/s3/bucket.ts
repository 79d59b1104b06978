import { S3Client } from '@aws-sdk/client-s3';
import { standardCredentials } from '../../aws/credentials.ts';
import { openRequestHandler } from '../../aws/request-handler.ts';

/** A bucket, the prefix of every key in it, and how to reach it. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** Empty, or with a slash at the end. */
  readonly prefix: string;
  readonly kmsKeyId: string | undefined;
}

const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 120_000;
const MAX_SOCKETS = 50;

/**
 * A client for S3 or a server with its API. A custom endpoint is addressed by path, as few such
 * servers have a name for every bucket. Checksums are ours (SHA-256), so the SDK adds none.
 */
export function createS3Client(): S3Client {
  const endpoint = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;
  const requestHandler = openRequestHandler({
    maxSockets: MAX_SOCKETS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  return new S3Client({
    credentials: standardCredentials(requestHandler),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    forcePathStyle: Boolean(endpoint),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    requestHandler,
  });
}

/** How objects are to be encrypted: parameters of PutObject and CreateMultipartUpload. */
export function encryptionOf({ kmsKeyId }: Bucket): {
  ServerSideEncryption?: 'aws:kms';
  SSEKMSKeyId?: string;
} {
  return kmsKeyId === undefined ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId };
}
