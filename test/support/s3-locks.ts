import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { S3Options } from './s3-server.ts';
import { etag, type S3Bucket, S3Refusal, type S3Retention, type S3Version } from './s3-store.ts';
import { element, escapeXml, xml } from './s3-xml.ts';

/** A request about versions and locks. */
export interface VersionRequest {
  readonly operation: string;
  readonly key: string;
  readonly url: URL;
  readonly sent: Buffer;
  readonly headers: IncomingHttpHeaders;
}

/** The root and the content of an answer. Null: it has no body. */
type Answer = readonly [root: string, content: string] | null;

const ANSWERS: Readonly<
  Record<string, (bucket: S3Bucket, request: VersionRequest, pageSize: number) => Answer>
> = {
  ListObjectVersions: (bucket, { url }, pageSize) => [
    'ListVersionsResult',
    listVersions(bucket, url, pageSize),
  ],
  GetObjectLockConfiguration: (bucket) => {
    if (bucket.versioning?.hasObjectLock) {
      return ['ObjectLockConfiguration', '<ObjectLockEnabled>Enabled</ObjectLockEnabled>'];
    }
    const message = 'Object Lock configuration does not exist for this bucket';
    throw refusal('ObjectLockConfigurationNotFoundError', 404, message);
  },
  GetObjectRetention: (bucket, request) => {
    const { retention } = lockable(bucket, request);
    if (retention === null) {
      const message = 'The specified object does not have a ObjectLock configuration';
      throw refusal('NoSuchObjectLockConfiguration', 404, message);
    }
    const { mode, until } = retention;
    const date = `<RetainUntilDate>${until.toISOString()}</RetainUntilDate>`;
    return ['Retention', `<Mode>${mode}</Mode>${date}`];
  },
  PutObjectRetention: (bucket, request) => {
    const version = lockable(bucket, request);
    if (!hasChecksum(request.headers)) throw new S3Refusal('InvalidRequest', 400);
    bucket.retain(version, parseRetention(request.sent.toString()), bypasses(request.headers));
    return null;
  },
  GetObjectLegalHold: (bucket, request) => {
    const { legalHold } = lockable(bucket, request);
    return ['LegalHold', `<Status>${legalHold ? 'ON' : 'OFF'}</Status>`];
  },
  PutObjectLegalHold: (bucket, request) => {
    lockable(bucket, request).legalHold = element(request.sent.toString(), 'Status') === 'ON';
    return null;
  },
};

/** Answers the operations of versions and Object Lock as S3 does, and refuses all others. */
export function answerVersions(
  bucket: S3Bucket,
  request: VersionRequest,
  pageSize: number,
  response: ServerResponse,
): void {
  const answer = ANSWERS[request.operation];
  if (answer === undefined) throw new S3Refusal('NotImplemented', 501);
  const body = answer(bucket, request, pageSize);
  if (body === null) response.end();
  else xml(response, ...body);
}

/** The version that a request about a lock names: the current one without an id. */
function lockable(bucket: S3Bucket, { key, url }: VersionRequest): S3Version {
  if (!bucket.versioning?.hasObjectLock) {
    throw refusal('InvalidRequest', 400, 'Bucket is missing Object Lock Configuration');
  }
  const id = url.searchParams.get('versionId');
  const version = bucket.version(key, id);
  if (version === undefined) throw new S3Refusal(id ? 'NoSuchVersion' : 'NoSuchKey', 404);
  if (version.object === null) throw new S3Refusal('MethodNotAllowed', 405);
  return version;
}

