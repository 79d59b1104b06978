import { describe, expect, test } from 'vitest';
import { toConfig } from '../../src/app/to-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { resolvePoolSettings } from '../../src/config/pool-settings.ts';
import { loadYaml, problemsOf, writeYaml } from './support.ts';

const POOL = 'us-east-1_A';
const DAYS = 'Give a number of days such as 365.';
const MANIFEST_DAYS = 'Give a number of days such as 3650.';
const MODE = 'Give governance, compliance, or none for no locks.';

const lockOf = (env: NodeJS.ProcessEnv) => resolvePoolSettings(loadConfig(env), POOL).archiveLock;

describe('the locks of an archive', () => {
  test('are off by default, and with the mode none', () => {
    expect(lockOf({})).toBeNull();
    expect(lockOf({ ARCHIVE_LOCK_MODE: 'none', ARCHIVE_LOCK_DAYS: '5' })).toBeNull();
  });

  test('last as long for manifests as for parts, unless that is set', () => {
    const env = { ARCHIVE_LOCK_MODE: 'governance', ARCHIVE_LOCK_DAYS: '5' };
    expect(lockOf(env)).toEqual({ mode: 'governance', days: 5, manifestDays: 5 });
    expect(lockOf({ ...env, ARCHIVE_MANIFEST_LOCK_DAYS: '9' })?.manifestDays).toBe(9);
  });

  test.each([
    [
      { ARCHIVE_LOCK_MODE: 'compliance' },
      `ARCHIVE_LOCK_DAYS: is not set, and ARCHIVE_LOCK_MODE is. ${DAYS}`,
    ],
    [
      { ARCHIVE_LOCK_DAYS: '5' },
      `ARCHIVE_LOCK_MODE: is not set, and ARCHIVE_LOCK_DAYS is. ${MODE}`,
    ],
    [
      { ARCHIVE_MANIFEST_LOCK_DAYS: '5' },
      `ARCHIVE_LOCK_MODE: is not set, and ARCHIVE_MANIFEST_LOCK_DAYS is. ${MODE}`,
    ],
    [
      { ARCHIVE_LOCK_MODE: 'compliance', ARCHIVE_LOCK_DAYS: '9', ARCHIVE_MANIFEST_LOCK_DAYS: '8' },
      `ARCHIVE_MANIFEST_LOCK_DAYS: 8 days are less than the 9 days of parts, which need their manifest. ${MANIFEST_DAYS}`,
    ],
    [
      { ARCHIVE_LOCK_MODE: 'worm', ARCHIVE_LOCK_DAYS: '5' },
      `ARCHIVE_LOCK_MODE: must be a mode of Object Lock, not "worm". ${MODE}`,
    ],
    [
      { ARCHIVE_LOCK_MODE: 'governance', ARCHIVE_LOCK_DAYS: '36501' },
      `ARCHIVE_LOCK_DAYS: must be a whole number from 1 to 36500, not "36501". ${DAYS}`,
    ],
    [
      { ARCHIVE_LOCK_MODE: 'governance', ARCHIVE_LOCK_DAYS: '0.5' },
      `ARCHIVE_LOCK_DAYS: must be a whole number from 1 to 36500, not "0.5". ${DAYS}`,
    ],
  ])('%j is refused', (env, problem) => {
    expect(problemsOf(env)).toEqual([problem]);
  });
});

describe('the locks of one pool', () => {
  const env = { ARCHIVE_LOCK_MODE: 'compliance', ARCHIVE_LOCK_DAYS: '100' };
  const own = (text: string, variables = env) =>
    resolvePoolSettings(loadYaml(`pools: { ${POOL}: {${text}} }`, variables), POOL).archiveLock;

  test('override those of the mirror, one by one', () => {
    expect(own('archiveLockDays: 7')).toEqual({ mode: 'compliance', days: 7, manifestDays: 7 });
    expect(own('archiveLockMode: governance')).toMatchObject({ mode: 'governance', days: 100 });
    expect(own('archiveManifestLockDays: 200')).toMatchObject({ days: 100, manifestDays: 200 });
    expect(own('archiveLockMode: none')).toBeNull();
    expect(own('')).toMatchObject({ days: 100 });
  });

  test.each([
    [
      {},
      'archiveLockMode: governance',
      `archiveLockDays: is not set, and pools.${POOL}.archiveLockMode is. ${DAYS}`,
    ],
    [
      {},
      'archiveLockDays: 5',
      `archiveLockMode: is not set, and pools.${POOL}.archiveLockDays is. ${MODE}`,
    ],
    [
      env,
      'archiveManifestLockDays: 99',
      `archiveManifestLockDays: 99 days are less than the 100 days of parts, which need their manifest. ${MANIFEST_DAYS}`,
    ],
  ])('with %j and {%s} are refused', (variables, text, problem) => {
    const path = writeYaml(`pools: { ${POOL}: {${text}} }`);
    expect(problemsOf({ ...variables, MIRROR_CONFIG: path })).toEqual([
      `MIRROR_CONFIG: pools.${POOL}.${problem}`,
    ]);
  });
});

test('options of a program are checked in the same way', () => {
  const config = toConfig({
    archiveLockMode: 'governance',
    archiveLockDays: 5,
    perPool: { [POOL]: { archiveLockMode: 'none' } },
  });
  expect(resolvePoolSettings(config, POOL).archiveLock).toBeNull();
  expect(resolvePoolSettings(config, 'us-east-1_B').archiveLock).toMatchObject({ days: 5 });
  expect(() => toConfig({ archiveLockMode: 'governance' })).toThrow(
    `archiveLockDays: is not set, and ARCHIVE_LOCK_MODE is. ${DAYS}`,
  );
  expect(() => toConfig({ perPool: { [POOL]: { archiveLockDays: 5 } } })).toThrow(
    `pools.${POOL}.archiveLockMode: is not set, and pools.${POOL}.archiveLockDays is. ${MODE}`,
  );
});
