import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import type { Certificate } from './certificates.ts';
import { etag, S3Bucket, S3Refusal, sha256 } from './s3-store.ts';

/** What can be made to go wrong with a request: an error's code, or a trick. */
export type S3Fault =
  | 'SlowDown'
  | 'InternalError'
  | 'AccessDenied'
  | 'ExpiredToken'
  | 'cut'
  | 'cut body'
  | 'other bytes'
  | 'fewer bytes';

export interface S3Request {
  /** The operation's name in the API, as `PutObject`. */
  readonly operation: string;
  readonly key: string;
}

export interface S3Server {
  readonly url: string;
  readonly buckets: Map<string, S3Bucket>;
  /** Every request so far, those made to fail included. */
  readonly requests: S3Request[];
  /** Decides what goes wrong with a request; nothing by default. */
  fault: (request: S3Request) => S3Fault | null;
  readonly close: () => Promise<void>;
}

const STATUS: Readonly<Record<string, number>> = {
  SlowDown: 503,
  InternalError: 500,
  AccessDenied: 403,
  ExpiredToken: 400,
};

/**
 * A strict S3 server in memory, addressed by path, of the operations that an archive needs. It
 * checks every checksum it is given, refuses parts without one, and anything it does not know.
 */
export async function startS3Server({
  buckets = { archive: 'us-east-1' },
  pageSize = 1000,
  checksums = true,
  certificate,
}: {
  /** Buckets and their Regions. */
  buckets?: Readonly<Record<string, string>>;
  /** The most keys of a page of a listing. */
  pageSize?: number;
  /** Whether objects' checksums are kept, as S3 does and some servers with its API do not. */
  checksums?: boolean;
  /** With it the server speaks TLS, and nothing else. */
  certificate?: Certificate;
} = {}): Promise<S3Server> {
  const requests: S3Request[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => {
      if (request.destroyed && !request.complete) return; // The client went away.
      if (!(error instanceof S3Refusal)) throw error;
      const region = error.headers['x-amz-bucket-region'];
      const body = `<Error><Code>${error.code}</Code><Message>${error.code}</Message>${
        region ? `<Region>${region}</Region>` : ''
      }</Error>`;
      response.writeHead(error.status, { 'content-type': 'application/xml', ...error.headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  };
  const http = certificate ? createTlsServer(certificate, answer) : createServer(answer);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  const server: S3Server = {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    buckets: new Map(Object.entries(buckets).map(([name, region]) => [name, new S3Bucket(region)])),
    requests,
    fault: () => null,
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
    requests.push({ operation, key });
    const fault = server.fault({ operation, key });
    if (fault === 'cut') return void request.socket.destroy();
    const sent = await readBody(request);
    const status = STATUS[fault ?? ''];
    if (fault !== null && status !== undefined) throw new S3Refusal(fault, status);
    const bytes = fault === null ? sent : damaged(sent, fault);
    const bucket = bucketFor(request, name);

    switch (operation) {
      case 'PutObject':
        bucket.put(key, bytes, request.headers);
        response.setHeader('etag', etag(bytes));
        return void response.end();
      case 'CreateMultipartUpload':
        return xml(
          response,
          'InitiateMultipartUploadResult',
          `<UploadId>${bucket.begin(key, request.headers)}</UploadId>`,
        );
      case 'UploadPart': {
        if (!request.headers['x-amz-checksum-sha256']) throw new S3Refusal('InvalidRequest', 400);
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
        bucket.complete(key, url.searchParams.get('uploadId') ?? '', parts);
        return xml(response, 'CompleteMultipartUploadResult', `<Key>${escapeXml(key)}</Key>`);
      }
      case 'AbortMultipartUpload':
        bucket.abort(key, url.searchParams.get('uploadId') ?? '');
        return void response.writeHead(204).end();
      case 'ListObjectsV2':
        return list(bucket, url, response);
      case 'HeadObject':
      case 'GetObject': {
        const object = bucket.objects.get(key);
        if (!object) throw new S3Refusal('NoSuchKey', 404);
        response.setHeader('content-length', object.bytes.length);
        response.setHeader('etag', etag(object.bytes));
        if (checksums && request.headers['x-amz-checksum-mode'] === 'ENABLED') {
          response.setHeader('x-amz-checksum-sha256', object.checksum);
        }
        if (operation === 'HeadObject') return void response.end();
        if (fault !== 'cut body') return void response.end(object.bytes);
        const half = object.bytes.subarray(0, object.bytes.length / 2);
        return void response.write(half, () => request.socket.destroy());
      }
      case 'DeleteObjects': {
        const keys = [...sent.toString().matchAll(/<Key>(.*?)<\/Key>/gs)];
        if (keys.length === 0 || keys.length > 1000) throw new S3Refusal('MalformedXML', 400);
        for (const [, escaped = ''] of keys) bucket.objects.delete(unescapeXml(escaped));
        return xml(response, 'DeleteResult', '');
      }
      default:
        throw new S3Refusal('NotImplemented', 501);
    }
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

function operationOf(request: IncomingMessage, url: URL, key: string): string {
  const query = url.searchParams;
  if (key === '') {
    if (request.method === 'GET' && query.get('list-type') === '2') return 'ListObjectsV2';
    if (request.method === 'POST' && query.has('delete')) return 'DeleteObjects';
    return `${request.method} bucket`;
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
  if (wrongSha || (givenCrc !== undefined && givenCrc !== crc.toString('base64'))) {
    throw new S3Refusal('BadDigest', 400);
  }
  return body;
}

function xml(response: ServerResponse, root: string, content: string): void {
  response.setHeader('content-type', 'application/xml');
  response.end(`<?xml version="1.0" encoding="UTF-8"?><${root}>${content}</${root}>`);
}

function element(text: string | undefined, name: string): string {
  return unescapeXml(new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text ?? '')?.[1] ?? '');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unescapeXml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
