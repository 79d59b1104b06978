/** The file formats of an archive. */
export const ARCHIVE_FORMATS = ['parquet', 'jsonl'] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

/** How much the logger says, in pino's words. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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
  /** The share of the list buckets that the mirror may use: over 0, up to 1. */
  readonly quotaShare: number;
  /** The account's UserList quota in requests a second. */
  readonly userListRps: number;
  /** The share of a pool's rows that may vanish before a snapshot is held: 0 to 1. */
  readonly maxRemoved: number;
  /** How long closed versions are kept; null: for ever. */
  readonly historyDays: number | null;
  readonly logLevel: LogLevel;
}
