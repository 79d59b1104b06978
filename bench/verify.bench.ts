import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { test } from 'vitest';
import { openDestination } from '../src/archive/open-destination.ts';
import { writeArchive } from '../src/archive/write-archive.ts';
import type { Dataset } from '../src/model/snapshot.ts';
import { loadKeyFile } from '../src/signature/key-file.ts';
import { group, optionsWith, requestFor, user } from '../test/archive/support.ts';
import { makeKeyFile } from '../test/signature/support.ts';
import { runCli, startCli } from '../test/support/cli.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { type Figures, report } from './support/figures.ts';
import { ProcessWatch } from './support/process-watch.ts';

const USERS = 1_000_000;
const GROUPS = 40;
/** As many as the simulator's pools have: 1.8 a user. */
const COUNTS = { users: USERS, groups: GROUPS, memberships: USERS * 1.8 };

/** Random, as in a real pool, so that parts do not compress better than real ones. */
const SUBS = Array.from({ length: USERS }, () => randomUUID());

/** Verifies the signed archive of a million users, as a stranger does. */
test('verify', async () => {
  const folder = await temporaryFolder();
  try {
    const archive = await seal(folder.path);
    await report('verify', {
      everything: await measure(archive, []),
      'a seventh': await measure(archive, ['--subset', '3/7']),
      structure: await measure(archive, ['--structure']),
    });
  } finally {
    await folder.remove();
  }
}, 1_800_000);

async function measure(archive: string, args: readonly string[]): Promise<Figures> {
  const run = await startCli(['verify', '--json', '--archive', archive, ...args]);
  const watch = new ProcessWatch(run.child.pid as number);
  const started = Date.now();
  const { code, stdout, stderr } = await run.result;
  const ended = Date.now();
  watch.stop();
  if (code !== 0) throw new Error(`verify ended with ${code}: ${stderr}${stdout.slice(0, 1000)}`);
  const [{ bytes, objects }] = JSON.parse(stdout).pools as [{ bytes: number; objects: number }];
  return {
    seconds: (ended - started) / 1000,
    'processor s': watch.cpuSeconds(started, ended),
    'peak MB': watch.peakBytes() / 1e6,
    objects,
    'MB of the archive': bytes / 1e6,
  };
}

/** Seals one snapshot of generated rows, and returns its URL. */
async function seal(folder: string): Promise<string> {
  await runCli(['--version']);
  await mkdir(join(folder, 'work'));
  const url = pathToFileURL(join(folder, 'archive')).href;
  const request = { ...requestFor({ users: [], groups: [], memberships: [] }), counts: COUNTS };
  const open = async (dataset: Dataset) =>
    Readable.from(lines(ROWS[dataset](), 500), { objectMode: false });
  const signer = await loadKeyFile(makeKeyFile(folder).path);
  const options = optionsWith({ signer, workFolder: join(folder, 'work') });
  await writeArchive(
    await openDestination(url),
    request,
    { open, openChanges: async () => null },
    options,
  );
  return url;
}

const ROWS: Readonly<Record<Dataset, () => Iterable<object>>> = {
  *users() {
    for (let index = 0; index < USERS; index += 1) {
      const sub = SUBS[index] as string;
      const email = `${sub.slice(0, 8)}@example.com`;
      const attributes = { sub, email, name: `Ana ${index}`, 'custom:tenant': sub.slice(9, 18) };
      yield user(index, { username: sub, sub, email, name: attributes.name, attributes });
    }
  },
  *groups() {
    for (let index = 0; index < GROUPS; index += 1) yield group(`group-${index}`, index);
  },
  *memberships() {
    for (let index = 0; index < COUNTS.memberships; index += 1) {
      const sub = SUBS[index % USERS] as string;
      yield { group_name: `group-${index % GROUPS}`, username: sub, sub };
    }
  },
};

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