function parseRetention(body: string): S3Retention {
  const mode = element(body, 'Mode');
  const until = new Date(element(body, 'RetainUntilDate'));
  if ((mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') || Number.isNaN(until.getTime())) {
    throw new S3Refusal('MalformedXML', 400);
  }
  if (until <= new Date()) {
    throw refusal('InvalidArgument', 400, 'The retain until date must be in the future!');
  }
  return { mode, until };
}

/** Refuses what S3 refuses to store under a default retention. */
export function requireChecksum(bucket: S3Bucket, headers: IncomingHttpHeaders): void {
  const locks = Object.keys(headers).some((name) => name.startsWith('x-amz-object-lock-'));
  if (locks && !bucket.versioning?.hasObjectLock) {
    throw refusal('InvalidRequest', 400, 'Bucket is missing Object Lock Configuration');
  }
  if ((locks || bucket.versioning?.defaultRetention) && !hasChecksum(headers)) {
    throw refusal(
      'InvalidRequest',
      400,
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    );
  }
}

/** As moto has it, which does not take the checksum alone. */
function hasChecksum(headers: IncomingHttpHeaders): boolean {
  return (
    headers['content-md5'] !== undefined || headers['x-amz-sdk-checksum-algorithm'] !== undefined
  );
}

function bypasses(headers: IncomingHttpHeaders): boolean {
  return headers['x-amz-bypass-governance-retention'] === 'true';
}

/** What HeadObject and GetObject show of a version. */
export function lockHeaders(version: S3Version | undefined): [string, string][] {
  if (version === undefined) return [];
  const { id, retention, legalHold } = version;
  return [
    ['x-amz-version-id', id],
    ...(retention === null
      ? []
      : ([
          ['x-amz-object-lock-mode', retention.mode],
          ['x-amz-object-lock-retain-until-date', retention.until.toISOString()],
        ] satisfies [string, string][])),
    ...(legalHold ? ([['x-amz-object-lock-legal-hold', 'ON']] satisfies [string, string][]) : []),
  ];
}

function listVersions(bucket: S3Bucket, { searchParams: query }: URL, pageSize: number): string {
  const after = { key: query.get('key-marker') ?? '', id: query.get('version-id-marker') ?? '' };
  const limit = Math.min(Number(query.get('max-keys') ?? 1000), pageSize);
  const { page, truncated } = bucket.listVersions(query.get('prefix') ?? '', after, limit);
  const entries = page.map((version) => {
    const { key, id, object, at } = version;
    const isLatest = bucket.version(key) === version;
    const common = `<Key>${escapeXml(key)}</Key><VersionId>${id}</VersionId><IsLatest>${isLatest}</IsLatest><LastModified>${at.toISOString()}</LastModified>`;
    if (object === null) return `<DeleteMarker>${common}</DeleteMarker>`;
    return `<Version>${common}<Size>${object.bytes.length}</Size></Version>`;
  });
  const last = page.at(-1);
  const next =
    truncated && last
      ? `<NextKeyMarker>${escapeXml(last.key)}</NextKeyMarker><NextVersionIdMarker>${last.id}</NextVersionIdMarker>`
      : '';
  const head = `<IsTruncated>${truncated}</IsTruncated>${next}`;
  return head + entries.join('');
}

/** Deletes what an element of DeleteObjects names. Returns its refusal, or nothing. */
export function deleteNamed(
  bucket: S3Bucket,
  text: string,
  {
    bypasses: bypassesGovernance,
    deniesDeletion,
    versions,
  }: { bypasses: boolean } & Required<Pick<S3Options, 'deniesDeletion' | 'versions'>>,
): string {
  const key = element(text, 'Key');
  const id = element(text, 'VersionId');
  const refused = (code: string, message: string) =>
    `<Error><Key>${escapeXml(key)}</Key>${id && `<VersionId>${id}</VersionId>`}<Code>${code}</Code><Message>${message}</Message></Error>`;
  if (deniesDeletion) return refused('AccessDenied', 'Access Denied');
  const object = bucket.objects.get(key);
  const condition = element(text, 'ETag');
  if (condition !== '' && object && etag(object.bytes) !== condition) {
    return refused('PreconditionFailed', 'At least one of the conditions did not hold');
  }
  if (id !== '') {
    try {
      bucket.deleteVersion(key, id, bypassesGovernance);
      return '';
    } catch (error) {
      return refused('AccessDenied', (error as Error).message);
    }
  }
  if (versions === 'no deletion' && object) {
    return refused('AccessDenied', 'Access Denied because object protected by object lock.');
  }
  bucket.hide(key);
  return '';
}

function refusal(code: string, status: number, message: string): S3Refusal {
  return new S3Refusal(code, status, {}, {}, message);
}
