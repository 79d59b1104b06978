import type { GroupChange, SettingChange, UserChange } from '../history/changes.ts';
import type { DiffSummary } from '../history/diff.ts';
import type { Moment } from '../model/history.ts';
import type { Concerns, Listed, SnapshotRecord, StateCounts } from '../model/report-source.ts';
import type { PoolVerification } from '../verify/findings.ts';

/** An answer with its reason, in sentences. */
export interface Judgement {
  readonly answer: 'yes' | 'no' | 'unknown';
  readonly why: string;
}

/** What a report says first about its later snapshot. */
export interface Verdict {
  /** Whether it has the whole pool. */
  readonly complete: Judgement;
  /** Whether its archive is what was sealed. */
  readonly intact: Judgement;
  /** Whether a key vouches for its archive. */
  readonly signed: Judgement;
}

/** A snapshot and its rows. */
export interface ReportedState extends Moment {
  readonly users: number;
  readonly memberships: number;
  readonly counts: StateCounts;
}

/** A group that carries a role in one of the two states. */
export interface RoleGroup {
  readonly groupName: string;
  /** Null where a state lacks the group. */
  readonly before: RoleOfState | null;
  readonly after: RoleOfState | null;
  /** The names of those who came and went. Another person under a name did both. */
  readonly joined: Listed<string>;
  readonly left: Listed<string>;
}

/** A group in one of the two states. */
export interface RoleOfState {
  readonly roleArn: string | null;
  readonly precedence: number | null;
  readonly members: number;
}

/** What `verify` found about the archive of one snapshot; or why it could not look, in sentences. */
export type ArchiveCheck =
  | { readonly verification: PoolVerification; readonly problem: null }
  | { readonly verification: null; readonly problem: string };

/** What a report says about a pool. Lists have at most `limit` entries. */
export interface Report {
  readonly poolId: string;
  readonly name: string | null;
  readonly accountId: string | null;
  /** The program that made it, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  readonly madeAt: Date;
  readonly limit: number;
  /** The first snapshot of the pool's history. */
  readonly first: Moment;
  readonly from: ReportedState;
  readonly to: ReportedState;
  readonly verdict: Verdict;
  /** What changed between the two, as `diff` counts it. */
  readonly summary: DiffSummary;
  /** The first users of each kind of change, by name. */
  readonly users: Readonly<Record<UserChange['kind'], readonly UserChange[]>>;
  /** The first groups that changed, by name. */
  readonly groups: readonly GroupChange[];
  /** The first parts of the pool's settings that changed, by name. */
  readonly settings: readonly SettingChange[];
  /** Those that somebody joined or left come first, each by name. */
  readonly roles: Listed<RoleGroup>;
  /** What deserves a look in the later state. */
  readonly concerns: Concerns;
  /** After how many days an unconfirmed user is listed. */
  readonly unchangedDays: number;
  /** What is recorded of the later snapshot, and what its archive proves. */
  readonly record: SnapshotRecord;
  readonly archive: ArchiveCheck;
}
