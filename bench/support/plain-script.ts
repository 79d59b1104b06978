import { writeFile } from 'node:fs/promises';
import {
  CognitoIdentityProviderClient,
  paginateListGroups,
  paginateListUsers,
  paginateListUsersInGroup,
} from '@aws-sdk/client-cognito-identity-provider';
import { Client } from 'pg';

/**
 * The script that people write today: the SDK's paginators one after the other, an upsert a row,
 * and one JSON file at the end. It stops after `seconds`.
 *
 * @returns the pages of users and members that it read.
 */
export async function plainScript(
  endpoint: string,
  databaseUrl: string,
  file: string,
  seconds: number,
): Promise<{ pages: number; seconds: number }> {
  const client = new CognitoIdentityProviderClient({
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const db = new Client({ connectionString: databaseUrl });
  await db.connect();
  await db.query(`
    CREATE TABLE plain_users (username text PRIMARY KEY, attributes text);
    CREATE TABLE plain_members (group_name text, username text, PRIMARY KEY (group_name, username))`);
  const UserPoolId = 'us-east-1_Simulated';
  const started = performance.now();
  const spent = () => (performance.now() - started) / 1000;
  const everything: unknown[] = [];
  let pages = 0;
  const read = async () => {
    for await (const page of paginateListUsers({ client, pageSize: 60 }, { UserPoolId })) {
      for (const user of page.Users ?? []) {
        await db.query(
          `INSERT INTO plain_users VALUES ($1, $2)
           ON CONFLICT (username) DO UPDATE SET attributes = excluded.attributes`,
          [user.Username, JSON.stringify(user.Attributes)],
        );
        everything.push(user);
      }
      pages += 1;
      if (spent() >= seconds) return;
    }
    for await (const { Groups = [] } of paginateListGroups({ client }, { UserPoolId })) {
      for (const { GroupName } of Groups) {
        const input = { UserPoolId, GroupName };
        for await (const page of paginateListUsersInGroup({ client, pageSize: 60 }, input)) {
          for (const user of page.Users ?? []) {
            await db.query('INSERT INTO plain_members VALUES ($1, $2) ON CONFLICT DO NOTHING', [
              GroupName,
              user.Username,
            ]);
          }
          pages += 1;
          if (spent() >= seconds) return;
        }
      }
    }
  };
  try {
    await read();
    await writeFile(file, JSON.stringify(everything));
    return { pages, seconds: spent() };
  } finally {
    await db.end();
    client.destroy();
  }
}
