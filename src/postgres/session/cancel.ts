import type pg from 'pg';
import { CONNECT_MS, SessionClient } from './client.ts';

/** Private parts of the driver that speak the protocol. */
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
 * Cancels the current statement of a connection with the protocol's cancel request. The request works
 * without a free connection, and a pooler forwards it to the right server process. This never throws: if
 * the server is gone, so is the statement.
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
