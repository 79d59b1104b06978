import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { openDatabase } from '../../src/postgres/database.ts';
import { isTemporaryDatabaseError } from '../../src/postgres/database-error.ts';
import { type Certificate, createAuthority } from '../support/certificates.ts';
import type { EnvChange } from '../support/cli-mirror.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { runSql } from '../support/postgres.ts';
import { startRedis } from '../support/redis-server.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { startTlsPostgres, type TlsPostgres } from '../support/tls-postgres.ts';

const authority = createAuthority('the authority');
const stranger = createAuthority('a stranger');

let postgres: TlsPostgres;
let s3: S3Server;
let fleet: Fleet;
/** Returns the URL of Postgres with these TLS parameters. */
let databaseUrl: (tls: string) => string;
let verified: string;
/** The environment for TLS everywhere, with a trusted CA. */
let secure: EnvChange;

beforeAll(async () => {
  postgres = await startTlsPostgres(authority.issue());
  s3 = await startS3Server({ certificate: authority.issue() });
  fleet = await openFleet({ users: 30, groups: 2 }, { certificate: authority.issue() });
  const trusted = join(fleet.folder, 'authority.pem');
  await writeFile(trusted, authority.cert);
  databaseUrl = (tls) => `${postgres.url}${tls}`;
  verified = `?sslmode=verify-full&sslrootcert=${trusted}`;
  secure = {
    DATABASE_URL: databaseUrl(verified),
    REDIS_URL: fleet.redis.url,
    ...useS3(s3),
    NODE_EXTRA_CA_CERTS: trusted,
  };
});
afterAll(async () => {
  await fleet?.close();
  await s3?.close();
  await postgres?.close();
});

function useS3(server: S3Server): EnvChange {
  return {
    ARCHIVE_URL: 's3://archive/mirror',
    AWS_ENDPOINT_URL_S3: server.url,
    AWS_REGION: 'us-east-1',
  };
}

async function startS3(certificate: Certificate): Promise<S3Server> {
  const server = await startS3Server({ certificate });
  onTestFinished(() => server.close());
  return server;
}

async function startTlsRedis(certificate: Certificate): Promise<string> {
  const server = await startRedis({ certificate });
  onTestFinished(() => server.close());
  return server.url;
}

/** Runs a `sync` that must be refused before any call to Cognito. Returns its standard error. */
async function expectRefusal(change: EnvChange): Promise<string> {
  const before = fleet.simulator.attempts.total;
  const { code, stdout, stderr } = await fleet.sync([], { ...secure, ...change });
  expect({ code, stdout, stderr }).toMatchObject({ code: 2, stdout: '' });
  expect(fleet.simulator.attempts.total).toBe(before);
  return stderr;
}

const archived = async () =>
  (
    await runSql(
      postgres.url + verified,
      "SELECT FROM directory.snapshots WHERE state = 'archived'",
    )
  ).length;

describe('with valid certificates', () => {
  test('`sync` uses only TLS for Postgres, Redis and S3', async () => {
    const { code, stderr, reports } = await fleet.sync([], secure);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(reports).toMatchObject([{ state: 'archived', users: 30 }]);
    expect(await archived()).toBe(1);
    expect([...(s3.buckets.get('archive')?.objects.keys() ?? [])]).toContain(
      `mirror/${reports[0]?.archive?.manifest}`,
    );
  });

  test('workers use only TLS too', async () => {
    const worker = await fleet.worker(secure);
    const { code, stderr } = await fleet.run(['trigger', fleet.poolId], secure);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await until('the snapshot is archived', async () => (await archived()) === 2);
    worker.child.kill('SIGTERM');
    expect((await worker.result).code).toBe(0);
  });
});

