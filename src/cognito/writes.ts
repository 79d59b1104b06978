import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminLinkProviderForUserCommand,
  AdminSetUserMFAPreferenceCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  type AttributeType,
  CreateGroupCommand,
  UpdateGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { User } from '../model/directory.ts';
import type { GroupFields, RestorableMfa, RestoreMfa } from '../model/restore.ts';
import { decodeName } from '../model/storable.ts';
import type { Operation } from '../quota/quotas.ts';
import type { Caller } from './call.ts';
import { normaliseUser } from './normalise.ts';
import type { Sdk } from './sdk.ts';

/**
 * The calls that write to one pool. Each takes its permit and is tried again like a call that reads.
 * Names have their stored form (`encodeName`).
 *
 * A write whose answer was lost may have been done, and its repetition is then refused: `user-exists`,
 * `group-exists`, or `invalid-parameter` for a link. The caller looks at what is there.
 *
 * @throws WriteRefusedError if the service refuses this write and may accept others. Other errors
 *   concern every write.
 */
export interface CognitoWrites {
  createGroup(groupName: string, fields: GroupFields, signal: AbortSignal): Promise<void>;
  /** Sets the fields that are not null. */
  updateGroup(groupName: string, fields: GroupFields, signal: AbortSignal): Promise<void>;
  /**
   * Creates a user with a temporary password that the service draws. No message is sent.
   *
   * @param signInName the username, or the address of a user in a pool that signs in by addresses
   */
  createUser(
    signInName: string,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<User>;
  setPassword(
    username: string,
    password: { readonly text: string; readonly permanent: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /** An empty value removes the attribute. */
  updateAttributes(
    username: string,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>;
  setEnabled(username: string, enabled: boolean, signal: AbortSignal): Promise<void>;
  addToGroup(username: string, groupName: string, signal: AbortSignal): Promise<void>;
  linkIdentity(
    username: string,
    identity: { readonly providerName: string; readonly userId: string },
    signal: AbortSignal,
  ): Promise<void>;
  setMfa(username: string, mfa: RestoreMfa, signal: AbortSignal): Promise<void>;
  /** The second factors of a user that `setMfa` can set; listings do not show them. */
  getMfa(username: string, signal: AbortSignal): Promise<RestoreMfa>;
}

export function createWrites(sdk: Sdk, call: Caller, poolId: string): CognitoWrites {
  async function write<T>(
    operation: Operation,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { value } = await call(
      {
        operation,
        poolId,
        carriesToken: false,
        carriesShardFilter: false,
        writes: true,
        send: (abortSignal) => send({ abortSignal }),
      },
      signal,
    );
    return value;
  }
  const target = (username: string) => ({ UserPoolId: poolId, Username: decodeName(username) });

  return {
    async createGroup(groupName, fields, signal) {
      const command = new CreateGroupCommand(toGroupInput(poolId, groupName, fields));
      await write('CreateGroup', (options) => sdk.send(command, options), signal);
    },

    async updateGroup(groupName, fields, signal) {
      const command = new UpdateGroupCommand(toGroupInput(poolId, groupName, fields));
      await write('UpdateGroup', (options) => sdk.send(command, options), signal);
    },

    createUser(signInName, attributes, signal) {
      const command = new AdminCreateUserCommand({
        ...target(signInName),
        UserAttributes: toList(attributes),
        MessageAction: 'SUPPRESS',
      });
      const send = async (options: { abortSignal: AbortSignal }) =>
        normaliseUser((await sdk.send(command, options)).User ?? {});
      return write('AdminCreateUser', send, signal);
    },

    async setPassword(username, { text, permanent }, signal) {
      const command = new AdminSetUserPasswordCommand({
        ...target(username),
        Password: text,
        Permanent: permanent,
      });
      await write('AdminSetUserPassword', (options) => sdk.send(command, options), signal);
    },

    async updateAttributes(username, attributes, signal) {
      const command = new AdminUpdateUserAttributesCommand({
        ...target(username),
        UserAttributes: toList(attributes),
      });
      await write('AdminUpdateUserAttributes', (options) => sdk.send(command, options), signal);
    },

    async setEnabled(username, enabled, signal) {
      if (enabled) {
        const command = new AdminEnableUserCommand(target(username));
        await write('AdminEnableUser', (options) => sdk.send(command, options), signal);
      } else {
        const command = new AdminDisableUserCommand(target(username));
        await write('AdminDisableUser', (options) => sdk.send(command, options), signal);
      }
    },

    async addToGroup(username, groupName, signal) {
      const GroupName = decodeName(groupName);
      const command = new AdminAddUserToGroupCommand({ ...target(username), GroupName });
      await write('AdminAddUserToGroup', (options) => sdk.send(command, options), signal);
    },

    async linkIdentity(username, { providerName, userId }, signal) {
      const command = new AdminLinkProviderForUserCommand({
        UserPoolId: poolId,
        DestinationUser: {
          ProviderName: 'Cognito',
          ProviderAttributeValue: decodeName(username),
        },
        SourceUser: {
          ProviderName: providerName,
          // The name that every kind of provider takes: `sub`, or NameID of SAML.
          ProviderAttributeName: 'Cognito_Subject',
          ProviderAttributeValue: userId,
        },
      });
      await write('AdminLinkProviderForUser', (options) => sdk.send(command, options), signal);
    },

    async setMfa(username, { settings, preferred }, signal) {
      const setting = (factor: RestorableMfa) => ({
        Enabled: settings.includes(factor),
        PreferredMfa: preferred === factor,
      });
      const command = new AdminSetUserMFAPreferenceCommand({
        ...target(username),
        SMSMfaSettings: setting('SMS_MFA'),
        // A pool of the tier Lite refuses any setting of e-mail.
        ...(settings.includes('EMAIL_OTP') && { EmailMfaSettings: setting('EMAIL_OTP') }),
      });
      await write('AdminSetUserMFAPreference', (options) => sdk.send(command, options), signal);
    },

    async getMfa(username, signal) {
      const command = new AdminGetUserCommand(target(username));
      const { UserMFASettingList: list = [], PreferredMfaSetting: preferred } = await write(
        'AdminGetUser',
        (options) => sdk.send(command, options),
        signal,
      );
      return {
        settings: list.filter(isRestorable),
        preferred: preferred !== undefined && isRestorable(preferred) ? preferred : null,
      };
    },
  };
}

function toGroupInput(poolId: string, groupName: string, fields: GroupFields) {
  const { description, roleArn, precedence } = fields;
  return {
    UserPoolId: poolId,
    GroupName: decodeName(groupName),
    ...(description !== null && { Description: description }),
    ...(roleArn !== null && { RoleArn: roleArn }),
    ...(precedence !== null && { Precedence: precedence }),
  };
}

function toList(attributes: Readonly<Record<string, string>>): AttributeType[] {
  return Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }));
}

function isRestorable(factor: string): factor is RestorableMfa {
  return factor === 'SMS_MFA' || factor === 'EMAIL_OTP';
}
