import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** A service that nothing serves. */
const NOWHERE = {
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'sesame-of-aws',
  AWS_EC2_METADATA_DISABLED: 'true',
};

test('doctor prints what it found and what mends it, and exits with 1 where a check failed', async () => {
  const env = { ...NOWHERE, MIRROR_HOME: join(folder.path, 'home') };
  const { code, stdout, stderr } = await runCli(['doctor', 'us-east-1_Ab12Cd34'], { env });
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toMatch(/^ok {7}Configuration: Every setting is valid\.$/m);
  expect(stdout).toMatch(/^failed {3}Pool us-east-1_Ab12Cd34: /m);
  expect(stdout).toMatch(/^ {9}→ Check the network/m);
  expect(stdout).toMatch(/\n\n\d+ checks: .*\d failed\.\n$/);
  expect(stdout).not.toContain('\u001b');
  expect(stdout).not.toContain('sesame');
  expect(await readdir(folder.path)).toEqual([]);
});

test('doctor --json prints one document, and exits with 0 where checks only warn', async () => {
  // An endpoint for Cognito alone is a simulator, so its credentials belong to no account.
  const { AWS_ENDPOINT_URL: AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER, ...others } = NOWHERE;
  const env = {
    ...others,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER,
    MIRROR_HOME: join(folder.path, 'home'),
  };
  const { code, stdout } = await runCli(['doctor', '--json'], { env });
  expect(code).toBe(0);
  const { checks } = JSON.parse(stdout) as { checks: { id: string; state: string }[] };
  expect(checks.find(({ id }) => id === 'pools')?.state).toBe('warning');
  for (const check of checks) {
    expect(Object.keys(check)).toEqual(['id', 'title', 'state', 'detail', 'remedy']);
  }
});

test('a wrong option is wrong usage', async () => {
  expect((await runCli(['doctor', '--nothing'])).code).toBe(2);
});
