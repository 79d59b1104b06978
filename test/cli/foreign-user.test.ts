import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';

/** No system gives this id a name; OpenShift picks such ones for containers. */
const ID = 1_000_770_000;

/**
 * Root becomes the user, and keeps the right to enter every folder, as a checkout may lie in its
 * home. Anyone else becomes it in a user namespace.
 */
const AS_NAMELESS =
  process.getuid?.() === 0
    ? `exec setpriv --reuid=${ID} --regid=0 --clear-groups --securebits=+no_setuid_fixup ` +
      '--inh-caps=+dac_override --ambient-caps=+dac_override "$@"'
    : `exec unshare --user --map-user=${ID} "$@"`;

let mirror: CliMirror;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 150, groups: 4, seed: 3 });
  await chmod(mirror.folder, 0o777);
  await chmod(join(mirror.folder, 'tmp'), 0o777);
});
afterAll(() => mirror.close());

const NO_HOME = { HOME: undefined, USER: undefined, LOGNAME: undefined };

describe('a user id without a name and without HOME', () => {
  it('mirrors with DATABASE_URL', async () => {
    const { code, stderr } = await mirror.run(['sync'], NO_HOME, AS_NAMELESS);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect((await filesBelow(mirror.archive)).some((file) => file.endsWith('.parquet'))).toBe(true);
  });

  it('learns that an embedded Postgres needs a name, and gets none', async () => {
    const embedded = { ...NO_HOME, DATABASE_URL: undefined };
    const { code, stderr } = await mirror.run(['sync'], embedded, AS_NAMELESS);
    expect(stderr).toMatch(
      new RegExp(`user id ${ID} has no name in /etc/passwd.*set DATABASE_URL`),
    );
    expect(code).toBe(2);
    expect(existsSync(join(mirror.folder, '.cognito-mirror/postgres'))).toBe(false);
  });
});
