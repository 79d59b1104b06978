import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { problemsOf } from './support.ts';

describe('a worker', () => {
  const env = {
    COGNITO_POOLS: 'us-east-1_A',
    DATABASE_URL: 'postgres://db/x',
    REDIS_URL: 'redis://r',
    ARCHIVE_URL: 's3://bucket',
  };

  test('requires pools, shared servers and a shared archive', () => {
    const problems = problemsOf({}, { worker: true });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'DATABASE_URL',
      'REDIS_URL',
      'ARCHIVE_URL',
      'COGNITO_POOLS',
    ]);
    expect(problems[0]).toMatch(/is not set; workers .* Give a URL such as postgres:/);
    expect(problems[3]).not.toContain('command line');
    expect(problemsOf(env, { worker: true })).toEqual([]);
  });

  test('gets all missing and invalid settings reported at once', () => {
    const wrong = { REDIS_URL: 'nonsense', PORT: '-1', MIRROR_CONFIG: '/nowhere', MIRROR_X: '1' };
    expect(problemsOf(wrong, { worker: true })).toHaveLength(6);
  });

  test.each(['127.0.0.1', '::', '::1', 'localhost', 'worker-1.internal'])(
    'listens on %s',
    (HOST) => {
      expect(loadConfig({ ...env, HOST }, { worker: true }).http.host).toBe(HOST);
    },
  );

  test.each([
    ['HOST', 'http://x'],
    ['HOST', 'x:80'],
    ['HOST', '[::1]'],
    ['HOST', 'a b'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', '-1'],
    ['PORT', 'http'],
  ])('is the only command that checks %s=%s, because other programs set it too', (name, value) => {
    expect(problemsOf({ ...env, [name]: value }, { worker: true })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: .+\\. Give `)),
    ]);
    expect(loadConfig({ [name]: value }).http).toEqual(loadConfig({}).http);
  });
});
