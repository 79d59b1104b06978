import { z } from 'zod';
import { POOL_REFERENCE_PATTERN, POOL_REMEDY, parsePool } from '../model/pool-id.ts';
import { type FileSetting, REGION_PATTERN, SETTINGS } from './settings.ts';

const MAPPING = { error: 'must be a mapping of keys to values.' };

/** The schema of a setting, with what an editor shows about it. */
function field<Schema extends z.ZodType>(setting: FileSetting<Schema>): Schema {
  const { schema, description, examples } = setting;
  return schema.meta({ description, examples });
}

const role = z
  .strictObject(
    { arn: field(SETTINGS.arn), externalId: field(SETTINGS.externalId).optional() },
    MAPPING,
  )
  .meta({
    description:
      'The IAM role to assume before the pool is read. Default: the credentials of the environment.',
  });

const pool = z
  .strictObject(
    {
      role,
      region: field(SETTINGS.region),
      schedule: field(SETTINGS.schedule),
      timezone: field(SETTINGS.timezone),
      archiveUrl: field(SETTINGS.archiveUrl),
      archiveLockMode: field(SETTINGS.archiveLockMode),
      archiveLockDays: field(SETTINGS.archiveLockDays),
      archiveManifestLockDays: field(SETTINGS.archiveManifestLockDays),
      archiveStorageClass: field(SETTINGS.archiveStorageClass),
      maxRemovedRatio: field(SETTINGS.maxRemovedRatio),
      omitAttributes: field(SETTINGS.omitAttributes),
      hashAttributes: field(SETTINGS.hashAttributes),
      archiveOmitAttributes: field(SETTINGS.archiveOmitAttributes),
      archiveHashAttributes: field(SETTINGS.archiveHashAttributes),
      mfa: field(SETTINGS.mfa),
      mfaBudget: field(SETTINGS.mfaBudget),
      poolSettings: field(SETTINGS.poolSettings),
      pingUrl: field(SETTINGS.pingUrl),
    },
    MAPPING,
  )
  .partial()
  .meta({ description: 'The settings of one pool. May be empty.' });

const allowance = z
  .strictObject(
    {
      quotaShare: field(SETTINGS.quotaShare),
      userListRps: field(SETTINGS.userListRps),
      writeQuotas: field(SETTINGS.writeQuotas),
    },
    MAPPING,
  )
  .partial()
  .meta({ description: 'The quotas of the account in one Region.' });

const pools = mapping(pool.nullable(), {
  pattern: POOL_REFERENCE_PATTERN,
  toKept: toPoolKey,
  problem: 'the key must be the id, the ARN or the name of a pool.',
  remedy: POOL_REMEDY,
});

const regions = mapping(allowance.nullable(), {
  pattern: REGION_PATTERN,
  problem: 'the key must be the name of a Region.',
  remedy: SETTINGS.region.remedy,
});

const accounts = mapping(regions, {
  pattern: /^\d{12}$/,
  problem: 'the key must be an account id.',
  remedy: 'Give its 12 digits, in quotes.',
});

/** The file of MIRROR_CONFIG: its checks, its types and its JSON Schema all come from here. */
export const CONFIG_FILE = z
  .strictObject(
    {
      pools: pools.meta({
        description:
          'Settings of pools, by id, ARN or name. These pools are mirrored if COGNITO_POOLS is not set.',
        examples: [{ 'us-east-1_Ab12Cd34': { schedule: '0 3 * * *', timezone: 'Europe/Berlin' } }],
      }),
      accounts: accounts.meta({
        description: 'Quotas, by account id (12 digits, quoted) and Region.',
        examples: [{ '123456789012': { 'us-east-1': { quotaShare: 0.5, userListRps: 40 } } }],
      }),
    },
    { error: 'the file must be a mapping of keys to values.' },
  )
  .partial()
  .meta({
    title: 'cognito-mirror: the file of MIRROR_CONFIG',
    description: 'Settings of single pools, and the quotas of accounts and Regions.',
  });

/** The keys that the mapping at a path of the file may have. */
export function listKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(CONFIG_FILE.shape);
  if (path[0] === 'accounts') return Object.keys(allowance.shape);
  return Object.keys(path.length === 2 ? pool.shape : role.shape);
}

type PoolEntry = z.output<typeof pool>;

export type AllowanceEntry = z.output<typeof allowance>;

export interface ConfigFile {
  /** By pool id, or by name until it is resolved, in the file's order. */
  readonly pools: ReadonlyMap<string, PoolEntry>;
  /** By account id, then by Region. */
  readonly accounts: ReadonlyMap<string, ReadonlyMap<string, AllowanceEntry>>;
}

/** The id of a pool that a key names by id or ARN, or the name; null if it is neither. */
export function toPoolKey(key: string): string | null {
  const parsed = parsePool(key);
  if ('problem' in parsed) return null;
  return 'poolId' in parsed ? parsed.poolId : key;
}

/**
 * A mapping whose keys are all of one kind; it may be empty. `z.record` could check the keys, but
 * would then hide the problems below a wrong one.
 */
function mapping<Entry extends z.ZodType>(
  entry: Entry,
  key: {
    readonly pattern: RegExp;
    /** The form in which a key is kept; null if it is wrong. Default: as it is written. */
    readonly toKept?: (name: string) => string | null;
    readonly problem: string;
    readonly remedy: string;
  },
) {
  return z
    .record(z.string().meta({ pattern: key.pattern.source }), entry, MAPPING)
    .superRefine(
      (entries, context) => {
        const { pattern, toKept = (name) => name, problem, remedy } = key;
        const kept = new Set<string>();
        for (const name of Object.keys(entries)) {
          const known = pattern.test(name) ? toKept(name) : null;
          const isRepeated = known !== null && kept.has(known);
          if (known !== null && !isRepeated) {
            kept.add(known);
            continue;
          }
          const message = isRepeated ? 'names the same thing as another key.' : problem;
          context.addIssue({ code: 'custom', path: [name], message, params: { remedy } });
        }
      },
      { when: ({ value }) => typeof value === 'object' && !Array.isArray(value) && value !== null },
    )
    .nullable();
}

/**
 * The JSON Schema of the file for editors, in the draft that most YAML language servers support. It
 * cannot say that a cron expression must come due.
 */
export function configFileJsonSchema(): object {
  return z.toJSONSchema(CONFIG_FILE, { target: 'draft-7' });
}
