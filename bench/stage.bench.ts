import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { test } from 'vitest';
import type { User } from '../src/model/directory.ts';
import { openPool, transaction } from '../src/postgres/connection.ts';
import { commitGroups } from '../src/postgres/store/commit-groups.ts';
import type { SnapshotLease } from '../src/postgres/store/leases.ts';
import { mergeReads } from '../src/postgres/store/merge-reads.ts';
import { PageCommitter } from '../src/postgres/store/page-committer.ts';
import { publish } from '../src/postgres/store/publish.ts';
import { dropEndedStages, logStage } from '../src/postgres/store/stage.ts';
import { beginSnapshot } from '../src/postgres/store/transitions.ts';
import { leaseWalk, type Walk } from '../src/postgres/store/walks.ts';
import { group, POOL, startWalk, user } from '../test/postgres/fixtures.ts';
import { createDatabaseOn } from '../test/support/postgres.ts';
import { postgresVersions, startPostgresServer } from '../test/support/postgres-server.ts';
import { type Figures, report } from './support/figures.ts';
import { postmaster } from './support/lab.ts';
import { ProcessWatch } from './support/process-watch.ts';

const USERS = 100_000;
const SHARDS = 16;
const GROUPS = 40;
/** Of the users, those in a second group. */
const IN_TWO_GROUPS = 0.8;
const PAGE = 60;
/** As on a server that people run, with room for the WAL between checkpoints. */
const SERVER = {
  fsync: 'on',
  wal_level: 'replica',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  // It would write WAL at moments of its own.
  autovacuum: 'off',
};
const never = new AbortController().signal;

/**
 * What a stage that survives a crash of Postgres costs: the pages of a pool are committed by the program's
 * own statements, without a service, which costs the same for both kinds.
 */
test('stage', async () => {
  const [embedded] = await postgresVersions();
  const server = await startPostgresServer(embedded as NonNullable<typeof embedded>, SERVER);
  const users = Array.from({ length: USERS }, (_, index) => createUser(index));
  const cases: Record<string, Figures> = {};
  try {
    for (const logged of [false, true]) {
      const database = await createDatabaseOn(server.url);
      const db = openPool(database.url, 2);
      const meter = await startMeter(db, database.url);
      try {
        for (const what of ['first', 'unchanged']) {
          // Each snapshot writes its pages in full to the WAL once, as after any checkpoint.
          await db.query('CHECKPOINT');
          const lease = await begin(db, logged);
          const walks = await meter.measure(() => readAll(db, lease, users));
          const check = await meter.measure(() => mergeReads(db, lease, never));
          const held =
            what === 'first' && !logged
              ? await meter.measure(() => transaction(db, (c) => logStage(c, lease.stage)))
              : null;
          const publishing = await meter.measure(() => publish(db, lease, 'walking'));
          await dropEndedStages(db);
          cases[`${logged ? 'LOGGED' : 'UNLOGGED'}, ${what}`] = {
            ...named('walks', walks),
            ...named('merge', check),
            ...named('publish', publishing),
          };
          if (held !== null) cases['logged when held, first'] = named('hold', held);
        }
      } finally {
        meter.stop();
        await db.end();
        await database.drop();
      }
    }
  } finally {
    await server.close();
  }
  await report('stage', cases);
}, 1_800_000);

function createUser(index: number): User {
  const sub = randomUUID();
  const name = `User Number ${index}`;
  const attributes = {
    ...{ sub, email: `${sub.slice(0, 13)}@example.com`, email_verified: 'true', name },
    ...{ phone_number: `+49151${String(index).padStart(8, '0')}`, locale: 'de-DE' },
    ...{ 'custom:tenant': sub.slice(9, 18), 'custom:plan': 'basic' },
  };
  return user(sub, { sub, attributes });
}

async function begin(db: pg.Pool, logged: boolean): Promise<SnapshotLease> {
  return (await beginSnapshot(db, POOL, null, logged)).lease;
}

/** Commits all pages of users and members, those of several walks side by side. */
async function readAll(db: pg.Pool, lease: SnapshotLease, users: readonly User[]): Promise<void> {
  const committer = new PageCommitter(db, lease);
  const readWalk = async (walk: Walk, items: readonly User[]) => {
    for (let at = 0; at < items.length; at += PAGE) {
      const page = items.slice(at, at + PAGE);
      await committer.commit({
        ...END,
        walk,
        nextToken: at + PAGE < items.length ? randomUUID().repeat(20) : null,
        sentAt: performance.now(),
        users: walk.kind === 'users' ? page : [],
        members: walk.kind === 'members' ? page : [],
      });
    }
  };
  const shards: Walk[] = [];
  for (let i = 0; i < SHARDS; i += 1) shards.push(await startWalk(db, lease, { prefix: `${i}` }));
  await Promise.all(
    shards.map((walk, i) =>
      readWalk(
        walk,
        users.filter((_, u) => u % SHARDS === i),
      ),
    ),
  );
  const walk = await startWalk(db, lease, { kind: 'groups', prefix: null });
  const groups = Array.from({ length: GROUPS }, (_, i) => group(`group-${i}`));
  const sentAt = performance.now();
  const found = await commitGroups(db, lease, { ...END, walk, nextToken: null, sentAt, groups });
  const members: Walk[] = [];
  for (const { id } of found) members.push((await leaseWalk(db, lease, id)) as Walk);
  await Promise.all(
    members.map((of, i) =>
      readWalk(
        of,
        users.filter(
          (_, u) => u % GROUPS === i || (u < IN_TWO_GROUPS * USERS && (u + 7) % GROUPS === i),
        ),
      ),
    ),
  );
}

const END = { waitedMs: 0, retries: 0 };

interface Measured {
  readonly walBytes: number;
  readonly processor: number;
  readonly seconds: number;
}

/** Measures the WAL and the processor time that Postgres needs for some work. */
async function startMeter(db: pg.Pool, url: string) {
  const watch = new ProcessWatch(await postmaster(url));
  const walBytes = async () => {
    const sql = `SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 AS bytes`;
    return (await db.query<{ bytes: number }>(sql)).rows[0]?.bytes as number;
  };
  return {
    async measure(work: () => Promise<unknown>): Promise<Measured> {
      const [before, started] = [await walBytes(), Date.now()];
      await work();
      const ended = Date.now();
      return {
        walBytes: (await walBytes()) - before,
        processor: watch.cpuSeconds(started, ended),
        seconds: (ended - started) / 1000,
      };
    },
    stop: () => watch.stop(),
  };
}

function named(step: string, { walBytes, processor, seconds }: Measured): Figures {
  return {
    [`${step}: WAL, MB`]: walBytes / 1e6,
    [`${step}: processor s of Postgres`]: processor,
    [`${step}: s`]: seconds,
  };
}
