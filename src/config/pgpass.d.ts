/**
 * The package has no types of its own. Its main function finds the file by the environment of the
 * process; this one only reads lines.
 */
declare module 'pgpass/lib/helper.js' {
  import type { Readable } from 'node:stream';

  interface Connection {
    host: string;
    port: string;
    user: string | undefined;
    database: string | undefined;
  }
  const helper: {
    /** Calls back with the password of the first line that matches, or with nothing. */
    getPassword(
      connection: Connection,
      lines: Readable,
      callback: (password: string | undefined) => void,
    ): void;
  };
  export default helper;
}
