import type { Moment } from './history.ts';
import type { HistorySource } from './history-source.ts';
import type { Counts, Dataset, WalkKind } from './snapshot.ts';

/** Some of what was found, and how many there are in all. */
export interface Listed<T> {
  readonly total: number;
  /** The first of them. */
  readonly shown: readonly T[];
}

/** The walks of one kind that ended on an absent token. */
export interface WalkEvidence {
  readonly kind: WalkKind;
  readonly walks: number;
  readonly pages: number;
  readonly items: number;
  /** How often one of them began again from its first page. */
  readonly restarts: number;
}

/** The rows of one dataset that a snapshot removes. */
export interface RemovalEvidence {
  readonly dataset: Dataset;
  /** Rows of the snapshot before. */
  readonly rows: number;
  readonly removed: number;
}

/** What the check of a snapshot decided, and on what grounds. */
export interface CheckRecord {
  /** The service's estimate of users. */
  readonly estimatedUsers: number;
  /** True if all users were read in one chain of pages. */
  readonly singleChain: boolean;
  readonly walks: readonly WalkEvidence[];
  /** Users of the last snapshot that no walk returned. */
  readonly missingUsers: number;
  /** How many of them were looked up by name. */
  readonly askedUsers: number;
  /** How many of those exist, or could not be looked up. */
  readonly keptUsers: number;
  readonly removals: readonly RemovalEvidence[];
  /** The share of rows, 0 to 1, that the removal guard allowed. */
  readonly maxRemovedRatio: number;
  /** Why the snapshot is held; null if the check passed. */
  readonly objection: string | null;
}

/** What is recorded of a published snapshot. */
export interface SnapshotRecord extends Moment {
  /** When its last walk ended. */
  readonly walkedAt: Date;
  readonly publishedAt: Date;
  /** Its rows when it was published. */
  readonly counts: Counts;
  /** Its sealed manifest: the key, relative to the archive, and the SHA-256 in hex. Null if it has none. */
  readonly manifest: { readonly key: string; readonly sha256: string } | null;
  /** Why it has no archive, if that is known. */
  readonly reason: string | null;
  /** The work of reading it; null if that is not recorded. */
  readonly work: {
    readonly apiCalls: number;
    readonly throttled: number;
    readonly retries: number;
    /** Rows that something else had changed, and that the snapshot repaired. */
    readonly repaired: number;
  } | null;
  /** Null if it is not recorded, as for snapshots of an earlier version. */
  readonly check: CheckRecord | null;
}

/** The pool, as the source knows it. */
export interface PoolRecord {
  readonly name: string | null;
  readonly accountId: string | null;
  /** The first snapshot of the history. */
  readonly first: Moment;
}

/** How many users have a status, and may sign in or not. */
export interface StatusCount {
  readonly status: string | null;
  readonly enabled: boolean | null;
  readonly users: number;
  /** Those of them whose MFA state is known. */
  readonly mfaKnown: number;
  /** Those of them that are known to have no second factor. */
  readonly withoutMfa: number;
}

/** The rows as of a snapshot. */
export interface StateCounts {
  readonly statuses: readonly StatusCount[];
  readonly groups: number;
  /** The number of members of each group that has any. */
  readonly members: ReadonlyMap<string, number>;
}

/** A user in a list of a report. */
export interface ListedUser {
  readonly username: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly status: string | null;
}

/** What deserves a look in the state of a pool. Users are ordered by name unless it says otherwise. */
export interface Concerns {
  /** UNCONFIRMED, and unchanged since before a time; the longest first. */
  readonly unconfirmed: Listed<ListedUser & { readonly unchangedSince: Date }>;
  /** Disabled, and in groups that carry a role. */
  readonly disabledPrivileged: Listed<ListedUser & { readonly groupNames: readonly string[] }>;
  /** Users without an effective role, because groups of one precedence carry different roles. */
  readonly ties: Listed<
    ListedUser & {
      readonly groups: readonly { readonly groupName: string; readonly roleArn: string }[];
    }
  >;
  /** Verified e-mail addresses, in lower case, that several users have; by address. */
  readonly duplicateEmails: Listed<{
    readonly email: string;
    readonly usernames: Listed<string>;
  }>;
  readonly ungrouped: Listed<ListedUser>;
}

/** What to look for. */
export interface ConcernsQuestion {
  /** Unconfirmed users count if they did not change since. */
  readonly unchangedSince: Date;
  /** The most entries of each list. */
  readonly limit: number;
}

/** What a report asks of its source, besides questions about the history. */
export interface ReportSource {
  describePool(): Promise<PoolRecord>;
  describeSnapshot(at: Moment): Promise<SnapshotRecord>;
  countState(at: Moment): Promise<StateCounts>;
  findConcerns(at: Moment, question: ConcernsQuestion): Promise<Concerns>;
}

/** What questions about a pool and reports are answered from. */
export interface PoolSource extends HistorySource, ReportSource {}
