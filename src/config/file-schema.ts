import { z } from 'zod';
import { POOL_ID_PATTERN } from '../model/pool-id.ts';
import { archiveUrlProblem } from './archive-url.ts';
import { isCronPattern, isTimezone } from './schedule.ts';

/** What YAML reads as another type is told of, as quoting it is the remedy. */
const NO_TEXT = ({ input }: { input?: unknown }) =>
  input === undefined ? 'it is missing.' : 'it is no text; a number must be quoted to be one.';
const NO_MAPPING = 'it is no mapping of keys to values.';

const role = z
  .strictObject(
    {
      // Partition, account, path and name by the rules of IAM's ARNs.
      arn: z
        .string({ error: NO_TEXT })
        .regex(
          /^arn:aws(-[a-z]+)*:iam::\d{12}:role\/([!-~]{1,510}\/)?[\w+=,.@-]{1,64}$/,
          'it is no ARN of an IAM role.',
        )
        .meta({
          description: "The role's ARN.",
          examples: ['arn:aws:iam::123456789012:role/cognito-mirror'],
        }),
      // Length and characters by the API reference of AssumeRole.
      externalId: z
        .string({ error: NO_TEXT })
        .regex(
          /^[\w+=,.@:/-]{2,1224}$/,
          'it is no external id: 2 to 1224 letters, digits and any of _+=,.@:/-.',
        )
        .optional()
        .meta({
          description: "The external id that the role's trust policy asks for.",
          examples: ['b2a7c1d0'],
        }),
    },
    { error: NO_MAPPING },
  )
  .meta({
    description:
      'The IAM role by which the pool is read, assumed with the credentials of the environment. Absent: those credentials themselves.',
  });

const REGION = /^[a-z]{2}(-[a-z]+)+-\d+$/;

const pool = z
  .strictObject(
    {
      role: role.optional(),
      region: z
        .string({ error: NO_TEXT })
        .regex(REGION, 'must be the name of a Region.')
        .optional()
        .meta({
          description:
            "The Region in which the pool is read. Absent: the one in its id. Replicas of a pool share its id, which names the primary's Region.",
          examples: ['eu-west-1'],
        }),
      schedule: z
        .string({ error: NO_TEXT })
        .refine(isCronPattern, 'it is no cron expression that ever comes due.')
        .optional()
        .meta({
          description:
            'When the worker mirrors the pool: cron, five fields or six with seconds first. Absent: MIRROR_SCHEDULE.',
          examples: ['0 3 * * *'],
        }),
      timezone: z
        .string({ error: NO_TEXT })
        .refine(isTimezone, 'it is no time zone.')
        .optional()
        .meta({
          description:
            "The schedule's time zone, by its name in the IANA database. Absent: MIRROR_TIMEZONE.",
          examples: ['Europe/Berlin'],
        }),
      archiveUrl: z
        .string({ error: NO_TEXT })
        .superRefine((text, context) => {
          const problem = archiveUrlProblem(text);
          if (problem !== null) context.addIssue(problem);
        })
        .optional()
        .meta({
          description: "Where the pool's archive goes. Absent: ARCHIVE_URL.",
          examples: ['s3://bucket/prefix', 'file:///srv/archive'],
          pattern: '^(s3://|file:///)',
        }),
      maxRemoved: numberOf('it is no number from 0 to 1.', (number, error) =>
        number.min(0, error).max(1, error),
      )
        .optional()
        .meta({
          description:
            "The share of the pool's rows that may vanish before a snapshot is held for review. Absent: MIRROR_MAX_REMOVED.",
          examples: [0.1],
        }),
    },
    { error: NO_MAPPING },
  )
  .meta({
    description: 'One pool. What is absent is as the environment says; an empty one is allowed.',
  });

