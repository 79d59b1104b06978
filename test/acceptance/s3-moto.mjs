/**
 * Mirrors a pool into moto, an S3 server by other authors. Run it after `npm ci`, with `moto_server`
 * in the PATH (`pip install 'moto[server]'`):
 *
 *     node test/acceptance/s3-moto.mjs
 *
 * It uses four buckets: plain, versioned, with Object Lock and default retention, and with Object Lock
 * and ARCHIVE_LOCK_MODE. Each gets two snapshots with parts over 8 MiB. Then the last manifest moves to
 * cold storage, except where it is locked, and another snapshot follows.
 *
 * It prints one line per bucket. It exits with 0 if every manifest has the hashes of its objects and of
 * the manifest before it, no upload is left open, and in the last bucket every object is locked until
 * the date in its manifest, the server refuses to delete one, and `verify` finds nothing.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';

const COMMAND = fileURLToPath(new URL('../../bin/cognito-mirror.mjs', import.meta.url));
const POOL = 'us-east-1_Simulated';
const USERS = '75000';
const READY_MS = 60_000;
/** The buckets with Object Lock. Moto rejects a copy into them. */
const LOCKABLE = ['retained', 'locked'];

const home = await mkdtemp(join(tmpdir(), 'cognito-mirror-acceptance-'));
/** @type {import('node:child_process').ChildProcess[]} */
const servers = [];
try {
  const port = String(await freePort());
  const s3Url = `http://127.0.0.1:${port}`;
  start('moto_server', ['-H', '127.0.0.1', '-p', port]);
  const simulator = start(process.execPath, [
    ...[COMMAND, 'simulator', '--port', '0', '--rps', '0'],
    ...['--users', USERS, '--groups', '3'],
  ]);
  const pools = await firstUrl(simulator);
  await answers(s3Url);
  const env = {
    ...process.env,
    MIRROR_HOME: home,
    MIRROR_USER_LIST_RPS: '6000',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: s3Url,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: pools,
  };
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const s3 = new S3Client({
    region: 'us-east-1',
    endpoint: s3Url,
    forcePathStyle: true,
    credentials,
    // Moto returns a composite checksum as that of the whole object, which the SDK rejects.
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  for (const bucket of ['plain', 'versioned', 'retained', 'locked']) {
    await createBucket(s3, bucket);
    const lock = { ARCHIVE_LOCK_MODE: 'compliance', ARCHIVE_LOCK_DAYS: '1' };
    const locks = bucket === 'locked' ? lock : {};
    const archive = { ...env, ...locks, ARCHIVE_URL: `s3://${bucket}/of/pools` };
    await sync(archive);
    await sync(archive);
    if (!LOCKABLE.includes(bucket)) await moveToColdStorage(s3, bucket);
    await sync(archive);
    const { snapshots, objects, largest } = await verify(s3, bucket);
    require(snapshots === 3, `${bucket}: 3 manifests expected, ${snapshots} found`);
    require(largest > 8 * 1024 * 1024, `${bucket}: no part over 8 MiB`);
    if (bucket === 'locked') await requireLocks(s3, bucket, archive);
    console.log(
      `${bucket}: ${snapshots} manifests prove ${objects} objects, the largest ${largest} bytes`,
    );
  }
} finally {
  for (const server of servers) server.kill('SIGTERM');
  await rm(home, { recursive: true, force: true });
}

/** @param {S3Client} s3 @param {string} Bucket */
async function createBucket(s3, Bucket) {
  const ObjectLockEnabledForBucket = LOCKABLE.includes(Bucket);
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket }));
  if (Bucket === 'versioned') {
    const VersioningConfiguration = { Status: /** @type {const} */ ('Enabled') };
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  }
  if (Bucket === 'retained') {
    const DefaultRetention = { Mode: /** @type {const} */ ('GOVERNANCE'), Days: 1 };
    const ObjectLockConfiguration = {
      ObjectLockEnabled: /** @type {const} */ ('Enabled'),
      Rule: { DefaultRetention },
    };
    await s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  }
}

/**
 * Moves the newest manifest to Deep Archive, as a lifecycle rule does.
 *
 * @param {S3Client} s3 @param {string} Bucket
 */
async function moveToColdStorage(s3, Bucket) {
  const Key = (await keysOf(s3, Bucket)).filter((key) => key.includes('manifests/')).at(-1);
  const CopySource = `${Bucket}/${Key}`;
  const copy = { Bucket, Key, CopySource, StorageClass: /** @type {const} */ ('DEEP_ARCHIVE') };
  await s3.send(new CopyObjectCommand(copy));
}

/**
 * Compares the objects of a bucket with its manifests. Manifests in cold storage are known by hash.
 *
 * @param {S3Client} s3 @param {string} Bucket
 */
