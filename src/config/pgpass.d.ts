/** The package has no types of its own. */
declare module 'pgpass' {
  interface Connection {
    host: string;
    port: string;
    user: string | undefined;
    database: string | undefined;
  }
  /** Calls back with the password of the first line that matches, or with nothing. */
  export default function pgpass(
    connection: Connection,
    callback: (password: string | undefined) => void,
  ): void;
}
