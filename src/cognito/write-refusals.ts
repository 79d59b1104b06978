import type { RestoreFailure } from '../model/restore.ts';
import type { WriteOperation } from '../quota/quotas.ts';

/** What an error says about one write, and what a person can do. */
export interface WriteRefusal {
  readonly failure: RestoreFailure;
  /** Without a final point, as the fault follows. */
  readonly problem: string;
  readonly remedy: string;
}

const RUN_AGAIN = 'Then run it again: only what is missing is written.';

const INVALID: WriteRefusal = {
  failure: 'invalid-parameter',
  problem: 'the service refuses a value',
  remedy:
    "Compare the entity in the snapshot with the target's schema, providers and settings. " +
    `Correct the target. ${RUN_AGAIN}`,
};

const TRIGGER_FAILED: WriteRefusal = {
  failure: 'trigger-failed',
  problem: 'a Lambda trigger of the pool failed',
  remedy: `Look at the log of the function, or detach the trigger for the restore. ${RUN_AGAIN}`,
};

const NO_MESSAGE: WriteRefusal = {
  failure: 'message-refused',
  problem: 'the service tried to send a message, and the pool may not send it',
  remedy: `Check the pool's role for SMS and its sender of e-mail. ${RUN_AGAIN}`,
};

const FEATURE_MISSING: WriteRefusal = {
  failure: 'feature-missing',
  problem: "the pool's tier or settings lack this feature",
  remedy: `Turn it on in the target, or choose another tier. ${RUN_AGAIN}`,
};

/** By name without `Exception` (API reference of the calls that write). */
const REFUSALS: ReadonlyMap<string, WriteRefusal> = new Map(
  Object.entries({
    UsernameExists: {
      failure: 'user-exists',
      problem: 'a user with this sign-in name exists',
      remedy: 'Run it again: the user is compared, and only what differs is written.',
    },
    AliasExists: {
      failure: 'alias-conflict',
      problem: 'another user of the target has the e-mail address, phone number or name',
      remedy:
        'Find that user by the address. Change or remove one of the two; a restore never moves ' +
        `an alias. ${RUN_AGAIN}`,
    },
    GroupExists: {
      failure: 'group-exists',
      problem: 'a group with this name exists',
      remedy: 'Run it again: the group is compared, and only what differs is written.',
    },
    InvalidPassword: {
      failure: 'invalid-password',
      problem: 'the password policy of the pool refuses the random password',
      remedy: `Look for a trigger or a policy that changed meanwhile. ${RUN_AGAIN}`,
    },
    PasswordHistoryPolicyViolation: {
      failure: 'invalid-password',
      problem: 'the password history of the user refuses the random password',
      remedy: RUN_AGAIN,
    },
    InvalidParameter: INVALID,
    InvalidParameterValue: INVALID,
    Validation: INVALID,
    UserLambdaValidation: {
      failure: 'trigger-refused',
      problem: 'a Lambda trigger of the pool refused the user',
      remedy:
        'Change the function so that it accepts the user, or detach the trigger for the restore. ' +
        RUN_AGAIN,
    },
    UnexpectedLambda: TRIGGER_FAILED,
    InvalidLambdaResponse: TRIGGER_FAILED,
    UnsupportedUserState: {
      failure: 'user-state',
      problem: 'the state of the user does not allow the call',
      remedy: `Look at the status of the user in the target. ${RUN_AGAIN}`,
    },
    PreconditionNotMet: {
      failure: 'user-state',
      problem: 'the service says that a precondition does not hold',
      remedy: `Look at the status of the user and the settings of the target. ${RUN_AGAIN}`,
    },
    LimitExceeded: {
      failure: 'limit',
      problem: 'a limit of the service is reached',
      remedy:
        'A user has at most 5 linked identities and 100 groups, a pool at most 10,000 groups. ' +
        `Remove some in the target. ${RUN_AGAIN}`,
    },
    UserNotFound: {
      failure: 'user-missing',
      problem: 'the user does not exist: it was deleted meanwhile',
      remedy: 'Run it again: the user is created again.',
    },
    FeatureUnavailableInTier: FEATURE_MISSING,
    UserPoolAddOnNotEnabled: FEATURE_MISSING,
    CodeDeliveryFailure: NO_MESSAGE,
    InvalidEmailRoleAccessPolicy: NO_MESSAGE,
    InvalidSmsRoleAccessPolicy: NO_MESSAGE,
    InvalidSmsRoleTrustRelationship: NO_MESSAGE,
  } satisfies Record<string, WriteRefusal>),
);

const GROUP_MISSING: WriteRefusal = {
  failure: 'group-missing',
  problem: 'the group, or the pool, does not exist: it was deleted meanwhile',
  remedy: 'Run it again: the group is created again.',
};

/** ResourceNotFound is about the pool, but for these calls: it is then about what they name. */
const MISSING: Readonly<Partial<Record<WriteOperation, WriteRefusal>>> = {
  UpdateGroup: GROUP_MISSING,
  AdminAddUserToGroup: GROUP_MISSING,
  AdminLinkProviderForUser: {
    failure: 'provider-missing',
    problem: 'the target lacks the identity provider',
    remedy: `Create the provider in the target, under the same name. ${RUN_AGAIN}`,
  },
};

/**
 * What an error of a call that writes says about this one write; null if it concerns every write.
 *
 * @param name of the error, without `Exception`
 */
export function findWriteRefusal(name: string, operation: WriteOperation): WriteRefusal | null {
  return REFUSALS.get(name) ?? (name === 'ResourceNotFound' ? (MISSING[operation] ?? null) : null);
}
