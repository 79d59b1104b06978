import type pg from 'pg';
import { afterEach, beforeEach } from 'vitest';
import { createMirror, type Mirror } from '../../src/index.ts';
import { databaseForEach } from '../support/postgres.ts';

/** Opens an empty database and a mirror on it before each test, and closes them after it. */
export function mirrorForEach(
  use: (made: { readonly db: pg.Pool; readonly mirror: Mirror }) => void,
): void {
  let made: { readonly db: pg.Pool; readonly url: string };
  let mirror: Mirror;
  databaseForEach(4, (database) => {
    made = database;
  });
  beforeEach(async () => {
    mirror = await createMirror({ databaseUrl: made.url });
    use({ db: made.db, mirror });
  });
  afterEach(() => mirror.close());
}
