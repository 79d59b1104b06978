import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import pgpass from 'pgpass/lib/helper.js';
import { ActionRequiredError } from '../model/errors.ts';
import { completeUrl, readUrlParts } from './database-url.ts';

/** Rights of others than the owner. */
const OTHERS = 0o077;

/**
 * The URL with the password that libpq's password file has for it: that of PGPASSFILE, or `.pgpass` in
 * the home folder. Unchanged if it has one, or the file has none.
 *
 * @throws ActionRequiredError if the file has the password, but others may read it: libpq ignores it.
 */
export async function addFiledPassword(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const parts = readUrlParts(url);
  if (parts.password) return url;
  const file = env['PGPASSFILE'] || join(env['HOME'] || userInfo().homedir, '.pgpass');
  // Most have none, and some set /dev/null.
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) return url;
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const remedy = 'Let this user read it, or set PGPASSFILE to another file.';
    const problem = `cannot be read (${cause.code}), and DATABASE_URL has no password.`;
    throw ActionRequiredError.of(file, problem, remedy, { cause });
  });
  const { host = 'localhost', port = '5432', user, database = user } = parts;
  const password = await new Promise<string | undefined>((resolve) => {
    pgpass.getPassword({ host, port, user, database }, Readable.from([text]), resolve);
  });
  if (password === undefined) return url;
  if ((found.mode & OTHERS) !== 0) {
    const problem = 'has the password of DATABASE_URL, but other users may read or write it.';
    throw ActionRequiredError.of(file, problem, `Run \`chmod 600 ${file}\`.`);
  }
  return completeUrl(url, { password });
}