describe.each<[string, RegExp, (certificate: Certificate) => Promise<EnvChange>]>([
  [
    'Postgres',
    /DATABASE_URL \(postgres:.*:\*\*\*@/,
    async (certificate) => {
      await postgres.present(certificate);
      onTestFinished(() => postgres.present(authority.issue()));
      return {};
    },
  ],
  ['Redis', /REDIS_URL \(rediss:/, async (at) => ({ REDIS_URL: await startTlsRedis(at) })],
  ['S3', /ARCHIVE_URL: the server's certificate/, async (at) => useS3(await startS3(at))],
])('a certificate of %s', (_, subject, present) => {
  test('of an untrusted CA is refused', async () => {
    const message = await expectRefusal(await present(stranger.issue()));
    expect(message).toMatch(subject);
    expect(message).toMatch(/is not signed by a trusted CA/);
    expect(message).toMatch(/add its CA: (sslrootcert|NODE_EXTRA_CA_CERTS)=FILE/);
  });

  test('for another host is refused', async () => {
    const message = await expectRefusal(
      await present(authority.issue({ hosts: ['db.example', '127.0.0.2'] })),
    );
    expect(message).toMatch(subject);
    expect(message).toMatch(/is for another host name/);
  });

  test('that has expired is refused', async () => {
    const message = await expectRefusal(await present(authority.issue({ expired: true })));
    expect(message).toMatch(subject);
    expect(message).toMatch(/has expired/);
  });
});

test('later connections are checked too, and a failing server counts as unreachable', async () => {
  const db = openPool(databaseUrl(verified), 2);
  const first = await db.connect();
  onTestFinished(async () => {
    first.release();
    await db.end();
  });
  await postgres.present(authority.issue({ expired: true }));
  onTestFinished(() => postgres.present(authority.issue()));
  const failure = await db.query('SELECT 1').catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'CERT_HAS_EXPIRED' });
  expect(isTemporaryDatabaseError(failure)).toBe(true);
  expect((await first.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

describe('an unencrypted connection', () => {
  test('is never made to a Postgres that the URL expects to use TLS', async () => {
    const message = await expectRefusal({
      DATABASE_URL: `${fleet.databaseUrl}?sslmode=verify-full`,
    });
    expect(message).toMatch(
      /DATABASE_URL .*: the URL asks for TLS, which the server does not support/,
    );
  });

  test('is reported with its remedy if Postgres requires TLS', async () => {
    for (const tls of ['', '?sslmode=disable']) {
      expect(await expectRefusal({ DATABASE_URL: databaseUrl(tls) })).toMatch(
        /accepts this user over TLS only\. Add sslmode=verify-full to the URL/,
      );
    }
  });

  test('is refused if the URL of Redis and the server disagree about TLS', async () => {
    const plain = await startRedis();
    onTestFinished(() => plain.close());
    const message = await Promise.all([
      expectRefusal({ REDIS_URL: plain.url.replace('redis:', 'rediss:') }),
      expectRefusal({ REDIS_URL: fleet.redis.url.replace('rediss:', 'redis:') }),
    ]);
    expect(message).toEqual([
      expect.stringMatching(
        /REDIS_URL \(rediss:.*does not answer.*the URL starts with rediss: if it uses TLS/,
      ),
      expect.stringMatching(/REDIS_URL \(redis:.*the URL starts with rediss: if it uses TLS/),
    ]);
  });

  test('is never made to an S3 server that the URL expects to use TLS', async () => {
    const plain = await startS3Server();
    onTestFinished(() => plain.close());
    const message = await expectRefusal({
      AWS_ENDPOINT_URL_S3: plain.url.replace('http:', 'https:'),
    });
    expect(message).toMatch(/ARCHIVE_URL: the TLS connection failed/);
    expect(plain.requests).toEqual([]);
  });
});

describe('sslmode', () => {
  const open = (tls: string, host = '127.0.0.1') =>
    openDatabase({ databaseUrl: databaseUrl(tls).replace('127.0.0.1', host), home: fleet.folder });

  test.each(['prefer', 'require', 'verify-ca', 'verify-full'])(
    '%s checks the certificate and the host',
    async (mode) => {
      const trusting = verified.replace('verify-full', mode);
      await expect(open(`?sslmode=${mode}`)).rejects.toThrow(/not signed by a trusted CA/);
      await expect(open(trusting, 'localhost')).rejects.toThrow(/for another host name/);
      await (await open(trusting)).close();
    },
  );

  test('no-verify encrypts without checks', async () => {
    await (await open('?sslmode=no-verify', 'localhost')).close();
  });

  test('reports certificate files that cannot be read', async () => {
    await expect(open('?sslmode=verify-full&sslrootcert=/nowhere/ca.pem')).rejects.toThrow(
      /the file \/nowhere\/ca\.pem cannot be read \(ENOENT\)\. Correct sslrootcert/,
    );
  });
});
