import type { Problem } from '../model/errors.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import type { Config } from './config.ts';
import { SETTINGS } from './settings.ts';

type Setting = 'archiveLockMode' | 'archiveLockDays' | 'archiveManifestLockDays';

/** The settings of Object Lock, of the mirror or of one pool. */
export type LockSettings = { readonly [Name in Setting]?: Config[Name] | undefined };

/** How the objects of a pool's archive are locked. Null: they are not. */
export function resolveLock(config: LockSettings, pool: LockSettings = {}): ArchiveLock | null {
  const mode = pool.archiveLockMode ?? config.archiveLockMode ?? 'none';
  const days = pool.archiveLockDays ?? config.archiveLockDays ?? null;
  if (mode === 'none' || days === null) return null;
  const manifestDays = pool.archiveManifestLockDays ?? config.archiveManifestLockDays ?? days;
  return { mode, days, manifestDays };
}

/** Finds settings of the mirror that contradict each other. The subjects are variables. */
export function findLockProblems(config: LockSettings): Problem[] {
  const variables = {
    archiveLockMode: 'ARCHIVE_LOCK_MODE',
    archiveLockDays: 'ARCHIVE_LOCK_DAYS',
    archiveManifestLockDays: 'ARCHIVE_MANIFEST_LOCK_DAYS',
  };
  return findContradictions(config, config, (name) => variables[name]);
}

/** The same for the settings of single pools, together with those of the mirror. */
export function findPoolLockProblems(
  config: LockSettings,
  pools: ReadonlyMap<string, LockSettings>,
): Problem[] {
  return [...pools].flatMap(([poolId, own]) =>
    findContradictions(own, { ...config, ...own }, (name) => `pools.${poolId}.${name}`),
  );
}

/**
 * @param own what is set here; without any there is nothing to say about it.
 * @param all what holds, with what is set elsewhere.
 */
function findContradictions(
  own: LockSettings,
  all: LockSettings,
  nameOf: (name: Setting) => string,
): Problem[] {
  const isSet = (settings: LockSettings, name: Setting) => (settings[name] ?? null) !== null;
  const problem = (name: Setting, text: string): Problem => ({
    subject: nameOf(name),
    problem: text,
    remedy: SETTINGS[name].remedy,
  });
  const [named] = NAMES.filter((name) => isSet(own, name));
  if (named === undefined || all.archiveLockMode === 'none') return [];
  if (!isSet(all, 'archiveLockMode')) {
    return [problem('archiveLockMode', `is not set, and ${nameOf(named)} is.`)];
  }
  if (!isSet(all, 'archiveLockDays')) {
    return [problem('archiveLockDays', `is not set, and ${nameOf(named)} is.`)];
  }
  const lock = resolveLock(all);
  if (lock === null || lock.manifestDays >= lock.days) return [];
  return [
    problem(
      'archiveManifestLockDays',
      `${lock.manifestDays} days are less than the ${lock.days} days of parts, which need their manifest.`,
    ),
  ];
}

const NAMES = ['archiveLockMode', 'archiveLockDays', 'archiveManifestLockDays'] as const;
