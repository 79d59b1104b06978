import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import type { Certificate } from './certificates.ts';
import {
  answerVersions,
  deleteNamed,
  lockHeaders,
  requireChecksum,
  type VersionRequest,
} from './s3-locks.ts';
import { COLD, etag, S3Bucket, S3Refusal, type StoredS3Object, sha256 } from './s3-store.ts';
import { element, escapeXml, xml } from './s3-xml.ts';

/** What can be made to go wrong with a request: an error's code, or a trick. */
export type S3Fault =
  | 'SlowDown'
  | 'InternalError'
  | 'AccessDenied'
  | 'ExpiredToken'
  | 'NotImplemented'
  | 'InvalidStorageClass'
  | 'KMS.DisabledException'
  | 'key denied'
  | 'ConditionalRequestConflict'
  | 'cut'
  | 'cut body'
  | 'other bytes'
  | 'fewer bytes';

export interface S3Request {
  /** The operation's name in the API, as `PutObject`. */
  readonly operation: string;
  readonly key: string;
  /** True if it names a version. */
  versioned?: boolean;
}

export interface S3Server {
  readonly url: string;
  readonly buckets: Map<string, S3Bucket>;
  /** Every request so far, those made to fail included. */
  readonly requests: S3Request[];
  /** The lifecycle rules of the buckets, as elements `Rule`; none if empty. */
  lifecycle: string;
  /** Decides what goes wrong with a request; nothing by default. */
  fault: (request: S3Request) => S3Fault | null;
  /** Decides whether the answer to a PutObject is lost after the object was stored. */
  after: (request: S3Request) => 'cut' | null;
  readonly close: () => Promise<void>;
}

/** What S3 answers if KMS denies the caller a key, by AWS's page about troubleshooting S3. */
const KEY_DENIED =
  'User: arn:aws:sts::111122223333:assumed-role/mirror/i-1 is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:us-east-1:111122223333:key/1234abcd because no identity-based policy allows the kms:GenerateDataKey action';

const STATUS: Readonly<Record<string, number>> = {
  SlowDown: 503,
  InternalError: 500,
  AccessDenied: 403,
  ExpiredToken: 400,
  NotImplemented: 501,
  InvalidStorageClass: 400,
  'KMS.DisabledException': 400,
  ConditionalRequestConflict: 409,
};

export interface S3Options {
  /** Buckets and their Regions. */
  readonly buckets?: Readonly<Record<string, string>>;
  /** The most keys of a page of a listing. */
  readonly pageSize?: number;
  /**
   * Which checksum an object of parts shows: S3's own of the parts' checksums (`true`), the same
   * without the number of parts, that of the whole object, or none at all (`false`), of small ones
   * either. `refused`: the server does not know the headers either.
   */
  readonly checksums?: boolean | 'without count' | 'of the whole' | 'refused';
  /** What becomes of `If-None-Match: *`. */
  readonly conditions?: 'honoured' | 'ignored' | 'refused';
  /** Whether DeleteObjects must have Content-MD5. */
  readonly deletesByMd5?: boolean;
  /** Whether it has uploads in parts. */
  readonly multipart?: boolean;
  /**
   * Whether buckets keep versions, with Object Lock or not. With `default retention`, each version is
   * retained for a day by the bucket's own rule. There, `no deletion` refuses also what S3 answers
   * with a delete marker.
   */
  readonly versions?: boolean | 'object lock' | 'default retention' | 'no deletion';
  /** Whether DeleteObjects answers 200 and refuses every object, as where the right is denied. */
  readonly deniesDeletion?: boolean;
  /** With it the server speaks TLS, and nothing else. */
  readonly certificate?: Certificate;
}

/**
 * A strict S3 server in memory, addressed by path, of the operations that an archive needs. It
 * checks every checksum it is given, refuses parts without one, and anything it does not know. The
 * options give it the ways of other servers.
 */
