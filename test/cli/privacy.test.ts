import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { HASH_KEY } from '../support/privacy.ts';

const RULES = {
  MIRROR_HASH_ATTRIBUTES: 'email',
  MIRROR_OMIT_ATTRIBUTES: 'phone_number',
  MIRROR_HASH_KEY: HASH_KEY,
};

let mirror: CliMirror;
let printed = '';
beforeAll(async () => {
  mirror = await openCliMirror({ users: 30, groups: 2 });
  mirror.pool.createUser({ username: 'ana', attributes: { email: 'ana@example.com' } });
  const { code, stdout, stderr } = await mirror.sync([], { ...RULES, LOG_LEVEL: 'trace' });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  printed += stdout + stderr;
});
afterAll(() => mirror.close());

async function run(args: readonly string[], env: Record<string, string> = RULES) {
  const result = await mirror.run(args, env);
  printed += result.stdout + result.stderr;
  return result;
}

describe('with privacy rules', () => {
  test('a person is found by e-mail address, with the key', async () => {
    const found = await run(['history', mirror.poolId, 'ANA@example.com', '--json']);
    expect(found.code).toBe(0);
    expect(JSON.parse(found.stdout).users).toMatchObject([{ username: 'ana' }]);
    const access = ['access', mirror.poolId, '--user', 'ana@example.com', '--json'];
    expect(JSON.parse((await run(access)).stdout).users).toMatchObject([{ username: 'ana' }]);
    const archive = ['--archive', mirror.env['ARCHIVE_URL'] ?? ''];
    const archived = await run(['history', mirror.poolId, 'ana@example.com', '--json', ...archive]);
    expect(JSON.parse(archived.stdout).users).toMatchObject([{ username: 'ana' }]);
  });

  test('without the key, the message names its id', async () => {
    const { code, stderr } = await run(['history', mirror.poolId, 'ana@example.com'], {});
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /E-mail addresses are hashed: to search by them, set MIRROR_HASH_KEY to the key with the id [0-9a-f]{8}\./,
    );
  });

  test('left-out e-mail addresses are reported when the rule begins, and when one is searched', async () => {
    const rules = { MIRROR_OMIT_ATTRIBUTES: 'email,custom:nothing' };
    const { stderr } = await run(['sync', '--json'], rules);
    expect(stderr).toContain('the privacy rules changed');
    expect(stderr).toContain('no user can be found by one');
    expect(stderr).toContain('custom:nothing');
    const again = await run(['sync', '--json'], rules);
    expect(again.stderr).not.toContain('privacy');
    const { stderr: unfound } = await run(['history', mirror.poolId, 'eve@example.com'], rules);
    expect(unfound).toContain('E-mail addresses are left out by a privacy rule.');
  });

  test('`list` shows the service as it is, and verify finds nothing', async () => {
    const list = await run(['list', 'users', mirror.poolId]);
    expect(list).toMatchObject({ code: 0 });
    expect(list.stdout).toContain('ana@example.com');
    expect(await run(['verify'])).toMatchObject({ code: 0 });
    await run(['status', '--json']);
    await run(['diff', mirror.poolId, 'now'], RULES);
  });

  test('no output shows the key', () => {
    expect(printed.length).toBeGreaterThan(2_000);
    expect(printed).not.toContain(HASH_KEY);
    expect(printed).not.toContain(Buffer.from(HASH_KEY).toString('hex'));
    expect(printed).not.toContain(Buffer.from(HASH_KEY).toString('base64').slice(0, 40));
  });

  test('a hash without a key, and a wrong name, are usage errors that read nothing', async () => {
    const attempts = mirror.simulator.attempts.total;
    const missing = await run(['sync'], { MIRROR_HASH_ATTRIBUTES: 'email' });
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('MIRROR_HASH_KEY: is not set, and MIRROR_HASH_ATTRIBUTES is.');
    const wrong = await run(['sync'], { MIRROR_OMIT_ATTRIBUTES: 'sub' });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('MIRROR_OMIT_ATTRIBUTES: a username and a sub identify a user');
    expect(mirror.simulator.attempts.total).toBe(attempts);
  });
});
