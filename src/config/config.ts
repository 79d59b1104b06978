import { readFileSync } from 'node:fs';
import type { LockMode } from '../model/object-lock.ts';
import type { Encryption, StorageClass } from '../model/object-storage.ts';
import type { ConfigFile } from './file-schema.ts';
import type { KeepRule } from './keep-rule.ts';
import type { NotificationConfig, WebhookFormat } from './notification-rules.ts';
import type { WriteQuotas } from './write-quotas.ts';

/** The file formats of an archive. */
export const ARCHIVE_FORMATS = ['parquet', 'jsonl', 'csv'] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];
/** Those that are written by default. */
export const DEFAULT_FORMATS: readonly ArchiveFormat[] = ['parquet', 'jsonl'];

/** The levels of pino, the logger. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** A level of the logger. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How much of the quotas of one account and Region the mirror may use. */
export interface Allowance {
  /** The share of the list quotas and of the quota for pool reads: over 0, up to 1. */
  readonly share: number;
  /** The account's UserList quota in requests per second; the service's default is 30. */
  readonly userListRps: number;
  /** The account's quotas of calls that write, where they are not the service's defaults. */
  readonly writeQuotas?: WriteQuotas;
}

/** When a pool is mirrored: a cron expression in a zone of the IANA database. */
export interface Schedule {
  readonly pattern: string;
  readonly timezone: string;
}

/** Where webhooks go, and in which form. */
export interface WebhookSettings {
  /** A secret: it may hold a token. */
  readonly url: string;
  /** `whsec_` and base64. Null: no signature. */
  readonly secret: string | null;
  readonly format: WebhookFormat;
  /** True if the receiver may have a private address. */
  readonly allowPrivate: boolean;
}

/** The HTTP server of a worker, or of the command `dashboard`. */
export interface HttpSettings {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Who signs in to the dashboard with it sees people and may act. Null: the dashboard is read-only. */
  readonly token: string | null;
  /** Who signs in with it sees counts and runs only. A worker without tokens serves no dashboard. */
  readonly viewToken?: string | null;
}

/** The validated configuration. Nothing else reads the environment or the file. */
export interface Config extends NotificationConfig {
  /** Unique pool ids, or every pool of the account and Region. Empty if no pool is named. */
  readonly pools: readonly string[] | 'all';
  /** What names the pools, for messages: an argument, a variable or an option. */
  readonly poolsFrom: string;
  /** Null: the embedded Postgres under `home`. */
  readonly databaseUrl: string | null;
  /** Null: this process keeps the quotas on its own. */
  readonly redisUrl: string | null;
  /** `s3://bucket/prefix` or `file:///folder`. */
  readonly archiveUrl: string;
  readonly archiveFormats: readonly ArchiveFormat[];
  /** The storage class of parts in S3. Null: the bucket's default. */
  readonly archiveStorageClass: StorageClass | null;
  /** How S3 encrypts objects. Null: with the key below, or by the default of the bucket. */
  readonly archiveSse: Encryption | null;
  /** Null: the key that KMS has for S3, or the default encryption of the bucket. */
  readonly archiveKmsKeyId: string | null;
  /** How objects are locked, with the days below. `none`: they are not. Null: not set. */
  readonly archiveLockMode: LockMode | 'none' | null;
  readonly archiveLockDays: number | null;
  /** Null: as long as the parts. */
  readonly archiveManifestLockDays: number | null;
  /** The key that signs manifests: the path of a file, or `kms:` and an ARN. Null: none. */
  readonly archiveSigningKey: string | null;
  /** The path of a file of OpenSSH's allowed signers: the keys that may sign. Null: none. */
  readonly archiveSigners: string | null;
  /** Which snapshots stay in the archive. Null: all of them. */
  readonly archiveKeep: KeepRule | null;
  /** The attributes that Postgres leaves out, and so the archive. */
  readonly omitAttributes: readonly string[];
  /** The attributes that Postgres replaces by a keyed hash, and so the archive. */
  readonly hashAttributes: readonly string[];
  /** The attributes that only the archive leaves out. */
  readonly archiveOmitAttributes: readonly string[];
  /** The attributes that only the archive replaces by a keyed hash. */
  readonly archiveHashAttributes: readonly string[];
  /** True if snapshots keep the settings of pools, with hashes for their secrets. */
  readonly poolSettings: boolean;
  /** The secret key of these hashes. Null: nothing is hashed. */
  readonly hashKey: string | null;
  /** The absolute path of the folder for embedded state. The folder may not exist yet. */
  readonly home: string;
  /** The quotas of accounts and Regions that the file does not name. */
  readonly allowance: Allowance;
  /** The share of a pool's rows that a snapshot may remove without a review, 0 to 1. */
  readonly maxRemovedRatio: number;
  /** True to read the MFA states of users with AdminGetUser. */
  readonly mfa: boolean;
  /** The most calls for them in each snapshot of a pool. */
  readonly mfaBudget: number;
  /** The schedule of pools without one in the file. */
  readonly schedule: Schedule;
  /** Workers verify one of so many parts of each archive every day. Null: none. */
  readonly verifySubsets: number | null;
  /** How long closed versions are kept. Null: without limit. */
  readonly historyDays: number | null;
  /** HOST and PORT count for the worker only; other commands get the defaults. */
  readonly http: HttpSettings;
  readonly logLevel: LogLevel;
  /** The settings of single pools and accounts; empty without a file. */
  readonly file: ConfigFile;
}

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

/** The program's version and its description in one sentence. */
export const { version: VERSION, description: DESCRIPTION } = manifest;

/** The program and its version, as recorded in manifests. */
export const PROGRAM = `cognito-mirror/${VERSION}`;
