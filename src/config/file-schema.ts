import { z } from 'zod';
import { POOL_ID_PATTERN } from '../model/pool-id.ts';
import { REGION_PATTERN, SETTINGS } from './settings.ts';

const MAPPING = { error: 'must be a mapping of keys to values.' };

/** Adds what an editor shows about a value. */
function described<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  ...examples: unknown[]
): Schema {
  return schema.meta({ description, ...(examples.length > 0 && { examples }) });
}

const role = z.strictObject(
  {
    arn: described(
      SETTINGS.arn.schema,
      'The ARN of the role.',
      'arn:aws:iam::123456789012:role/cognito-mirror',
    ),
    externalId: described(
      SETTINGS.externalId.schema.optional(),
      "The external id that the role's trust policy requires.",
      'b2a7c1d0',
    ),
  },
  MAPPING,
);

const pool = z.strictObject(
  {
    role: described(
      role.optional(),
      'The IAM role to assume before the pool is read. Default: the credentials of the environment.',
    ),
    region: described(
      SETTINGS.region.schema.optional(),
      'The Region to read the pool in. Default: the Region in its id. A replica has the id of its primary, so name the Region of the replica here.',
      'eu-west-1',
    ),
    schedule: described(
      SETTINGS.schedule.schema.optional(),
      'When workers mirror the pool: a cron expression with five fields, or six with seconds first. Default: MIRROR_SCHEDULE.',
      '0 3 * * *',
    ),
    timezone: described(
      SETTINGS.timezone.schema.optional(),
      'The time zone of the schedule, as named in the IANA database. Default: MIRROR_TIMEZONE.',
      'Europe/Berlin',
    ),
    archiveUrl: described(
      SETTINGS.archiveUrl.schema.optional(),
      'The destination of the archive. Default: ARCHIVE_URL.',
      's3://bucket/prefix',
      'file:///srv/archive',
    ),
    maxRemovedRatio: described(
      SETTINGS.maxRemovedRatio.schema.optional(),
      "The share of the pool's rows that a snapshot may remove without a review. Default: MIRROR_MAX_REMOVED_RATIO.",
      0.1,
    ),
  },
  MAPPING,
);

const allowance = z.strictObject(
  {
    quotaShare: described(
      SETTINGS.quotaShare.schema.optional(),
      'The share of the quotas for list calls that the mirror may use. Default: MIRROR_QUOTA_SHARE.',
      0.8,
    ),
    userListRps: described(
      SETTINGS.userListRps.schema.optional(),
      "The account's UserList quota in requests per second. Default: MIRROR_USER_LIST_RPS.",
      30,
    ),
  },
  MAPPING,
);

const pools = mapping(
  {
    pattern: POOL_ID_PATTERN,
    problem: 'the key must be a pool id.',
    remedy: 'Give the id as the Cognito console shows it, such as us-east-1_Ab12Cd34.',
  },
  described(pool, 'The settings of one pool. May be empty.').nullable(),
);

const regions = mapping(
  {
    pattern: REGION_PATTERN,
    problem: 'the key must be the name of a Region.',
    remedy: SETTINGS.region.remedy,
  },
  described(allowance, 'The quotas of the account in one Region.').nullable(),
);

const accounts = mapping(
  {
    pattern: /^\d{12}$/,
    problem: 'the key must be an account id.',
    remedy: 'Give its 12 digits, in quotes.',
  },
  regions,
);

/** The file of MIRROR_CONFIG: its checks, its types and its JSON Schema all come from here. */
export const CONFIG_FILE = z
  .strictObject(
    {
      pools: described(
        pools.optional(),
        'Settings of pools, by pool id. These pools are mirrored if COGNITO_POOLS is not set.',
        { 'us-east-1_Ab12Cd34': { schedule: '0 3 * * *', timezone: 'Europe/Berlin' } },
      ),
      accounts: described(
        accounts.optional(),
        'Quotas, by account id (12 digits, quoted) and Region.',
        { '123456789012': { 'us-east-1': { quotaShare: 0.5, userListRps: 40 } } },
      ),
    },
    { error: 'the file must be a mapping of keys to values.' },
  )
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
  /** By pool id, in the file's order. */
  readonly pools: ReadonlyMap<string, PoolEntry>;
  /** By account id, then by Region. */
  readonly accounts: ReadonlyMap<string, ReadonlyMap<string, AllowanceEntry>>;
}

/**
 * A mapping whose keys are all of one kind; it may be empty. `z.record` could check the keys, but
 * would then hide the problems below a wrong one.
 */
function mapping<Entry extends z.ZodType>(
  key: { readonly pattern: RegExp; readonly problem: string; readonly remedy: string },
  entry: Entry,
) {
  return z
    .record(z.string().meta({ pattern: key.pattern.source }), entry, MAPPING)
    .superRefine(
      (entries, context) => {
        for (const name of Object.keys(entries)) {
          if (key.pattern.test(name)) continue;
          const { problem: message, remedy } = key;
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
