import type pg from 'pg';
import { CONNECT_MS, SessionClient } from './client.ts';

/** What the driver has of the protocol below its public face. */
interface Cancelling {
  readonly connection: {
    readonly stream: { destroy(): void };
    connect(port: number | string, host?: string): void;
    requestSsl(): void;
    cancel(processId: number, secretKey: number): void;
    on(event: 'connect' | 'sslconnect' | 'end' | 'error', listener: () => void): void;
  };
  readonly sslNegotiation: string;
}

/**
 * Asks Postgres to stop what a connection is doing, by the protocol's own request: it needs no free
 * connection, and a pooler passes it to the server connection that the client has. It never throws;
 * where the server is gone, the statement is gone too.
 */
export async function cancelStatement(url: string, client: pg.ClientBase): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const other = new SessionClient({ connectionString: url, application_name: 'cancel' });
  const { connection, sslNegotiation } = other as unknown as Cancelling;
  const cancel = () => connection.cancel(processID, secretKey);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => connection.stream.destroy(), CONNECT_MS);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    connection.on('error', end);
    // The server answers by closing the connection, once the request is done.
    connection.on('end', end);
    connection.on('connect', () => {
      if (!other.ssl) cancel();
      else if (sslNegotiation !== 'direct') connection.requestSsl();
    });
    connection.on('sslconnect', cancel);
    if (other.host.startsWith('/')) connection.connect(`${other.host}/.s.PGSQL.${other.port}`);
    else connection.connect(other.port, other.host);
  });
}
