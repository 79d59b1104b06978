import { expect, test } from 'vitest';
import { redactUrl } from '../../src/common/redact-url.ts';
import { loadConfig } from '../../src/config/load-config.ts';

const URL = 'postgres://mirror:s3cret@db:5432/mirror';

/** The message for a URL with these parameters, or null if it is valid. */
function findMessage(parameters: string): string | null {
  try {
    loadConfig({ DATABASE_URL: `${URL}?${parameters}` });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

test.each([
  'sslmode=verify-full&sslrootcert=/etc/ssl/mirror-ca.pem',
  'sslmode=verify-full&sslcert=a.crt&sslkey=a.key&sslnegotiation=direct',
  'sslmode=disable',
  'ssl=true',
  'ssl=no-verify',
  'constructor=x&__proto__=x&toString=x',
  'sslmode=verify-full&sslnegotiation=direct',
  'application_name=tlsmode&options=-c%20search_path%3Dssl',
])('a URL with %s is valid', (parameters) => {
  expect(findMessage(parameters)).toBeNull();
});

test.each([
  'sslMode=verify-full',
  'SSLMODE=verify-full',
  'ssl_mode=verify-full',
  'ssl-mode=require',
  'tls=true',
  'sslrootcerts=/etc/ssl/mirror-ca.pem',
])('a misspelt TLS parameter is refused, as the driver would ignore it: %s', (parameters) => {
  expect(findMessage(parameters)).toMatch(/^DATABASE_URL: the URL has an unknown TLS parameter/);
});

test.each([
  'sslmode=verify_full',
  'sslmode=',
  'sslmode=VERIFY-FULL',
  'sslmode=allow',
  'ssl=yes',
  'sslnegotiation=tls',
])('an invalid value of a TLS parameter is refused: %s', (parameters) => {
  const message = findMessage(parameters);
  expect(message).toMatch(/^DATABASE_URL: the URL has an invalid ssl(mode|negotiation)?;/);
  expect(message).not.toMatch(/s3cret|@db/);
});

test.each([
  ['u:p@/db?host=/run/postgresql', '/db?host=%2Frun%2Fpostgresql&user=u&password=p'],
  ['u@/db?host=/s', '/db?host=%2Fs&user=u'],
  ['u:p%40w@/db?host=/s', '/db?host=%2Fs&user=u&password=p%40w'],
  ['u:a:b@c@/db?host=/s', '/db?host=%2Fs&user=u&password=a%3Ab%40c'],
  ['u:50%@/db?host=/s', '/db?host=%2Fs&user=u&password=50%25'],
  ['u:p@:5433/db?host=/s', '/db?host=%2Fs&user=u&password=p&port=5433'],
  ['u:p@?host=/s', '?host=%2Fs&user=u&password=p'],
  ['u:p@%2Fs/db', 'u:p@%2Fs/db'],
  ['u:p@/other?host=/s&dbname=db', '/db?host=%2Fs&user=u&password=p'],
  ['/db?host=/s&user=u', '/db?host=/s&user=u'],
])('the form of libpq for a socket is valid: %s', (text, standard) => {
  const { databaseUrl } = loadConfig({ DATABASE_URL: `postgres://${text}` });
  expect(databaseUrl).toBe(`postgres://${standard}`);
  expect(redactUrl(databaseUrl as string)).not.toMatch(/(?<=password=)[^*&]/);
});

test('the parameter `dbname` names the database, as in libpq', () => {
  const load = (text: string) => loadConfig({ DATABASE_URL: text, PGDATABASE: 'x' }).databaseUrl;
  expect(load('postgres://u@h?dbname=a%20b')).toBe('postgres://u@h/a%20b');
  expect(load('postgres://u@h/other?dbname=db&sslmode=require')).toBe(
    'postgres://u@h/db?sslmode=require',
  );
});

const databaseUrl = (env: Record<string, string>) =>
  loadConfig({ DATABASE_URL: URL, ...env }).databaseUrl;

test('PGSSLMODE counts if the URL does not set TLS', () => {
  expect(databaseUrl({ PGSSLMODE: 'verify-full' })).toBe(`${URL}?sslmode=verify-full`);
  const own = `${URL}?sslmode=disable`;
  expect(databaseUrl({ PGSSLMODE: 'require', DATABASE_URL: own })).toBe(own);
  expect(databaseUrl({ PGSSLMODE: 'verify_full', DATABASE_URL: own })).toBe(own);
  expect(() => databaseUrl({ PGSSLMODE: 'verify_full' })).toThrow(
    /^PGSSLMODE: must be one of .* not "verify_full"\./,
  );
  expect(loadConfig({ PGSSLMODE: 'verify_full' }).databaseUrl).toBeNull();
});

test.each(['h1:5432,h2:5432/db', 'u:a,b@h1,h2/db', 'h1,h2/db', '/db?host=h1,h2'])(
  'several hosts are refused, as the driver knows one: %s',
  (rest) => {
    const load = () => loadConfig({ DATABASE_URL: `postgres://${rest}` });
    expect(load).toThrow(/^DATABASE_URL: the URL names several hosts; name one\./);
  },
);

test('a comma elsewhere in a URL does not make a list of hosts', () => {
  const own = 'postgres://u,v:a,b@h/db,c';
  expect(loadConfig({ DATABASE_URL: own }).databaseUrl).toBe(own);
});

test('a host or a port that cannot be one is refused by the name of its variable', () => {
  const load = (env: Record<string, string>) => () =>
    loadConfig({ DATABASE_URL: 'postgres://', ...env });
  expect(load({ PGHOST: 'h1,h2' })).toThrow(/^PGHOST: names several hosts\. Set it to one host\./);
  expect(load({ PGPORT: 'abc' })).toThrow(/^PGPORT: must be a port from 1 to 65535, not "abc"\./);
  expect(load({ PGPORT: '0' })).toThrow(/^PGPORT: /);
  expect(load({ PGPORT: '65536' })).toThrow(/^PGPORT: /);
  expect(load({ DATABASE_URL: 'postgres://h/db?port=abc' })).toThrow(
    /^DATABASE_URL: the URL has an invalid port; valid are 1 to 65535\./,
  );
  expect(databaseUrl({ PGHOST: 'h1,h2', PGPORT: 'abc' })).toBe(URL);
});
