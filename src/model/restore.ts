/**
 * What a restore writes, in its order: users need nothing, memberships need groups and users, and links
 * of identities need users.
 */
export const RESTORE_ENTITIES = ['group', 'user', 'membership', 'link'] as const;
/** One of `RESTORE_ENTITIES`. */
export type RestoreEntity = (typeof RESTORE_ENTITIES)[number];

/**
 * How a restored user gets a password. `random`: a permanent one that is kept nowhere, so that "forgot
 * password" works at once. `temporary`: a random temporary one; the user stays in FORCE_CHANGE_PASSWORD.
 */
export const RESTORE_PASSWORDS = ['random', 'temporary'] as const;
/** One of `RESTORE_PASSWORDS`. */
export type RestorePassword = (typeof RESTORE_PASSWORDS)[number];

/**
 * One thing to write to the target. Names of users and groups have their stored form (`encodeName`).
 * All other text is as the service has it.
 */
export type RestoreTask = GroupTask | UserTask | MembershipTask | LinkTask;

export type GroupTask = CreateGroupTask | UpdateGroupTask;

/** CreateGroup. */
export interface CreateGroupTask extends GroupFields {
  readonly entity: 'group';
  readonly action: 'create';
  readonly groupName: string;
}

/** UpdateGroup with the fields that differ. The service cannot clear one. */
export interface UpdateGroupTask extends GroupFields {
  readonly entity: 'group';
  readonly action: 'update';
  readonly groupName: string;
}

/** The fields of a group to send; null: not sent. */
export interface GroupFields {
  readonly description: string | null;
  readonly roleArn: string | null;
  readonly precedence: number | null;
}

export type UserTask = CreateUserTask | UpdateUserTask;

