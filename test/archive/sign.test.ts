import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removalKey, revisionKey } from '../../src/archive/layout.ts';
import { readWhole } from '../../src/archive/read-object.ts';
import { type ArchiveOptions, writeArchive } from '../../src/archive/write-archive.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { verifySignature } from '../../src/signature/sshsig.ts';
import { makeKeyFile } from '../signature/support.ts';
import { temporaryFolder } from '../support/temp.ts';
import { BACKENDS, type Backend, openFolder, wrap } from './destinations.ts';
import {
  catchError,
  catchRefusal,
  MANIFEST,
  NEVER,
  optionsWith,
  POOL,
  pool,
  requestFor,
  rowsOf,
} from './support.ts';

const SIGNATURE = `${MANIFEST}.sig`;
const DATASETS = pool(3);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let signer: Signer;
let earlier: Signer;
beforeAll(async () => {
  folder = await temporaryFolder();
  signer = await loadKeyFile(makeKeyFile(folder.path).path);
  earlier = await loadKeyFile(makeKeyFile(folder.path, 'earlier').path);
});
afterAll(() => folder.remove());

function archive(
  { destination }: Pick<Backend, 'destination'>,
  options: Partial<ArchiveOptions> = {},
) {
  const all = optionsWith({ formats: ['jsonl'], signer, ...options });
  return writeArchive(destination, requestFor(DATASETS), rowsOf(DATASETS), all);
}

/** The fingerprint of the key that signed the manifest; null without a sound signature. */
async function signedBy({ destination }: Backend): Promise<string | null> {
  const manifest = await readWhole(destination, MANIFEST, NEVER);
  const signature = await readWhole(destination, SIGNATURE, NEVER);
  const verdict = verifySignature(manifest ?? Buffer.of(), signature ?? Buffer.of());
  return verdict.sound ? verdict.publicKey.blob.toString('base64') : null;
}

const idOf = ({ publicKey }: Signer) => publicKey.blob.toString('base64');

describe.each(BACKENDS)('in $name, a manifest', ({ open }) => {
  let backend: Backend;
  beforeEach(async () => {
    backend = await open();
  });
  afterEach(() => backend.close());

  test('is signed beside it', async () => {
    await archive(backend);
    expect(await signedBy(backend)).toBe(idOf(signer));
  });

  test('gets no signature without a key', async () => {
    await archive(backend, { signer: null });
    expect(await readWhole(backend.destination, SIGNATURE, NEVER)).toBeNull();
  });

  test.each([['cognito-mirror/0.0.0'], ['cognito-mirror/9.9.9']])(
    'is signed by the next run, by %s, if a run was killed before',
    async (program) => {
      const killed = wrap(backend.destination, {
        create: (key, file, signal) =>
          key === SIGNATURE
            ? Promise.reject(new ResumableError('killed'))
            : backend.destination.create(key, file, signal),
      });
      await catchError(archive({ destination: killed }));
      expect(await readWhole(backend.destination, MANIFEST, NEVER)).not.toBeNull();
      expect(await signedBy(backend)).toBeNull();
      await archive(backend, { program });
      expect(await signedBy(backend)).toBe(idOf(signer));
    },
  );

  test('is signed by a run that stores a lost object again', async () => {
    await archive(backend, { signer: null });
    const [lost = ''] = await listKeys(backend, 'jsonl/');
    await backend.destination.delete([lost], NEVER);
    await archive(backend);
    expect(await signedBy(backend)).toBe(idOf(signer));
  });

  test('keeps the signature of an earlier key', async () => {
    await archive(backend, { signer: earlier });
    await archive(backend);
    expect(await signedBy(backend)).toBe(idOf(earlier));
  });

  test('is not sealed if the key cannot sign', async () => {
    const failing = { ...signer, sign: () => Promise.reject(new ResumableError('KMS is away')) };
    const error = await catchError(archive(backend, { signer: failing }));
    expect(error.message).toBe('KMS is away');
    expect(await readWhole(backend.destination, MANIFEST, NEVER)).toBeNull();
    await archive(backend);
    expect(await signedBy(backend)).toBe(idOf(signer));
  });
});

async function listKeys({ destination }: Backend, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of destination.list(prefix, NEVER)) keys.push(key);
  return keys;
}

describe('in a folder', () => {
  let backend: Awaited<ReturnType<typeof openFolder>>;
  beforeEach(async () => {
    backend = await openFolder();
  });
  afterEach(() => backend.close());

  test('a wrong signature is named and stays', async () => {
    await archive(backend);
    writeFileSync(join(backend.folder, SIGNATURE), 'no signature');
    const { message } = await catchRefusal(archive(backend));
    expect(message).toContain(
      `${SIGNATURE} is not a signature of ${MANIFEST}: it is not a signature of ssh-keygen.`,
    );
    expect(await signedBy(backend)).toBeNull();
  });

  test('an empty signature, which a killed run can leave, is replaced', async () => {
    await archive(backend);
    writeFileSync(join(backend.folder, SIGNATURE), '');
    await archive(backend);
    expect(await signedBy(backend)).toBe(idOf(signer));
  });

  test('documents beside the manifests do not count as snapshots', async () => {
    await archive(backend);
    const later = '20261130T020000Z';
    for (const key of [removalKey(POOL, later), revisionKey(POOL, later, 1)]) {
      writeFileSync(join(backend.folder, key), '{}');
      writeFileSync(join(backend.folder, `${key}.sig`), '');
    }
    const next = requestFor(DATASETS, { snapshotAt: new Date('2026-11-21T02:00:00Z') });
    const options = optionsWith({ formats: ['jsonl'], signer });
    const result = await writeArchive(backend.destination, next, rowsOf(DATASETS), options);
    expect(result.snapshots).toBe(2);
  });
});
