/**
 * A process that uses the embedded Postgres of a home: opens it, prints its URL, works a while or
 * until standard input ends, and leaves. Arguments: the home, milliseconds or `hold`.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

// By its URL, as there is nothing to check types against before the build.
const built = new URL('../../dist/postgres/embedded/open.js', import.meta.url);
const { openEmbeddedPostgres } = await import(built.href);

const [home = '', stay = '0'] = process.argv.slice(2);
const postgres = await openEmbeddedPostgres(home);
const client = new Client({ connectionString: postgres.url });
await client.connect();
await client.query('CREATE TABLE IF NOT EXISTS visits (pid int)').catch(() => {});
await client.query('INSERT INTO visits VALUES (pg_backend_pid())');
console.log(postgres.url);
if (stay === 'hold') await once(process.stdin.resume(), 'end');
else await sleep(Number(stay));
await client.query('SELECT 1');
await client.end();
await postgres.close();
