import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, chown, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { Certificate } from './certificates.ts';
import { startPostgres } from './own-postgres.ts';
import { runSql } from './postgres.ts';

/** A Postgres with a database that requires TLS. */
export interface TlsPostgres {
  /** Of that database, without a word of TLS. */
  readonly url: string;
  /** Puts another certificate in the place of the one before, for connections to come. */
  present(certificate: Certificate): Promise<void>;
  close(): Promise<void>;
}

/** The database that the server came with stays open to the suite's own session. */
const ACCESS = `
hostssl mirror all 127.0.0.1/32 scram-sha-256
hostnossl cognito_mirror all 127.0.0.1/32 scram-sha-256
`;

/** Starts it; `close` stops it and deletes its files. */
export async function startTlsPostgres(certificate: Certificate): Promise<TlsPostgres> {
  const server = await startPostgres();
  await runSql(server.url, 'CREATE DATABASE mirror');
  await writeFile(join(server.data, 'pg_hba.conf'), ACCESS);
  await appendFile(join(server.data, 'postgresql.conf'), '\nssl = on\n');
  const url = new URL(server.url);
  url.pathname = '/mirror';
  const present = async ({ cert, key }: Certificate) => {
    await writePrivate(server.data, 'server.crt', cert);
    await writePrivate(server.data, 'server.key', key);
    await server.reload();
    const { fingerprint256 } = new X509Certificate(cert);
    while ((await presented(Number(url.port))) !== fingerprint256) await sleep(20);
  };
  await present(certificate);
  return { url: url.href, present, close: () => server.close() };
}

/** Of the server's account, which need not be this one, and closed to others. */
async function writePrivate(data: string, name: string, text: string): Promise<void> {
  const path = join(data, name);
  const { uid, gid } = await stat(data);
  await writeFile(path, text, { mode: 0o600 });
  await chown(path, uid, gid);
}

/** The fingerprint of the certificate that new connections get; null without TLS. */
async function presented(port: number): Promise<string | null> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ALPNProtocols: ['postgresql'],
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.fingerprint256 ?? null;
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}