export async function startS3Server({
  buckets = { archive: 'us-east-1' },
  pageSize = 1000,
  checksums = true,
  conditions = 'honoured',
  deletesByMd5 = false,
  multipart = true,
  versions = false,
  deniesDeletion = false,
  certificate,
}: S3Options = {}): Promise<S3Server> {
  const retains = versions === 'default retention' || versions === 'no deletion';
  const defaultRetention = retains ? ({ mode: 'GOVERNANCE', days: 1 } as const) : null;
  const versioning = versions ? { hasObjectLock: versions !== true, defaultRetention } : null;
  const requests: S3Request[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => {
      if (request.destroyed && !request.complete) return; // The client went away.
      if (!(error instanceof S3Refusal)) throw error;
      const region = error.headers['x-amz-bucket-region'];
      const elements = { ...error.elements, ...(region ? { Region: region.toString() } : {}) };
      const more = Object.entries(elements).map(([name, value]) => `<${name}>${value}</${name}>`);
      const body = `<Error><Code>${error.code}</Code><Message>${error.message}</Message>${more.join('')}</Error>`;
      response.writeHead(error.status, { 'content-type': 'application/xml', ...error.headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  };
  const http = certificate ? createTlsServer(certificate, answer) : createServer(answer);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  const server: S3Server = {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    buckets: new Map(
      Object.entries(buckets).map(([name, region]) => [name, new S3Bucket(region, versioning)]),
    ),
    requests,
    lifecycle: '',
    fault: () => null,
    after: () => null,
    async close() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', server.url);
    const [, name = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const key = rest.join('/');
    const operation = operationOf(request, url, key);
    const recorded: S3Request = { operation, key, versioned: url.searchParams.has('versionId') };
    requests.push(recorded);
    const fault = server.fault({ operation, key });
    if (fault === 'cut') return void request.socket.destroy();
    const sent = await readBody(request);
    if (fault === 'key denied') throw new S3Refusal('AccessDenied', 403, {}, {}, KEY_DENIED);
    const status = STATUS[fault ?? ''];
    if (fault !== null && status !== undefined) throw new S3Refusal(fault, status);
    const bytes = fault === null ? sent : damaged(sent, fault);
    const bucket = bucketFor(request, name);
    refuseForms(operation, request, bucket, key);

    switch (operation) {
      case 'PutObject':
        bucket.put(key, bytes, request.headers);
        response.setHeader('etag', etag(bytes));
        showVersion(bucket, key, response);
        if (server.after({ operation, key }) === 'cut') return void request.socket.destroy();
        return void response.end();
      case 'CreateMultipartUpload':
        return xml(
          response,
          'InitiateMultipartUploadResult',
          `<UploadId>${bucket.begin(key, request.headers)}</UploadId>`,
        );
      case 'UploadPart': {
        if (!request.headers['x-amz-checksum-sha256'] && checksums !== 'refused') {
          throw new S3Refusal('InvalidRequest', 400);
        }
        const number = Number(url.searchParams.get('partNumber'));
        const uploadId = url.searchParams.get('uploadId') ?? '';
        response.setHeader('etag', bucket.putPart(key, uploadId, number, bytes));
        return void response.end();
      }
      case 'CompleteMultipartUpload': {
        const parts = [...sent.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part]) => ({
          number: Number(element(part, 'PartNumber')),
          etag: element(part, 'ETag'),
          checksum: element(part, 'ChecksumSHA256'),
        }));
        const uploadId = url.searchParams.get('uploadId') ?? '';
        bucket.complete(key, uploadId, parts, checksums !== 'refused');
        showVersion(bucket, key, response);
        return xml(response, 'CompleteMultipartUploadResult', `<Key>${escapeXml(key)}</Key>`);
      }
      case 'AbortMultipartUpload':
        bucket.abort(key, url.searchParams.get('uploadId') ?? '');
        return void response.writeHead(204).end();
      case 'GetBucketLifecycleConfiguration':
        if (server.lifecycle === '') throw new S3Refusal('NoSuchLifecycleConfiguration', 404);
        return xml(response, 'LifecycleConfiguration', server.lifecycle);
      case 'ListObjectsV2':
        return list(bucket, url, response);
      case 'HeadObject':
      case 'GetObject': {
        const id = url.searchParams.get('versionId');
        const version = bucket.version(key, id);
        const object = id === null ? bucket.objects.get(key) : version?.object;
        if (!object) throw new S3Refusal(id === null ? 'NoSuchKey' : 'NoSuchVersion', 404);
        const { storageClass = 'STANDARD', restore } = object;
        const isCold = COLD.includes(storageClass) && restore !== 'complete';
        if (isCold && operation === 'GetObject') {
          throw new S3Refusal('InvalidObjectState', 403, {}, { StorageClass: storageClass });
        }
        response.setHeader('content-length', object.bytes.length);
        response.setHeader('etag', etag(object.bytes));
        if (storageClass !== 'STANDARD') {
          response.setHeader('x-amz-storage-class', storageClass);
        }
        if (restore) {
          response.setHeader('x-amz-restore', `ongoing-request="${restore === 'ongoing'}"`);
        }
        for (const [name, value] of lockHeaders(version)) response.setHeader(name, value);
        const shown = shownChecksum(object);
        if (shown && request.headers['x-amz-checksum-mode'] === 'ENABLED') {
          response.setHeader('x-amz-checksum-sha256', shown);
        }
        if (operation === 'HeadObject') return void response.end();
        if (fault !== 'cut body') return void response.end(object.bytes);
        const half = object.bytes.subarray(0, object.bytes.length / 2);
        return void response.write(half, () => request.socket.destroy());
      }
      case 'DeleteObjects': {
        const named = [...sent.toString().matchAll(/<Object>(.*?)<\/Object>/gs)];
        if (named.length === 0 || named.length > 1000) throw new S3Refusal('MalformedXML', 400);
        recorded.versioned = sent.includes('<VersionId>');
        const bypasses = request.headers['x-amz-bypass-governance-retention'] === 'true';
        const errors = named.map(([, object = '']) =>
          deleteNamed(bucket, object, { bypasses, deniesDeletion, versions }),
        );
        return xml(response, 'DeleteResult', errors.join(''));
      }
      default: {
        const asked: VersionRequest = { operation, key, url, sent, headers: request.headers };
        return answerVersions(bucket, asked, pageSize, response);
      }
    }
  }

  /** Refuses forms of a request that the server does not take. */
  function refuseForms(
    operation: string,
    { headers }: IncomingMessage,
    bucket: S3Bucket,
    key: string,
  ): void {
    const hasMd5 = headers['content-md5'] !== undefined;
    const hasChecksum = Object.keys(headers).some((name) => /^x-amz-(sdk-)?checksum-/.test(name));
    const isRead = headers['x-amz-checksum-mode'] !== undefined;
    if (checksums === 'refused' && hasChecksum && !isRead) {
      throw new S3Refusal('InvalidArgument', 400);
    }
    if (operation === 'CreateMultipartUpload' && !multipart) {
      throw new S3Refusal('MethodNotAllowed', 405);
    }
    if (operation === 'DeleteObjects' && deletesByMd5 && !hasMd5) {
      throw new S3Refusal('MissingContentMD5', 400);
    }
    if (operation !== 'PutObject') return;
    requireChecksum(bucket, headers);
    if (headers['if-none-match'] === undefined || conditions === 'ignored') return;
    if (conditions === 'refused') throw new S3Refusal('NotImplemented', 501);
    if (bucket.objects.has(key)) throw new S3Refusal('PreconditionFailed', 412);
  }

  function shownChecksum({ bytes, checksum }: StoredS3Object): string | null {
    if (checksums === 'without count') return checksum.replace(/-\d+$/, '');
    if (checksums === 'of the whole') return sha256(bytes);
    return checksums === true ? checksum : null;
  }

  function showVersion(bucket: S3Bucket, key: string, response: ServerResponse): void {
    const version = bucket.version(key);
    if (version) response.setHeader('x-amz-version-id', version.id);
  }

  function bucketFor(request: IncomingMessage, name: string): S3Bucket {
    const scope = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/s3\/aws4_request,/.exec(
      request.headers.authorization ?? '',
    );
    if (!scope) throw new S3Refusal('AccessDenied', 403);
    const bucket = server.buckets.get(name);
    if (!bucket) throw new S3Refusal('NoSuchBucket', 404);
    if (scope[1] !== bucket.region) {
      throw new S3Refusal('PermanentRedirect', 301, { 'x-amz-bucket-region': bucket.region });
    }
    return bucket;
  }

  function list(bucket: S3Bucket, url: URL, response: ServerResponse): void {
    const query = url.searchParams;
    if (query.has('delimiter')) throw new S3Refusal('NotImplemented', 501);
    const limit = Math.min(Number(query.get('max-keys') ?? 1000), pageSize);
    const token = Buffer.from(query.get('continuation-token') ?? '', 'base64url').toString();
    const page = bucket.list(query.get('prefix') ?? '', token, limit);
    const contents = page.keys.map((key) => {
      const size = bucket.objects.get(key)?.bytes.length;
      return `<Contents><Key>${escapeXml(key)}</Key><Size>${size}</Size></Contents>`;
    });
    const next = Buffer.from(page.keys.at(-1) ?? '').toString('base64url');
    xml(
      response,
      'ListBucketResult',
      `<KeyCount>${page.keys.length}</KeyCount><IsTruncated>${page.truncated}</IsTruncated>` +
        (page.truncated ? `<NextContinuationToken>${next}</NextContinuationToken>` : '') +
        contents.join(''),
    );
  }

  return server;
}

/** What a faulty server stores in place of what it was sent. */
function damaged(sent: Buffer, fault: S3Fault): Buffer {
  return fault === 'fewer bytes' ? sent.subarray(1) : Buffer.from(sent.map((byte) => byte ^ 1));
}

const LOCK_OPERATIONS = [
  ['retention', 'ObjectRetention'],
  ['legal-hold', 'ObjectLegalHold'],
] as const;

function operationOf(request: IncomingMessage, url: URL, key: string): string {
  const query = url.searchParams;
  if (key === '') {
    if (request.method === 'GET' && query.get('list-type') === '2') return 'ListObjectsV2';
    if (request.method === 'POST' && query.has('delete')) return 'DeleteObjects';
    if (request.method === 'GET' && query.has('versions')) return 'ListObjectVersions';
    if (request.method === 'GET' && query.has('object-lock')) return 'GetObjectLockConfiguration';
    if (request.method === 'GET' && query.has('lifecycle'))
      return 'GetBucketLifecycleConfiguration';
    return `${request.method} bucket`;
  }
  for (const [parameter, name] of LOCK_OPERATIONS) {
    if (!query.has(parameter)) continue;
    if (request.method === 'GET') return `Get${name}`;
    if (request.method === 'PUT') return `Put${name}`;
  }
  if (query.has('uploads')) return 'CreateMultipartUpload';
  if (query.has('uploadId')) {
    if (request.method === 'PUT') return 'UploadPart';
    if (request.method === 'POST') return 'CompleteMultipartUpload';
    if (request.method === 'DELETE') return 'AbortMultipartUpload';
  }
  const plain: Record<string, string> = { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject' };
  return plain[request.method ?? ''] ?? `${request.method} object`;
}

/** The request's body, after every checksum that came with it was compared. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const { headers } = request;
  if (headers['content-encoding']?.includes('aws-chunked')) {
    throw new S3Refusal('NotImplemented', 501);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const signed = headers['x-amz-content-sha256']?.toString() ?? '';
  const hex = Buffer.from(sha256(body), 'base64').toString('hex');
  if (/^[0-9a-f]{64}$/.test(signed) && signed !== hex) {
    throw new S3Refusal('XAmzContentSHA256Mismatch', 400);
  }
  const given = headers['x-amz-checksum-sha256'];
  const wrongSha = given !== undefined && given !== sha256(body);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  const givenCrc = headers['x-amz-checksum-crc32'];
  const md5 = createHash('md5').update(body).digest('base64');
  const wrongMd5 = (headers['content-md5'] ?? md5) !== md5;
  if (wrongSha || wrongMd5 || (givenCrc !== undefined && givenCrc !== crc.toString('base64'))) {
    throw new S3Refusal('BadDigest', 400);
  }
  return body;
}
