import pgpass from 'pgpass';
import { completeUrl, readUrlParts } from './database-url.ts';

/**
 * The URL with the password that libpq's password file has for it: that of PGPASSFILE, or `.pgpass` in
 * the home folder. Unchanged if it has one, or the file has none.
 */
export async function addFiledPassword(url: string): Promise<string> {
  const parts = readUrlParts(url);
  if (parts.password) return url;
  const { host = 'localhost', port = '5432', user, database = user } = parts;
  const password = await new Promise<string | undefined>((resolve) => {
    pgpass({ host, port, user, database }, resolve);
  });
  return completeUrl(url, { password });
}
