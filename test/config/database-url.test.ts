import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';

const URL = 'postgres://mirror:s3cret@db:5432/mirror';

/** What is said of a URL with these parameters; null where it is taken. */
function refusal(parameters: string): string | null {
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
  'application_name=tlsmode&options=-c%20search_path%3Dssl',
])('a URL with %s is taken', (parameters) => {
  expect(refusal(parameters)).toBeNull();
});

test.each([
  'sslMode=verify-full',
  'SSLMODE=verify-full',
  'ssl_mode=verify-full',
  'ssl-mode=require',
  'tls=true',
  'sslrootcerts=/etc/ssl/mirror-ca.pem',
])('a slip in a parameter of TLS is no wish for none: %s', (parameters) => {
  expect(refusal(parameters)).toMatch(
    /^DATABASE_URL: the URL has a parameter of TLS that there is not/,
  );
});

test.each(['sslmode=verify_full', 'sslmode=', 'sslmode=VERIFY-FULL', 'sslmode=allow', 'ssl=yes'])(
  'nor is one in its value: %s',
  (parameters) => {
    const told = refusal(parameters);
    expect(told).toMatch(/^DATABASE_URL: the URL has a value of ssl(mode)? that there is not/);
    expect(told).not.toMatch(/s3cret|@db/);
  },
);
