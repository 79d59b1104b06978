import { text } from 'node:stream/consumers';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { COLUMN_TYPES, COLUMNS, type Column } from '../../src/model/columns.ts';
import { DATASETS, type Dataset } from '../../src/model/snapshot.ts';
import { listedColumns, storedColumns, writtenColumns } from '../../src/postgres/store/columns.ts';
import { mergeReads } from '../../src/postgres/store/merge-reads.ts';
import { publish } from '../../src/postgres/store/publish.ts';
import { openSnapshotRows } from '../../src/postgres/store/snapshot-rows.ts';
import { stageTables } from '../../src/postgres/store/stage.ts';
import { formatMember, formatUser, toGroupRow } from '../../src/postgres/store/staged-rows.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, group, stage, user } from './fixtures.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});

const names = (columns: readonly Column[]) => columns.map(({ name }) => name);

/** A table's columns as `name type`, with `NOT NULL` and `generated`. */
async function describeTable(table: string): Promise<string[]> {
  const found = await db.query<{ described: string }>(
    `SELECT a.attname || ' ' || CASE format_type(a.atttypid, NULL)
         WHEN 'timestamp with time zone' THEN 'timestamptz' ELSE format_type(a.atttypid, NULL) END
       || CASE WHEN c.collname = 'C' THEN ' COLLATE "C"' ELSE '' END
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END AS described
     FROM pg_attribute AS a LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
     WHERE a.attrelid = $1::regclass AND a.attnum > 0 ORDER BY a.attnum`,
    [table],
  );
  return found.rows.map(({ described }) => described);
}

function describeColumns(columns: readonly Column[], required = true): string[] {
  return columns.map((column) => {
    const notNull = column.origin === 'key' || (required && column.required);
    const generated = column.origin === 'generated' ? ' generated' : '';
    const { postgres } = COLUMN_TYPES[column.type];
    return `${column.name} ${postgres}${notNull ? ' NOT NULL' : ''}${generated}`;
  });
}

describe.each(DATASETS)('the list of the columns of %s', (dataset) => {
  const history = `${dataset.slice(0, -1)}_history`;

  it.each([dataset, history])('equals the columns of directory.%s', async (table) => {
    const expected = [
      'pool_id text COLLATE "C" NOT NULL',
      ...describeColumns(storedColumns(dataset)),
      'valid_from timestamptz NOT NULL',
      ...(table === history ? ['valid_to timestamptz NOT NULL'] : []),
    ];
    expect(await describeTable(`directory.${table}`)).toEqual(expected);
  });

  it('equals the columns of the staged rows', async () => {
    const lease = await begin(db);
    const columns = await describeTable(stageTables(lease.stage)[dataset]);
    // An unchanged user is staged without content.
    const written = describeColumns(writtenColumns(dataset), dataset !== 'users');
    expect(columns.slice(columns.length - written.length)).toEqual(written);
  });

  it('equals the columns of the rows to archive, in form and order', async () => {
    const snapshot = await takeSnapshot();
    const lines = (await text(await openSnapshotRows(db, snapshot, dataset))).trimEnd().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(names(COLUMNS[dataset]));
      for (const column of COLUMNS[dataset] as readonly Column[]) {
        const form = formOf(row[column.name]);
        if (form === 'null') expect(column.origin === 'key' || column.required).toBeFalsy();
        else
          expect(`${column.name}: ${form}`).toBe(
            `${column.name}: ${COLUMN_TYPES[column.type].json}`,
          );
      }
    }
  });
});

it('gives a staged row every column of the listing', () => {
  const columns: Record<Dataset, string[]> = {
    users: Object.keys(JSON.parse(formatUser(1, user('ann')))),
    groups: Object.keys(toGroupRow(group('admins'))),
    memberships: ['group_name', ...Object.keys(JSON.parse(formatMember(1, user('ann'))))],
  };
  const own = ['walk', 'hash'];
  for (const dataset of DATASETS) {
    const written = columns[dataset].filter((name) => !own.includes(name));
    expect(written).toEqual(names(listedColumns(dataset)));
  }
});

function formOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

async function takeSnapshot() {
  const lease = await begin(db);
  const ann = user('ann', {
    mfaOptions: [{ deliveryMedium: 'SMS', attributeName: 'phone_number' }],
    attributes: { sub: 'sub-of-ann', phone_number: '+491', phone_number_verified: 'true' },
  });
  const admins = group('admins', {
    precedence: 1,
    description: 'All',
    roleArn: 'arn:aws:iam::1:role/a',
  });
  await stage(db, lease, {
    users: [ann, user('bob')],
    groups: [admins, group('empty')],
    members: { admins: [ann] },
  });
  await mergeReads(db, lease, new AbortController().signal);
  await publish(db, lease, 'walking');
  return lease;
}
