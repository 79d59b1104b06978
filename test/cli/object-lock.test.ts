import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket } from '../support/s3-store.ts';

let mirror: CliMirror;
let server: S3Server;
beforeEach(async () => {
  mirror = await openCliMirror({ users: 60, groups: 3, seed: 5 });
  server = await startS3Server({ versions: 'object lock' });
});
afterEach(async () => {
  await mirror.close();
  await server.close();
});

const env = (more: Record<string, string> = {}) => ({
  ARCHIVE_URL: 's3://archive/of/pools',
  ARCHIVE_LOCK_MODE: 'governance',
  ARCHIVE_LOCK_DAYS: '30',
  AWS_ENDPOINT_URL_S3: server.url,
  AWS_REGION: 'us-east-1',
  ...more,
});

/** The versions of parts and documents that are not locked. */
const unlocked = () =>
  (server.buckets.get('archive') as S3Bucket).versions.filter(
    ({ key, retention }) => /pools\/(parquet|jsonl|manifests)\//.test(key) && retention === null,
  );

it('a run that is killed between two locks leaves the rest to the next run', async () => {
  const running = await mirror.start(['sync'], env());
  let locks = 0;
  server.fault = ({ operation, key }) => {
    if (operation !== 'PutObjectRetention' || key.endsWith('cognito-mirror-check')) return null;
    locks += 1;
    if (locks < 4) return null;
    running.child.kill('SIGKILL');
    return 'cut';
  };
  expect((await running.result).code).toBeNull();
  const left = unlocked().length;
  expect(left).toBeGreaterThanOrEqual(4);
  expect(left).toBeLessThan(7);

  server.fault = () => null;
  const { code, reports } = await mirror.sync([], env());
  expect(code).toBe(0);
  expect(reports).toMatchObject([{ state: 'archived' }]);
  expect(unlocked()).toEqual([]);
  expect(await mirror.rows('SELECT 1 FROM mirror.runs WHERE needs_locks')).toEqual([]);
});

it('a bucket or a folder without Object Lock is an error before Cognito is called', async () => {
  const plain = await startS3Server();
  const cases = [
    env({ AWS_ENDPOINT_URL_S3: plain.url }),
    env({ ARCHIVE_URL: mirror.env['ARCHIVE_URL'] as string }),
  ];
  for (const change of cases) {
    const { code, stderr } = await mirror.run(['sync'], change);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /ARCHIVE_LOCK_MODE: the (bucket archive|folder .*) has no Object Lock\./,
    );
  }
  expect(mirror.simulator.attempts.count()).toBe(0);
  await plain.close();
});
