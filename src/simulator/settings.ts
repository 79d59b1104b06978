import { CUSTOM_ATTRIBUTES, GENERATED_BEFORE } from './generate/profiles.ts';
import type { PasswordPolicy, PoolSettings } from './records.ts';
import { createSchema, customAttribute } from './schema.ts';

/** The service's policy for a pool that is created without one. */
export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  MinimumLength: 8,
  RequireUppercase: true,
  RequireLowercase: true,
  RequireNumbers: true,
  RequireSymbols: true,
  TemporaryPasswordValidityDays: 7,
};

/** The providers of federated users in generated pools, with their types. */
const GENERATED_PROVIDERS: ReadonlyMap<string, string> = new Map([
  ['Google', 'Google'],
  ['Facebook', 'Facebook'],
  ['SAML', 'SAML'],
]);

/** The settings of a pool: those of a generated one, as changed by `changes`. */
export function createSettings(
  id: string,
  account: string,
  changes: Partial<PoolSettings> = {},
): PoolSettings {
  const at = id.indexOf('_');
  const region = id.slice(0, at);
  return {
    id,
    region,
    account,
    name: `simulated-${id.slice(at + 1).toLowerCase()}`,
    arn: `arn:aws:cognito-idp:${region}:${account}:userpool/${id}`,
    createdAt: GENERATED_BEFORE - 7 * 365 * 24 * 3600 * 1000,
    mfaConfiguration: 'OPTIONAL',
    tier: 'ESSENTIALS',
    usernameAttributes: [],
    aliasAttributes: [],
    triggers: {},
    passwordPolicy: DEFAULT_PASSWORD_POLICY,
    providers: GENERATED_PROVIDERS,
    schema: createSchema(
      CUSTOM_ATTRIBUTES.map((name) =>
        customAttribute(name, name === 'custom:seats' ? 'Number' : 'String'),
      ),
    ),
    ...changes,
  };
}
