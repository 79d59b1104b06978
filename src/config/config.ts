import { readFileSync } from 'node:fs';
import type { ConfigFile } from './file-schema.ts';

/** The file formats of an archive. */
export const ARCHIVE_FORMATS = ['parquet', 'jsonl'] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

/** How much the logger says, in pino's words. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the mirror may use of the quotas of one account and Region. */
export interface Allowance {
  /** Share of the list buckets and the pool reads: over 0, up to 1. */
  readonly share: number;
  /** The account's UserList quota, in requests a second: 30 unless the service says otherwise. */
  readonly userListRps: number;
}

/** When a pool is mirrored: a cron expression, in a zone of the IANA database. */
export interface Schedule {
  readonly pattern: string;
  readonly timezone: string;
}

/** Where the worker answers HTTP. */
export interface HttpSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What everything but health and metrics asks for; null: those alone are served. */
  readonly token: string | null;
}

/** What the program was told, validated; nothing else in it reads the environment. */
export interface Config {
  /** Ids without repetition, or every pool of the account and Region. Empty where none was asked for. */
  readonly pools: readonly string[] | 'all';
  /** Null: the embedded Postgres under `home`. */
  readonly databaseUrl: string | null;
  /** Null: the buckets are this process's own. */
  readonly redisUrl: string | null;
  /** `s3://bucket/prefix` or `file:///folder`. */
  readonly archiveUrl: string;
  readonly archiveFormats: readonly ArchiveFormat[];
  /** Null: the bucket's own encryption. */
  readonly archiveKmsKeyId: string | null;
  /** The folder of the embedded state, as an absolute path. It may not exist yet. */
  readonly home: string;
  /** What may be used of the quotas of an account and Region that the file does not name. */
  readonly allowance: Allowance;
  /** The share of a pool's rows that may vanish before a snapshot is held: 0 to 1. */
  readonly maxRemoved: number;
  /** When a pool is mirrored that the file sets no other time for. */
  readonly schedule: Schedule;
  /** How long closed versions are kept; null: for ever. */
  readonly historyDays: number | null;
  /** HOST and PORT are read for the worker alone; elsewhere these are the defaults. */
  readonly http: HttpSettings;
  readonly logLevel: LogLevel;
  /** What the file says of single pools and accounts; both empty where there is none. */
  readonly file: ConfigFile;
}

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

/** The program's version, and what it is in a sentence. */
export const { version: VERSION, description: DESCRIPTION } = manifest;

/** The program and its version, as manifests name them. */
export const PROGRAM = `cognito-mirror/${VERSION}`;
