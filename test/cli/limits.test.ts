import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { serverPid } from '../support/embedded-server.ts';

let mirror: CliMirror;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 600, groups: 4, seed: 5 });
});
afterAll(() => mirror.close());

describe('a limit that is too low', () => {
  it.each([
    ['ulimit -n 64; exec "$@"', /^cognito-mirror: .*open files.* `?ulimit -n 1024`/m],
    ['ulimit -v 4000000; exec "$@"', /^cognito-mirror: virtual memory: .* `ulimit -v unlimited`/m],
    ['ulimit -f 1000; exec "$@"', /^cognito-mirror: .*`ulimit -f unlimited`/m],
  ])('is named with the remedy, and leaves nothing running: %s', async (shell, message) => {
    const { code, stderr } = await mirror.run(['sync'], { DATABASE_URL: undefined }, shell);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(2);
    expect(await serverPid(`${mirror.folder}/.cognito-mirror`)).toBeNull();
  });

  it('of the size of files names the folder, and the next run resumes', async () => {
    const { code, stderr } = await mirror.run(['sync'], {}, 'ulimit -f 8; exec "$@"');
    expect(stderr).toContain(
      `cannot be written in ${join(mirror.folder, '.cognito-mirror', 'work')}/`,
    );
    expect(stderr).toContain(
      '(EFBIG). Raise the limit on file sizes (`ulimit -f unlimited`), then run the command again to resume.',
    );
    expect(code).toBe(1);
    expect((await mirror.sync()).reports).toMatchObject([{ state: 'archived' }]);
  });
});

describe('a working folder that was deleted', () => {
  const shell = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';

  it('is named if a path depends on it', async () => {
    const { code, stderr } = await mirror.run(['status'], { DATABASE_URL: undefined }, shell);
    expect(stderr).toMatch(/^cognito-mirror: working folder: .*deleted.*MIRROR_HOME/);
    expect(code).toBe(2);
  });

  it('does not matter if MIRROR_HOME is absolute', async () => {
    const env = { MIRROR_HOME: `${mirror.folder}/home`, LOG_LEVEL: 'warn' };
    const { code, stderr } = await mirror.run(['sync'], env, shell);
    expect({ code, stderr }).toMatchObject({ code: 0 });
  });
});
