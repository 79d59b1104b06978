import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { openDestination } from '../../src/archive/open-destination.ts';
import {
  type ArchiveOptions,
  type ArchiveRequest,
  writeArchive,
} from '../../src/archive/write-archive.ts';
import { type Dataset, snapshotId } from '../../src/model/snapshot.ts';
import { group, optionsWith, requestFor, user } from '../../test/archive/support.ts';

const GROUPS = 40;
/** Of the users, those in a second group. */
const IN_TWO_GROUPS = 0.8;

/** A snapshot of the same users as the others of its archive. */
export interface GeneratedSnapshot {
  readonly at: Date;
  /** Which version of itself the user at an index has. */
  readonly versionOf: (index: number) => number;
}

/** In order, and random, as in a real pool, so that parts do not compress better than real ones. */
export function randomSubs(users: number): string[] {
  return Array.from({ length: users }, () => randomUUID()).sort();
}

/**
 * Seals snapshots of generated rows, oldest first, and returns the archive's URL.
 *
 * @param more options that differ, such as a signer
 */
export async function sealGenerated(
  folder: string,
  subs: readonly string[],
  snapshots: readonly GeneratedSnapshot[],
  more: Partial<ArchiveOptions> = {},
): Promise<string> {
  const workFolder = join(folder, 'work');
  await mkdir(workFolder);
  const url = pathToFileURL(join(folder, 'archive')).href;
  const destination = await openDestination(url);
  const counts = {
    users: subs.length,
    groups: GROUPS,
    memberships: [...memberships(subs.length)].length,
  };
  let previous: ArchiveRequest['previous'] = null;
  for (const { at: snapshotAt, versionOf } of snapshots) {
    const open = async (dataset: Dataset) =>
      Readable.from(lines(rowsOf(dataset, subs, versionOf), 500), { objectMode: false });
    const { manifestSha256 } = await writeArchive(
      destination,
      {
        ...requestFor({ users: [], groups: [], memberships: [] }),
        snapshotAt,
        counts,
        previous,
      },
      { open, openChanges: async () => null },
      optionsWith({ ...more, workFolder }),
    );
    previous = { snapshot: snapshotId(snapshotAt), sha256: manifestSha256 };
  }
  return url;
}

/** Rows in the order of their keys, as the subs are. */
function* rowsOf(
  dataset: Dataset,
  subs: readonly string[],
  versionOf: (index: number) => number,
): Generator<object> {
  if (dataset === 'groups') {
    for (let index = 0; index < GROUPS; index += 1) yield group(groupName(index), index);
    return;
  }
  if (dataset === 'memberships') {
    for (const { group: name, index } of memberships(subs.length)) {
      const sub = subs[index] as string;
      yield { group_name: name, username: sub, sub };
    }
    return;
  }
  for (const [index, sub] of subs.entries()) {
    const email = `${sub.slice(0, 8)}@example.com`;
    const name = `Ana ${index} ${versionOf(index)}`;
    const attributes = { sub, email, name, 'custom:tenant': sub.slice(9, 18) };
    const groups = groupsOf(index, subs.length);
    yield user(index, { username: sub, sub, email, name, attributes, groups });
  }
}

const groupName = (index: number) => `group-${String(index).padStart(2, '0')}`;

function groupsOf(index: number, users: number): string[] {
  const first = index % GROUPS;
  const second = index < IN_TWO_GROUPS * users ? [(first + 7) % GROUPS] : [];
  return [first, ...second].sort((a, b) => a - b).map(groupName);
}

/** Ordered by group, then by user. */
function* memberships(users: number): Generator<{ group: string; index: number }> {
  for (let of = 0; of < GROUPS; of += 1) {
    for (let index = 0; index < users; index += 1) {
      const group = groupName(of);
      const isFirst = index % GROUPS === of;
      const isSecond = index < IN_TWO_GROUPS * users && (index + 7) % GROUPS === of;
      if (isFirst || isSecond) yield { group, index };
    }
  }
}

/** Rows as JSON Lines, several in each chunk. */
function* lines(rows: Iterable<object>, size: number): Generator<Buffer> {
  let text = '';
  let count = 0;
  for (const row of rows) {
    text += `${JSON.stringify(row)}\n`;
    count += 1;
    if (count % size !== 0) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}