async function verify(s3, Bucket) {
  const keys = await keysOf(s3, Bucket);
  const manifests = keys.filter((key) => key.includes('/manifests/'));
  const check = 'of/pools/cognito-mirror-check';
  const named = new Set(manifests);
  let objects = 0;
  let largest = 0;
  /** @type {{ snapshot: string, sha256: string } | null} */
  let before = null;
  for (const key of manifests) {
    const bytes = await read(s3, Bucket, key);
    if (bytes === null) {
      // In cold storage: its parts are not compared, and the next manifest holds its hash.
      before = null;
      for (const part of keys.filter((each) => each.includes(snapshotOf(key)))) named.add(part);
      continue;
    }
    const manifest = JSON.parse(bytes.toString());
    const isNext = before === null || JSON.stringify(manifest.previous) === JSON.stringify(before);
    require(isNext, `${Bucket}: ${key} breaks the chain`);
    require(key === manifests[0] || manifest.previous, `${Bucket}: ${key} has no predecessor`);
    before = { snapshot: manifest.snapshot, sha256: sha256(bytes) };
    for (const object of manifest.objects) {
      const part = await read(s3, Bucket, `of/pools/${object.key}`);
      require(part?.length === object.bytes, `${Bucket}: ${object.key} has other bytes`);
      require(part && sha256(part) === object.sha256, `${Bucket}: ${object.key} has other bytes`);
      named.add(`of/pools/${object.key}`);
      largest = Math.max(largest, object.bytes);
      objects += 1;
    }
  }
  // A bucket with default retention keeps the object of the trial at the start.
  const extra = keys.filter((key) => !named.has(key) && !(Bucket === 'retained' && key === check));
  require(extra.length === 0, `${Bucket}: no manifest names ${extra.join(', ')}`);
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  require(Uploads.length === 0, `${Bucket}: ${Uploads.length} uploads are open`);
  return { snapshots: manifests.length, objects, largest };
}

/**
 * Requires that every object is locked as its manifest says, for readers and against deletion.
 *
 * @param {S3Client} s3 @param {string} Bucket @param {NodeJS.ProcessEnv} env
 */
async function requireLocks(s3, Bucket, env) {
  for (const key of (await keysOf(s3, Bucket)).filter((each) => each.includes('/manifests/'))) {
    const bytes = await read(s3, Bucket, key);
    const { lock, objects } = JSON.parse((bytes ?? '').toString());
    const parts = objects.map((/** @type {{ key: string }} */ each) => `of/pools/${each.key}`);
    for (const Key of [key, ...parts]) {
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
      const until = head.ObjectLockRetainUntilDate?.toISOString();
      const isLocked = head.ObjectLockMode === 'COMPLIANCE' && until === lock.partsUntil;
      require(isLocked, `${Key} is locked until ${until}, not ${lock.partsUntil}`);
      const { VersionId } = head;
      const deleting = s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
      const refusal = await deleting.then(
        () => null,
        (error) => error.name,
      );
      require(refusal === 'AccessDenied', `${Key} was deleted, or refused with ${refusal}`);
    }
  }
  await run(['verify'], env);
}

/** @param {S3Client} s3 @param {string} Bucket @returns {Promise<string[]>} in their order */
async function keysOf(s3, Bucket) {
  const keys = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
    keys.push(...Contents.map(({ Key = '' }) => Key));
  }
  return keys.sort();
}

/**
 * @param {S3Client} s3 @param {string} Bucket @param {string} Key
 * @returns {Promise<Buffer | null>} null where it is in cold storage
 */
async function read(s3, Bucket, Key) {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidObjectState') return null;
    throw error;
  }
}

/** @param {string} key of a manifest */
function snapshotOf(key) {
  return `snapshot=${key.split('/').at(-1)?.replace('.json', '')}/`;
}

/** @param {Buffer} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @param {NodeJS.ProcessEnv} env */
async function sync(env) {
  await run(['sync', POOL], env);
}

/**
 * Runs the command, which must end with 0.
 *
 * @param {readonly string[]} args @param {NodeJS.ProcessEnv} env
 */
async function run(args, env) {
  const child = spawn(process.execPath, [COMMAND, ...args], { env, stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-4_000);
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  require(code === 0, `${args[0]} of ${env.ARCHIVE_URL} ended with ${code}:\n${output}`);
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  servers.push(child);
  child.once('error', (error) => {
    console.error(`${program} could not be started: ${error.message}`);
    process.exit(1);
  });
  return child;
}

/** @param {import('node:child_process').ChildProcess} child */
async function firstUrl(child) {
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += chunk;
    const [url] = /http:\/\/\S+/.exec(output) ?? [];
    if (url) return url;
  }
  throw new Error('the simulator ended');
}

/** @param {string} url */
async function answers(url) {
  const end = Date.now() + READY_MS;
  while (!(await fetch(url).catch(() => null))) {
    require(Date.now() < end, `${url} does not answer`);
    await delay(200);
  }
}

/** @returns {Promise<number>} */
async function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {unknown} holds @param {string} problem @returns {asserts holds} */
function require(holds, problem) {
  if (!holds) throw new Error(problem);
}
