import type { Problem } from '../model/errors.ts';
import type { PrivacyRules } from '../model/privacy.ts';
import { SETTINGS } from './settings.ts';

const PLACES = [
  ['omitAttributes', 'hashAttributes'],
  ['archiveOmitAttributes', 'archiveHashAttributes'],
] as const;

type Setting = (typeof PLACES)[number][number];

/** The privacy rules of the mirror or of one pool, as they are set. */
export type PrivacySettings = {
  readonly [Name in Setting]?: readonly string[] | undefined;
} & {
  /** The settings of a pool hold secrets, which are hashed. */
  readonly poolSettings?: boolean | undefined;
};

/** Set for all pools. Its names are those of the options. */
type MirrorPrivacy = PrivacySettings & { readonly hashKey: string | null };

export const HASH_KEY_REMEDY =
  'Give a random text of at least 32 characters, such as `openssl rand -base64 32` prints, and keep it.';

const VARIABLES = {
  omitAttributes: 'MIRROR_OMIT_ATTRIBUTES',
  hashAttributes: 'MIRROR_HASH_ATTRIBUTES',
  archiveOmitAttributes: 'ARCHIVE_OMIT_ATTRIBUTES',
  archiveHashAttributes: 'ARCHIVE_HASH_ATTRIBUTES',
  poolSettings: 'MIRROR_POOL_SETTINGS',
} as const satisfies Readonly<Record<Setting | 'poolSettings', string>>;

/** The variables that have rules, and the key. */
export const PRIVACY_VARIABLES: readonly string[] = [
  ...Object.values(VARIABLES),
  'MIRROR_HASH_KEY',
];

/** The rules of a pool: those of Postgres, and those that the archive has in addition. */
export function resolvePrivacy(
  config: PrivacySettings,
  pool: PrivacySettings = {},
): { readonly database: PrivacyRules; readonly archive: PrivacyRules } {
  const all = merge(config, pool);
  const [database, archive] = PLACES.map(([omit, hash]) => ({
    omit: all[omit] ?? [],
    hash: all[hash] ?? [],
  }));
  return { database: database as PrivacyRules, archive: archive as PrivacyRules };
}

/** Finds rules of the mirror that contradict each other or lack the key. The subjects are variables. */
export function findPrivacyProblems(config: MirrorPrivacy): Problem[] {
  return findContradictions(config, config, config.hashKey, (name) => VARIABLES[name]);
}

/** The same for the rules of single pools, together with those of the mirror. */
export function findPoolPrivacyProblems(
  config: MirrorPrivacy,
  pools: ReadonlyMap<string, PrivacySettings>,
): Problem[] {
  return [...pools].flatMap(([poolId, own]) =>
    findContradictions(
      own,
      merge(config, own),
      config.hashKey,
      (name) => `pools.${poolId}.${name}`,
    ),
  );
}

/**
 * @param own what is set here; without any there is nothing to say about it.
 * @param all what holds, with what is set elsewhere.
 */
function findContradictions(
  own: PrivacySettings,
  all: PrivacySettings,
  hashKey: string | null,
  nameOf: (name: keyof typeof VARIABLES) => string,
): Problem[] {
  const lacksKey = (name: keyof typeof VARIABLES): Problem => ({
    subject: 'MIRROR_HASH_KEY',
    problem: `is not set, and ${nameOf(name)} is.`,
    remedy: HASH_KEY_REMEDY,
  });
  const ofSettings = own.poolSettings && hashKey === null ? [lacksKey('poolSettings')] : [];
  const ofAttributes = PLACES.flatMap(([omit, hash]) => {
    const named = isSet(own, hash) ? hash : omit;
    if (!isSet(own, named)) return [];
    const hashed = all[hash] ?? [];
    const both = hashed.filter((name) => all[omit]?.includes(name));
    const problems: Problem[] = [];
    if (both.length > 0) {
      problems.push({
        subject: nameOf(named),
        problem: `${both.join(', ')} cannot be both left out and hashed.`,
        remedy: SETTINGS[named].remedy,
      });
    }
    if (named === hash && hashed.length > 0 && hashKey === null) {
      problems.push(lacksKey(hash));
    }
    return problems;
  });
  return [...ofAttributes, ...ofSettings];
}

function isSet(settings: PrivacySettings, name: Setting): boolean {
  return (settings[name] ?? []).length > 0;
}

/** A pool's empty list means none, whatever holds for the others. */
function merge(config: PrivacySettings, pool: PrivacySettings): PrivacySettings {
  return Object.fromEntries(PLACES.flat().map((name) => [name, pool[name] ?? config[name]]));
}
