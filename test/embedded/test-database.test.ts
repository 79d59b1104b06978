import { Client } from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/postgres.ts';

test('a test database is empty, is its own, and is gone when dropped', async () => {
  const first = await createTestDatabase();
  const second = await createTestDatabase();
  expect(first.url).not.toBe(second.url);
  const client = new Client({ connectionString: first.url });
  client.on('error', () => {});
  await client.connect();
  await client.query('CREATE TABLE of_mine (x int)');
  const other = new Client({ connectionString: second.url });
  await other.connect();
  await expect(other.query('SELECT FROM of_mine')).rejects.toThrow(/does not exist/);
  await other.end();
  await first.drop();
  await second.drop();
  await expect(new Client({ connectionString: first.url }).connect()).rejects.toThrow(
    /does not exist/,
  );
});
