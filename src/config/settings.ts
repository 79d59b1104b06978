import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { LOCK_MODES } from '../model/object-lock.ts';
import { STORAGE_CLASSES } from '../model/object-storage.ts';
import { ATTRIBUTES_REMEDY, findAttributeProblem, findHashedProblem } from './attribute-names.ts';
import { findHttpUrlProblem } from './notification-rules.ts';
import { findWriteQuotasProblem, WRITE_QUOTAS_REMEDY } from './write-quotas.ts';

export const REGION_PATTERN = /^[a-z]{2}(-[a-z]+)+-\d+$/;

/** A value that a person sets, and what to do if it is wrong. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Its messages never quote the value, which may hold a password. */
  readonly schema: Schema;
  readonly remedy: string;
}

/** A setting of the file, with what an editor shows about it. */
export interface FileSetting<Schema extends z.ZodType = z.ZodType> extends Setting<Schema> {
  readonly description: string;
  readonly examples: unknown[];
}

const text = z.string({
  error: ({ input }) =>
    input === undefined ? 'is missing.' : 'must be a string; quote numbers and dates.',
});

/** S3 locks an object for at most 100 years. */
const MAX_LOCK_DAYS = 36_500;

/** The settings of the file. Those of pools and accounts also exist as variables. */
export const SETTINGS = {
  archiveUrl: {
    schema: textWithout(findArchiveUrlProblem).meta({ pattern: '^(s3://|file:///)' }),
    remedy: 'Give s3://bucket/prefix or file:///absolute/folder.',
    description: 'The destination of the archive. Default: ARCHIVE_URL.',
    examples: ['s3://bucket/prefix', 'file:///srv/archive'],
  },
  archiveLockMode: {
    schema: z.enum([...LOCK_MODES, 'none'], { error: 'must be a mode of Object Lock.' }),
    remedy: `Give ${LOCK_MODES.join(', ')}, or none for no locks.`,
    description:
      'How the objects of the archive are locked (S3 Object Lock): governance, compliance, or none. Default: ARCHIVE_LOCK_MODE.',
    examples: ['compliance'],
  },
  archiveLockDays: {
    schema: wholeNumber(1, MAX_LOCK_DAYS),
    remedy: 'Give a number of days such as 365.',
    description: 'How many days parts stay locked. Default: ARCHIVE_LOCK_DAYS.',
    examples: [365],
  },
  archiveManifestLockDays: {
    schema: wholeNumber(1, MAX_LOCK_DAYS),
    remedy: 'Give a number of days such as 3650.',
    description:
      'How many days manifests, signatures and the documents beside them stay locked. Default: ARCHIVE_MANIFEST_LOCK_DAYS.',
    examples: [3650],
  },
  archiveStorageClass: {
    schema: z.enum(STORAGE_CLASSES, {
      error: 'must be a storage class whose objects can be read at once.',
    }),
    remedy: `Give one of ${STORAGE_CLASSES.join(', ')}. A lifecycle rule can move parts to colder classes later.`,
    description: 'The storage class of parts in S3. Default: ARCHIVE_STORAGE_CLASS.',
    examples: ['STANDARD_IA'],
  },
  omitAttributes: {
    schema: attributeNames(findAttributeProblem),
    remedy: ATTRIBUTES_REMEDY,
    description:
      'The attributes of users that Postgres and the archive leave out. Default: MIRROR_OMIT_ATTRIBUTES.',
    examples: [['phone_number', 'custom:tenant']],
  },
  hashAttributes: {
    schema: attributeNames(findHashedProblem),
    remedy: ATTRIBUTES_REMEDY,
    description:
      'The attributes of users whose values Postgres and the archive replace by a keyed hash. Default: MIRROR_HASH_ATTRIBUTES.',
    examples: [['email']],
  },
  archiveOmitAttributes: {
    schema: attributeNames(findAttributeProblem),
    remedy: ATTRIBUTES_REMEDY,
    description:
      'The attributes of users that only the archive leaves out. Default: ARCHIVE_OMIT_ATTRIBUTES.',
    examples: [['phone_number']],
  },
  archiveHashAttributes: {
    schema: attributeNames(findHashedProblem),
    remedy: ATTRIBUTES_REMEDY,
    description:
      'The attributes of users whose values only the archive replaces by a keyed hash. Default: ARCHIVE_HASH_ATTRIBUTES.',
    examples: [['email']],
  },
  poolSettings: {
    schema: z.boolean({ error: 'must be true or false.' }),
    remedy: 'Give true or false.',
    description:
      'Whether snapshots keep the settings of the pool: clients, identity providers and others. Default: MIRROR_POOL_SETTINGS.',
    examples: [true],
  },
  schedule: {
    schema: text.refine(isCronPattern, 'must be a cron expression that comes due at some time.'),
    remedy: 'Give five fields, or six with seconds first, such as 0 2 * * * for 02:00 every night.',
    description:
      'When workers mirror the pool: a cron expression with five fields, or six with seconds first. Default: MIRROR_SCHEDULE.',
    examples: ['0 3 * * *'],
  },
  timezone: {
    schema: text.refine(isTimezone, 'must be the name of a time zone.'),
    remedy: 'Give a name of the IANA database, such as Europe/Berlin or UTC.',
    description:
      'The time zone of the schedule, as named in the IANA database. Default: MIRROR_TIMEZONE.',
    examples: ['Europe/Berlin'],
  },
  quotaShare: {
    schema: number('over 0 and up to 1', (n, error) => n.gt(0, error).max(1, error)),
    remedy: 'Give a share such as 0.8.',
    description:
      'The share of the quotas for list calls that the mirror may use. Default: MIRROR_QUOTA_SHARE.',
    examples: [0.8],
  },
  userListRps: {
    schema: number('over 0', (n, error) => n.gt(0, error)),
    remedy: "Give the account's quota in requests per second, such as 30.",
    description:
      "The account's UserList quota in requests per second. Default: MIRROR_USER_LIST_RPS.",
    examples: [30],
  },
  writeQuotas: {
    schema: textWithout(findWriteQuotasProblem),
    remedy: WRITE_QUOTAS_REMEDY,
    description:
      "The account's quotas of the calls that restore writes with, in requests per second, where they were raised. Default: MIRROR_WRITE_QUOTAS.",
    examples: ['UserCreation=500,UserUpdate=100'],
  },
  maxRemovedRatio: {
    schema: number('from 0 to 1', (n, error) => n.min(0, error).max(1, error)),
    remedy: 'Give a share such as 0.1.',
    description:
      "The share of the pool's rows that a snapshot may remove without a review. Default: MIRROR_MAX_REMOVED_RATIO.",
    examples: [0.1],
  },
  mfa: {
    schema: z.boolean({ error: 'must be true or false.' }),
    remedy: 'Give true to read MFA states, false not to.',
    description: 'True to read the MFA states of users with AdminGetUser. Default: MIRROR_MFA.',
    examples: [true],
  },
  mfaBudget: {
    schema: wholeNumber(1, 1_000_000),
    remedy: 'Give a number of calls for each snapshot, such as 5000.',
    description:
      'The most AdminGetUser calls for MFA states in each snapshot. Default: MIRROR_MFA_BUDGET.',
    examples: [5000],
  },
  pingUrl: {
    schema: textWithout(findHttpUrlProblem),
    remedy: 'Give a URL such as https://hc-ping.com/your-ping-key/{pool}.',
    description:
      "The URL of the pool's check, a dead man's switch in the protocol of Healthchecks. {pool} stands for the pool's id in lower case. Default: MIRROR_PING_URL.",
    examples: ['https://hc-ping.com/your-ping-key/{pool}'],
  },
  region: {
    schema: text.regex(REGION_PATTERN, 'must be the name of a Region.'),
    remedy: 'Give a name such as us-east-1.',
    description:
      'The Region to read the pool in. Default: the Region in its id. A replica has the id of its primary, so name the Region of the replica here.',
    examples: ['eu-west-1'],
  },
  arn: {
    // Partition, account, path and name by the rules of IAM's ARNs.
    schema: text.regex(
      /^arn:aws(-[a-z]+)*:iam::\d{12}:role\/([!-~]{1,510}\/)?[\w+=,.@-]{1,64}$/,
      'must be the ARN of an IAM role.',
    ),
    remedy: 'Give an ARN such as arn:aws:iam::123456789012:role/cognito-mirror.',
    description: 'The ARN of the role.',
    examples: ['arn:aws:iam::123456789012:role/cognito-mirror'],
  },
  externalId: {
    // Length and characters by the API reference of AssumeRole.
    schema: text.regex(/^[\w+=,.@:/-]{2,1224}$/, 'must be 2 to 1224 letters, digits or _+=,.@:/-.'),
    remedy: "Give the id that the role's trust policy requires, in quotes.",
    description: "The external id that the role's trust policy requires.",
    examples: ['b2a7c1d0'],
  },
} satisfies Record<string, FileSetting>;

