import type { Settings } from './pool-settings.ts';

/** What the history of a pool consists of, whatever it is read from. */

/** A snapshot, as far as its place in the history needs it. */
export interface Moment {
  /** Its id. */
  readonly snapshot: string;
  readonly snapshotAt: Date;
}

/** What a snapshot that is not published has read. */
export interface StagedState {
  /** The number in the names of its tables. */
  readonly stage: number;
  /** The published snapshot that it is compared with; null for a pool's first. */
  readonly comparedWith: Date | null;
  /** Why it is held, or why `sync` would hold the live pool; null if it would not. */
  readonly reason: string | null;
  /** When the live pool was read; null for a held snapshot. */
  readonly read: { readonly beganAt: Date; readonly endedAt: Date } | null;
}

/** A published snapshot, a held one, or the live pool. */
export interface Point extends Moment {
  /** What was read of a held snapshot or of the live pool; null if the snapshot is published. */
  readonly staged: StagedState | null;
}

/** Two states of a pool. */
export interface Span {
  /** The earlier one; null for the empty state before the first snapshot. */
  readonly from: Moment | null;
  /** The later one. A staged one stands for the state that its publication would give. */
  readonly to: Point;
  /** The pool of `to` if that is another one: then any of the two may be the earlier. */
  readonly toPool?: string;
}

/** The content of a user or a group, by the names of its columns, without the key. */
export type Version = Readonly<Record<string, unknown>>;

/** A user of one state, with everything that a snapshot has of it. */
export interface UserState {
  readonly username: string;
  readonly content: Version;
  /** Sorted. */
  readonly groupNames: readonly string[];
}

/** A user whose row or memberships may differ between two states. */
export interface UserDifference {
  readonly username: string;
  /**
   * Null if the state has no such user, or if the row is the same in both states. Attributes that are the
   * same in both may be missing.
   */
  readonly before: Version | null;
  readonly after: Version | null;
  /** The `sub` in a membership that differs; null if none does. */
  readonly memberSub: string | null;
  /** The names of groups, sorted. */
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/** A group that may differ between two states. */
export interface GroupDifference {
  readonly groupName: string;
  readonly before: Version | null;
  readonly after: Version | null;
}

/** A part of a pool's settings that may differ between two states. */
export interface SettingDifference {
  readonly part: string;
  readonly before: Settings | null;
  readonly after: Settings | null;
}

/**
 * The parts of a pool's settings that differ between two states, by name. `one`: only one of the states
 * keeps settings, so it is unknown what changed; `none`: neither does.
 */
export type SettingDifferences = readonly SettingDifference[] | 'one' | 'none';

/** One person under one name. The same name with another `sub` is another person. */
export interface Profile {
  readonly username: string;
  readonly sub: string | null;
}

/** When something was so: from one snapshot (inclusive) to another (exclusive), or until now. */
export interface Period {
  readonly validFrom: Date;
  /** Null if the last published snapshot has it. */
  readonly validTo: Date | null;
}

/** One version of a profile. */
export interface ProfileVersion extends Period {
  readonly content: Version;
}

/** One membership of a profile. */
export interface MembershipPeriod extends Period {
  readonly groupName: string;
}

/** Another profile of the same person. */
export interface LinkedProfile extends Profile, Period {}

/** Everything about one profile. */
export interface ProfileHistory extends Profile {
  /** The oldest first. */
  readonly versions: readonly ProfileVersion[];
  /** By group, the oldest first. */
  readonly memberships: readonly MembershipPeriod[];
  /**
   * Other profiles of the same person, by name: those that the identities of any version name, and
   * those of today that are linked to one of these identities or to this profile.
   */
  readonly linked: readonly LinkedProfile[];
}

/** A group that a user is in. */
export interface GroupOfUser {
  readonly groupName: string;
  /** The ARN of the group's IAM role. */
  readonly roleArn: string | null;
  readonly precedence: number | null;
}

/** A group at a moment. */
export interface GroupThen extends GroupOfUser {
  readonly description: string | null;
}

/** A user at a moment. */
export interface UserThen extends Profile {
  readonly email: string | null;
  readonly name: string | null;
  readonly status: string | null;
  readonly enabled: boolean | null;
}

/** A member of a group at a moment. Of a member without a user row, what is unknown is null. */
export interface MemberThen extends UserThen {
  /** The first snapshot with the membership. */
  readonly memberSince: Date;
  /** The names of all groups of the member, sorted. */
  readonly groupNames: readonly string[];
}

/** A group that a user was in, and since when. */
export interface MembershipThen extends GroupOfUser {
  /** The first snapshot with the membership. */
  readonly memberSince: Date;
}

/** A user at a moment, with all groups by name. */
export interface UserWithGroups extends UserThen {
  readonly groups: readonly MembershipThen[];
}

/** A membership at a moment, with what a reviewer needs to know of its user. */
export interface ReviewedMembership {
  readonly groupName: string;
  readonly username: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly status: string | null;
  readonly enabled: boolean | null;
  /** The first snapshot with the membership. */
  readonly memberSince: Date;
}

/** The newest snapshot of a pool's archive, and the SHA-256 of its manifest in hex. */
export interface KnownHead {
  readonly snapshot: string;
  readonly sha256: string;
}

/** A membership as a file names it: its names may lack or have leading apostrophes. */
export interface NamedMembership {
  readonly groupName: string;
  readonly username: string;
  readonly memberSince: Date;
}

/** A version of a named membership, with its own names. */
export interface MembershipVersion extends Pick<NamedMembership, 'groupName' | 'username'> {
  /** The index of the membership that it matches. */
  readonly index: number;
  /** The first snapshot without it; null if the newest has it. */
  readonly validTo: Date | null;
  /** The first snapshot in which the same person is in the group again, until now; else null. */
  readonly backSince: Date | null;
}
