import type { ActionRequiredError } from './errors.ts';
import type {
  GroupDifference,
  GroupThen,
  KnownHead,
  MembershipVersion,
  MemberThen,
  Moment,
  NamedMembership,
  Point,
  Profile,
  ProfileHistory,
  ReviewedMembership,
  SettingDifferences,
  Span,
  UserDifference,
  UserState,
  UserWithGroups,
} from './history.ts';
import type { PrivacyRecord } from './privacy.ts';

/**
 * What a question about the history of one pool is answered from: the database, or an archive. All
 * answers of one source are about one state of it. Streams give batches, so that memory does not grow
 * with the result. Names are ordered by code point.
 */
export interface HistorySource {
  readonly poolId: string;

  /** The newest published snapshots, at most `limit`, the newest first. */
  listNewest(limit: number): Promise<Moment[]>;
  /**
   * The snapshot whose state was current at a time. The pool has one.
   *
   * @throws ActionRequiredError if that state is unknown
   */
  findCurrentAt(at: Date): Promise<Moment>;
  /**
   * The snapshot with this time.
   *
   * @param subject the argument that names it, for messages
   * @throws ActionRequiredError if there is none, or its state is unknown
   */
  findSnapshot(subject: string, snapshotAt: Date): Promise<Point>;
  /**
   * The held snapshot of the pool.
   *
   * @throws ActionRequiredError if there is none, or it cannot be released
   */
  findHeld(subject: string): Promise<Point>;
  /**
   * The live pool, which was read for this answer.
   *
   * @throws ActionRequiredError if the source has no live pool
   * @throws ResumableError if a snapshot was published while it was read
   */
  findLive(subject: string): Promise<Point>;
  /**
   * The same for another pool.
   *
   * @param subject the argument that names it, for messages
   * @throws ActionRequiredError if the source has one pool alone
   */
  ofPool(subject: string, poolId: string): HistorySource;
  /** Why the pool has no snapshot to ask about. */
  explainEmpty(): Promise<ActionRequiredError>;

  /** The names that the pool does not have as attributes, and that no user ever had. */
  findUnknownAttributes(names: readonly string[]): Promise<string[]>;
  /** True if one of the two states has the group. */
  hasGroup(span: Span, groupName: string): Promise<boolean>;
  /** The groups that may differ between two states, by name; or only the one that is named. */
  streamGroupDifferences(span: Span, groupName: string | null): AsyncIterable<GroupDifference[]>;
  /**
   * The users that may differ between two states, by name.
   *
   * @param groupName only members of this group in one of the two states
   */
  streamUserDifferences(span: Span, groupName: string | null): AsyncIterable<UserDifference[]>;
  /** The parts of the pool's settings that differ between two states, if both keep settings. */
  listSettingDifferences(span: Span): Promise<SettingDifferences>;

  /**
   * The profiles with this username, `sub` or e-mail address in any version, at most `limit`, by name
   * and `sub`. E-mail addresses compare without regard to case.
   *
   * @param hashed the hash that stands for `user` where e-mail addresses are hashed; null without a key
   */
  findProfiles(user: string, hashed: string | null, limit: number): Promise<Profile[]>;
  /** What the privacy rules hid in the snapshots, each once. */
  listHidden(): Promise<PrivacyRecord[]>;
  /** Everything about each of some profiles, in their order. */
  listHistories(profiles: readonly Profile[]): Promise<ProfileHistory[]>;

  /** The groups as of a snapshot, by name. */
  listGroups(at: Moment): Promise<GroupThen[]>;
  /** The members of a group as of a snapshot, by name. */
  streamMembers(groupName: string, at: Moment): AsyncIterable<MemberThen[]>;
  /** Those of some profiles that a snapshot has, in their order. */
  listUsers(profiles: readonly Profile[], at: Moment): Promise<UserWithGroups[]>;
  /**
   * The users of a snapshot that have one of these texts as username, `sub` or e-mail address, by name.
   * E-mail addresses compare without regard to case.
   */
  findUserStates(users: readonly string[], at: Moment): Promise<UserState[]>;
  /** The memberships of groups as of a snapshot, by the names of groups and users. */
  streamMemberships(groupNames: readonly string[], at: Moment): AsyncIterable<ReviewedMembership[]>;

  /** The versions that match each membership: one, unless names differ in apostrophes alone. */
  findMembershipVersions(memberships: readonly NamedMembership[]): Promise<MembershipVersion[]>;
  /** The head of the pool's archive; null if none is known. */
  findHead(): Promise<KnownHead | null>;
}