const allowance = z
  .strictObject(
    {
      quotaShare: numberOf('it is no number over 0 and up to 1.', (number, error) =>
        number.gt(0, error).max(1, error),
      )
        .optional()
        .meta({
          description:
            'The share of the list quotas that the mirror may use. Absent: MIRROR_QUOTA_SHARE.',
          examples: [0.8],
        }),
      userListRps: numberOf('it is no number over 0.', (number, error) => number.gt(0, error))
        .optional()
        .meta({
          description:
            "The account's UserList quota in requests a second. Absent: MIRROR_USER_LIST_RPS.",
          examples: [30],
        }),
    },
    { error: NO_MAPPING },
  )
  .meta({ description: 'What may be used of the quotas of the account in one Region.' });

const regions = mapping(
  {
    pattern: REGION,
    problem: 'the key is no Region.',
    remedy: 'Give the name of a Region, such as us-east-1.',
  },
  allowance.nullable(),
);

/** The file that MIRROR_CONFIG names: the one source of its checks, its types and its JSON Schema. */
export const CONFIG_FILE = z
  .strictObject(
    {
      pools: mapping(
        {
          pattern: POOL_ID_PATTERN,
          problem: 'the key is no pool id.',
          remedy: 'Give the id as the Cognito console shows it, such as us-east-1_Ab12Cd34.',
        },
        pool.nullable(),
      )
        .optional()
        .meta({
          description:
            'Pools by their ids, with what sets them apart. They are those to mirror where COGNITO_POOLS is not set.',
          examples: [
            { 'us-east-1_Ab12Cd34': { schedule: '0 3 * * *', timezone: 'Europe/Berlin' } },
          ],
        }),
      accounts: mapping(
        {
          pattern: /^\d{12}$/,
          problem: 'the key is no account id.',
          remedy: 'Give its 12 digits, in quotes.',
        },
        regions,
      )
        .optional()
        .meta({
          description: 'Quotas, by account id (12 digits, quoted) and Region.',
          examples: [{ '123456789012': { 'us-east-1': { quotaShare: 0.5, userListRps: 40 } } }],
        }),
    },
    { error: 'the file holds no mapping of keys to values.' },
  )
  .meta({
    title: 'cognito-mirror: the file named by MIRROR_CONFIG',
    description: 'What single pools are mirrored with, and the quotas of accounts and Regions.',
  });

/** The keys that each mapping of fixed keys may have. */
const KEYS = {
  file: Object.keys(CONFIG_FILE.shape),
  pool: Object.keys(pool.shape),
  role: Object.keys(role.shape),
  allowance: Object.keys(allowance.shape),
};

/** The keys that the mapping at a path of the file may have. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return KEYS.file;
  if (path[0] === 'accounts') return KEYS.allowance;
  return path.length === 2 ? KEYS.pool : KEYS.role;
}

/** What the file says of one pool. */
export type PoolEntry = z.output<typeof pool>;

/** What the file says of one account and Region. */
export type AllowanceEntry = z.output<typeof allowance>;

/** What the file says. */
export interface ConfigFile {
  /** By pool id, in the file's order. */
  readonly pools: ReadonlyMap<string, PoolEntry>;
  /** By account id, then by Region. */
  readonly accounts: ReadonlyMap<string, ReadonlyMap<string, AllowanceEntry>>;
}

/**
 * A mapping whose keys are names of one kind; it may be left empty. Wrong names are told of together
 * with what is wrong below them, which keys checked by `z.record` would hide.
 */
function mapping<Entry extends z.ZodType>(
  key: { pattern: RegExp; problem: string; remedy: string },
  entry: Entry,
) {
  return z
    .record(z.string().meta({ pattern: key.pattern.source }), entry, {
      error: NO_MAPPING,
    })
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

/** A number whose every defect is told in the same words. */
function numberOf(
  error: string,
  within: (number: z.ZodNumber, error: string) => z.ZodNumber,
): z.ZodNumber {
  return within(z.number({ error }), error);
}

/**
 * The JSON Schema of the file that MIRROR_CONFIG names, for editors. In the draft that the YAML
 * servers of editors know best; what it cannot say (that a cron expression comes due) is left out.
 */
export function configFileJsonSchema(): object {
  return z.toJSONSchema(CONFIG_FILE, { target: 'draft-7' });
}