/** A user that the target lacks: created, given a password, disabled if need be. */
export interface CreateUserTask {
  readonly entity: 'user';
  readonly action: 'create';
  /** The names of the source. */
  readonly username: string;
  readonly sub: string | null;
  /** The Username to send: the username, or the address in a pool that signs in by addresses. */
  readonly signInName: string;
  /** Those that the target's schema accepts, with `custom:previous_sub` if it has that. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly mfa: RestoreMfa | null;
}

/** A user of both. Only what differs is written. */
export interface UpdateUserTask {
  readonly entity: 'user';
  readonly action: 'update';
  /** The names of the source. */
  readonly username: string;
  readonly sub: string | null;
  readonly target: TargetName;
  /** The attributes to set; an empty value removes one. Empty: nothing differs. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Null: as it should be. */
  readonly enabled: boolean | null;
  /** True: the user must get a password, because it waits for one and the source's did not. */
  readonly password: boolean;
  /** Set only for a user whose creation an earlier run left unfinished. */
  readonly mfa: RestoreMfa | null;
}

/** A user of the target: its username, in the stored form, and its `sub`. */
export interface TargetName {
  readonly username: string;
  readonly sub: string | null;
}

/** The second factors that a call can set. */
export type RestorableMfa = 'SMS_MFA' | 'EMAIL_OTP';

/** The second factors of a user. */
export interface RestoreMfa {
  readonly settings: readonly RestorableMfa[];
  readonly preferred: RestorableMfa | null;
}

/** AdminAddUserToGroup. */
export interface MembershipTask {
  readonly entity: 'membership';
  readonly action: 'create';
  readonly groupName: string;
  /** The username of the source. */
  readonly username: string;
  /** The username of the target; null if this restore creates the user. */
  readonly target: string | null;
}

/** AdminLinkProviderForUser. */
export interface LinkTask {
  readonly entity: 'link';
  readonly action: 'create';
  /** The username of the source. */
  readonly username: string;
  /** The username of the target; null if this restore creates the user. */
  readonly target: string | null;
  readonly providerName: string;
  /** The user's id at the provider. */
  readonly userId: string;
}

/** Why something of the snapshot does not come back, or comes back changed. */
export const LOSS_REASONS = [
  /** The service gives every new user another `sub`. */
  'sub',
  /** Creation and modification dates are those of the restore. */
  'dates',
  /** No API gives or takes a password or its hash. */
  'password',
  /** The second factor is a secret that no API gives: TOTP, passkeys, devices. */
  'totp',
  /** The pool's MFA is off, so the user's preference cannot be set. */
  'mfa-off',
  /** The user comes back with another status than the source's. */
  'status',
  /** A sign-up that was never confirmed: the person signs up again. */
  'unconfirmed',
  /** The profile of an identity provider: it comes back when the person signs in. */
  'federated-profile',
  /** The target signs in by addresses that the user does not have, or that privacy rules hide. */
  'no-address',
  /** The service's import job takes only users with a verified address. */
  'no-verified-address',
  /** Another user of the target, or of the snapshot, has the sign-in name or alias. */
  'alias-conflict',
  /** The target's schema lacks the attribute. */
  'attribute-missing',
  /** The target's user has another value, which cannot be changed. */
  'attribute-immutable',
  /** The value breaks a rule of the target's schema. */
  'attribute-invalid',
  /** The target requires an attribute that the user lacks. The user is not created. */
  'attribute-required',
  /** The privacy rules of the mirror left the attribute out of the snapshot, or hashed it. */
  'attribute-hidden',
  /** The service would send a message to verify the changed address. */
  'attribute-unverified',
  /** In its own pool, the name belongs to another person now. */
  'replaced',
  /** A group of the target has a field that the source's lacks. No call clears it. */
  'group-field',
  /** The service makes this group itself, for an identity provider. */
  'provider-group',
  /** The user of a membership or link does not come back. */
  'no-user',
  /** The group of a membership is not in the target and is not created. */
  'no-group',
] as const;
/** One of `LOSS_REASONS`. */
export type LossReason = (typeof LOSS_REASONS)[number];

/** Something that does not come back. */
export interface Loss {
  readonly reason: LossReason;
  readonly entity: RestoreEntity;
  /** True: the entity is not written at all. False: it is, without this. */
  readonly whole: boolean;
  /** The username or the name of the group, in the stored form; of a membership or link, the username. */
  readonly name: string;
  /** The attribute, the field or the group; null if the reason says all. */
  readonly detail: string | null;
}

/** A user of both pools, whose `sub` differs. The username is that of the source, in the stored form. */
export interface MatchedUser {
  readonly username: string;
  readonly sub: string | null;
  readonly targetSub: string | null;
}

/** The rules of a pool that a restore must respect, from DescribeUserPool. */
export interface TargetPool {
  readonly poolId: string;
  readonly accountId: string;
  readonly region: string;
  readonly name: string | null;
  /** The service's estimate, of undocumented freshness. */
  readonly estimatedUsers: number;
  /** By name, with their prefixes. */
  readonly schema: ReadonlyMap<string, TargetAttribute>;
  /** Addresses that are the username: `email`, `phone_number` or both. Empty: users have names. */
  readonly usernameAttributes: readonly string[];
  /** Attributes that work as sign-in names beside the username. */
  readonly aliasAttributes: readonly string[];
  /** Addresses whose change makes the service send a message. */
  readonly autoVerifiedAttributes: readonly string[];
  /** False: names and aliases compare without regard to case. */
  readonly caseSensitive: boolean;
  readonly passwordPolicy: PasswordPolicy;
  /** The names of the triggers that have a Lambda function, sorted. */
  readonly triggers: readonly string[];
  /** `LITE`, `ESSENTIALS`, `PLUS`; null if the server does not say. */
  readonly tier: string | null;
  /** `OFF`, `OPTIONAL`, `ON`; null if the server does not say. */
  readonly mfaConfiguration: string | null;
  /** True if the pool cannot be deleted before this is turned off; null if the server does not say. */
  readonly deletionProtection: boolean | null;
}

/** One attribute of a pool's schema. */
export interface TargetAttribute {
  readonly type: 'String' | 'Number' | 'Boolean' | 'DateTime';
  readonly required: boolean;
  readonly mutable: boolean;
  /** The smallest and largest length of a String, or value of a Number; null: no limit. */
  readonly min: number | null;
  readonly max: number | null;
}

/** What the service demands of a password. */
export interface PasswordPolicy {
  readonly minimumLength: number;
  readonly requireUppercase: boolean;
  readonly requireLowercase: boolean;
  readonly requireNumbers: boolean;
  readonly requireSymbols: boolean;
  /** Days until a temporary password expires. */
  readonly temporaryPasswordValidityDays: number;
}

/** Why one write failed, while others may succeed. */
export const RESTORE_FAILURES = [
  /** Another user has the username. */
  'user-exists',
  /** Another user has the address or preferred username as its alias. */
  'alias-conflict',
  /** A group with the name exists and differs. */
  'group-exists',
  /** The pool's password policy refuses the random password. */
  'invalid-password',
  /** The service refuses a value, such as an attribute or the ARN of a role. */
  'invalid-parameter',
  /** A trigger of the pool refused the user. */
  'trigger-refused',
  /** A trigger of the pool failed. */
  'trigger-failed',
  /** The user is in a state in which the service refuses the call. */
  'user-state',
  /** A limit is reached, such as that of linked identities or groups. */
  'limit',
  /** The pool's tier or settings lack a feature, such as MFA by e-mail. */
  'feature-missing',
  /** The service could not send a message that it wanted to send. */
  'message-refused',
  /** The user was deleted meanwhile. */
  'user-missing',
  /** The group was deleted meanwhile. */
  'group-missing',
  /** The target lacks the identity provider. */
  'provider-missing',
  /** The service failed at this again and again. */
  'service-failed',
  /** The user or group that this belongs to could not be restored. */
  'not-restored',
] as const;
/** One of `RESTORE_FAILURES`. */
export type RestoreFailure = (typeof RESTORE_FAILURES)[number];
