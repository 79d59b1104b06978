import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { PartEditors } from '../../src/archive/erasure/part-editors.ts';
import type { Person } from '../../src/archive/erasure/persons.ts';
import { readWhole } from '../../src/archive/read-object.ts';
import type { ArchiveRequest } from '../../src/archive/write-archive.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import type { ArchiveFormat } from '../../src/config/config.ts';
import { eraseFromArchive } from '../../src/erasure/erase-archive.ts';
import type { RevisedSnapshot } from '../../src/erasure/revise-snapshot.ts';
import { readState, searchArchive } from '../../src/erasure/search-archive.ts';
import type { ArchiveLock } from '../../src/model/object-lock.ts';
import { snapshotId } from '../../src/model/snapshot.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { ParquetChecks } from '../../src/verify/check-content.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import {
  type Datasets,
  group,
  NEVER,
  optionsWith,
  POOL,
  requestFor,
  rowsOf,
  setting,
  user,
} from '../archive/support.ts';
import { makeKeyFile } from '../signature/support.ts';
import { temporaryFolder } from '../support/temp.ts';
import { uncompress } from '../support/uncompress.ts';

export const FORMATS: readonly ArchiveFormat[] = ['parquet', 'jsonl', 'csv'];
export const [FIRST = '', SECOND = '', THIRD = '', LAST = ''] = [18, 19, 20, 21].map(
  (day) => `202611${day}T020000Z`,
);

/** The person who is forgotten: in the first three snapshots, with another name in the third. */
export const ANA: Person = {
  username: 'user-000002',
  sub: '0000aaaa-bbbb-cccc-dddd-eeeeff000002',
};
/** Texts that only she has. */
export const TRACES = [ANA.username, 'eeeeff000002', 'Ana Ruiz', '+15550002', 'ana@example.org'];

const others = (users: readonly number[]) => users.map((index) => user(index));
const ana = (name: string) =>
  user(2, {
    name,
    email: 'ana@example.org',
    phone_number: '+15550002',
    attributes: { sub: ANA.sub ?? '', email: 'ana@example.org', name, phone_number: '+15550002' },
  });

function state(users: readonly ReturnType<typeof user>[]): Datasets {
  return {
    users,
    groups: [group('admins', 0)],
    memberships: users.map(({ username, sub }) => ({ group_name: 'admins', username, sub })),
  };
}

/**
 * Five others, whom every snapshot has. A part has two rows, so she is in the second one of users. The first
 * snapshot keeps settings.
 */
export const STATES: readonly Datasets[] = [
  {
    ...state([...others([0, 1]), ana('Ana Ruiz'), ...others([3, 4, 5])]),
    settings: [setting('pool', { Name: 'people' })],
  },
  state([...others([0, 1]), ana('Ana Ruiz'), ...others([3, 4, 5])]),
  state([...others([0, 1]), ana('Ana Ruiz-Gil'), ...others([3, 4, 5])]),
  state(others([0, 1, 3, 4, 5])),
];

export let folder: Awaited<ReturnType<typeof temporaryFolder>>;
export let signer: Signer;

/** Makes `folder` and `signer` for the tests of a file. */
export function useSigner(): void {
  beforeAll(async () => {
    folder = await temporaryFolder();
    signer = await loadKeyFile(makeKeyFile(folder.path).path);
  });
  afterAll(() => folder.remove());
}

interface SealOptions {
  readonly formats?: readonly ArchiveFormat[];
  readonly by?: Signer | null;
  readonly lock?: ArchiveLock | null;
  readonly states?: readonly Datasets[];
  readonly partRows?: number;
}

/** Seals a snapshot of each state, by default the four, with their changes. */
export async function seal(
  destination: Destination,
  { formats = FORMATS, by = signer, lock = null, states = STATES, partRows = 2 }: SealOptions = {},
): Promise<void> {
  let previous: ArchiveRequest['previous'] = null;
  for (const [index, datasets] of states.entries()) {
    const snapshotAt = new Date(Date.UTC(2026, 10, 18 + index, 2));
    const { manifestSha256 } = await writeArchive(
      destination,
      requestFor(datasets, { snapshotAt, previous }),
      rowsOf(datasets, 1_000, states[index - 1] ?? null),
      optionsWith({ formats, partRows, signer: by, lock }),
    );
    previous = { snapshot: snapshotId(snapshotAt), sha256: manifestSha256 };
  }
}

/** Finds persons by name or `sub`, and removes them. */
export async function erase(
  destination: Destination,
  persons: readonly Person[] = [ANA],
  { by = signer, lock = null }: Pick<SealOptions, 'by' | 'lock'> = {},
): Promise<RevisedSnapshot[]> {
  const own = await mkdtemp(join(folder.path, 'work-'));
  const editors = new PartEditors(own);
  try {
    const states = await readState(destination, POOL, NEVER);
    const texts = new Set(persons.map(({ sub, username }) => sub ?? username));
    const options = { editors, folder: own, signal: NEVER };
    const searched = await searchArchive(destination, states, texts, options);
    return await eraseFromArchive(destination, POOL, searched, persons, {
      ...options,
      program: 'cognito-mirror/0.0.0',
      owner: 'a-database',
      signer: by,
      lock,
    });
  } finally {
    editors.close();
  }
}

export async function verify(destination: Destination) {
  const work = await mkdtemp(join(folder.path, 'verify-'));
  const parquet = await ParquetChecks.open(work);
  try {
    const { findings } = await verifyPool(destination, POOL, {
      from: null,
      to: null,
      content: 'all',
      signers: null,
      head: null,
      parquet,
      signal: NEVER,
    });
    return findings.map(({ code, key, detail }) => ({ code, key, detail }));
  } finally {
    parquet?.close();
  }
}

/** Every object, by key, without compression. */
export async function readAll(destination: Destination): Promise<Map<string, Buffer>> {
  const content = new Map<string, Buffer>();
  for (const prefix of ['parquet/', 'jsonl/', 'csv/', 'manifests/', 'locks/']) {
    for await (const { key } of destination.list(prefix, NEVER)) {
      const bytes = (await readWhole(destination, key, NEVER)) ?? Buffer.of();
      content.set(key, uncompress(key, bytes));
    }
  }
  return content;
}

/** The keys of objects that have one of the texts. */
export async function keysWith(
  destination: Destination,
  texts: readonly string[] = TRACES,
): Promise<string[]> {
  const found = [...(await readAll(destination))].filter(([, bytes]) =>
    texts.some((text) => bytes.includes(text)),
  );
  return found.map(([key]) => key).sort();
}
