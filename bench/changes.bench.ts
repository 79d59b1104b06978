import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AdminDisableUserCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { test } from 'vitest';
import { filesBelow } from '../test/support/cli-mirror.ts';
import { type Figures, report } from './support/figures.ts';
import { type Lab, openLab } from './support/lab.ts';

const USERS = 200_000;
const CHANGED = 0.02;

/** What the archives of a first, an unchanged and a changed snapshot cost, and `changes` of it. */
test('changes', async () => {
  const lab = await openLab(['--users', String(USERS), '--groups', '40', '--rps', '0']);
  try {
    const first = await measure(lab);
    const unchanged = await measure(lab);
    await disableSome(lab);
    const changed = await measure(lab);
    await report('changes', { first, unchanged, '2 % changed': changed });
  } finally {
    await lab.close();
  }
}, 900_000);

async function measure(lab: Lab): Promise<Figures> {
  const { reports, steps } = await lab.sync();
  const [{ snapshot = '' } = {}] = reports as unknown as { snapshot?: string }[];
  const { seconds, program, postgres, peakBytes } = steps.archive;
  return {
    'archive: s': seconds,
    'processor s, program': program,
    'processor s, Postgres': postgres,
    'peak MB': peakBytes / 1e6,
    'MB in all': await megabytes(lab, snapshot),
    'MB of changes': await megabytes(lab, snapshot, '/changes/'),
  };
}

async function megabytes(lab: Lab, snapshot: string, dataset = '/'): Promise<number> {
  const files = await filesBelow(lab.archive);
  const parts = files.filter((name) => name.includes(`=${snapshot}/`) && name.includes(dataset));
  const sizes = await Promise.all(parts.map((name) => stat(join(lab.archive, name))));
  return sizes.reduce((sum, { size }) => sum + size, 0) / 1e6;
}

/** Through the ordinary API, as administrators do. */
async function disableSome(lab: Lab): Promise<void> {
  const UserPoolId = 'us-east-1_Simulated';
  const client = new CognitoIdentityProviderClient({
    region: 'us-east-1',
    endpoint: lab.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const users = await lab.rows<{ username: string }>(
    `SELECT username FROM directory.users WHERE enabled ORDER BY md5(username) LIMIT ${USERS * CHANGED}`,
  );
  for (const { username: Username } of users) {
    await client.send(new AdminDisableUserCommand({ UserPoolId, Username }));
  }
  client.destroy();
}