/** Names of attributes, without repetitions. */
function attributeNames(findProblem: (name: string) => string | null) {
  const names = z.array(textWithout(findProblem), { error: 'must be a list of names.' });
  return names.refine((list) => new Set(list).size === list.length, 'names an attribute twice.');
}

/** A string in which `findProblem` finds nothing. */
export function textWithout(findProblem: (text: string) => string | null) {
  return text.superRefine((value, context) => {
    const problem = findProblem(value);
    if (problem !== null) context.addIssue(problem);
  });
}

/** A number that has one message for every defect. */
function number(range: string, within: (number: z.ZodNumber, error: string) => z.ZodNumber) {
  const error = `must be a number ${range}.`;
  return within(z.number({ error }), error);
}

function wholeNumber(from: number, to: number) {
  const error = `must be a whole number from ${from} to ${to}.`;
  return z.number({ error }).int(error).min(from, error).max(to, error);
}

/** Five or six fields, as cron-parser knows them, or a name such as `@daily`. */
const CRON_SHAPE = /^(@\w+|\S+(\s+\S+){4,5})$/;

/** cron-parser draws a random value for `H` at every parse, so that the time would change. */
const CRON_RANDOM = /(^|[\s,])H/i;

/** True if the text is a cron expression that comes due at some time. */
function isCronPattern(text: string): boolean {
  if (!CRON_SHAPE.test(text) || CRON_RANDOM.test(text)) return false;
  // Loaded on demand: most commands have no schedule, and loading it delays their start.
  const require = createRequire(import.meta.url);
  const { CronExpressionParser } = require('cron-parser') as typeof import('cron-parser');
  try {
    CronExpressionParser.parse(text, { tz: 'UTC' }).next();
    return true;
  } catch {
    return false;
  }
}

/** True if the text names a zone of the IANA database. */
function isTimezone(text: string): boolean {
  // Newer versions of Node also accept offsets such as +02:00, which cron-parser does not.
  if (!/^[a-z]/i.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** The problem with the URL of an archive, or null. */
function findArchiveUrlProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL.';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return 'the URL must hold only a bucket or folder and its prefix.';
  }
  switch (url.protocol) {
    case 's3:':
      // Lengths and characters of general purpose buckets, old ones included.
      return /^[\w.-]{3,255}$/.test(url.host) ? null : 'the URL must name an S3 bucket.';
    case 'file:':
      return findFolderProblem(url);
    default:
      return 'the URL must start with s3:// or file:///.';
  }
}

function findFolderProblem(url: URL): string | null {
  if (url.host.startsWith('~')) return findPathProblem(url.host);
  try {
    return findPathProblem(fileURLToPath(url));
  } catch {
    return 'the URL must name a folder of this machine.';
  }
}

/** The problem with a path as a person wrote it, or null. */
export function findPathProblem(path: string): string | null {
  if (/\p{Cc}/u.test(path)) return 'the path has a line break or another control character.';
  if (/^\/?~/.test(path)) return 'the path starts with ~, which only a shell expands.';
  return null;
}
