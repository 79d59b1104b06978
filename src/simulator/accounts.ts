import { type Call, findPool } from './call.ts';
import { invalidParameter, ServiceError } from './errors.ts';
import type { PasswordPolicy, UserRecord } from './records.ts';
import type { MfaSetting } from './requests.ts';

/** AdminSetUserPassword: a permanent password confirms the user, a temporary one must be changed. */
export function adminSetUserPassword(call: Call): string {
  const pool = findPool(call);
  const { Username, Password, Permanent } = call.input;
  const { status } = pool.user(Username);
  if (status === 'EXTERNAL_PROVIDER') {
    throw invalidParameter('User must not be an external provider user.');
  }
  checkPassword(Password ?? '', pool.settings.passwordPolicy);
  const permanent = Permanent === true;
  pool.changeUser(Username, { status: permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD' });
  return '{}';
}

/** @throws ServiceError if the policy of the pool does not allow the password */
export function checkPassword(password: string, policy: PasswordPolicy): void {
  const missing = [
    [password.length >= policy.MinimumLength, 'Password not long enough'],
    [
      !policy.RequireUppercase || /\p{Lu}/u.test(password),
      'Password must have uppercase characters',
    ],
    [
      !policy.RequireLowercase || /\p{Ll}/u.test(password),
      'Password must have lowercase characters',
    ],
    [!policy.RequireNumbers || /\d/.test(password), 'Password must have numeric characters'],
    [
      !policy.RequireSymbols || /[^\p{L}\d\s]/u.test(password),
      'Password must have symbol characters',
    ],
  ] as const;
  const problem = missing.find(([holds]) => !holds)?.[1];
  if (problem !== undefined) {
    const message = `Password did not conform with policy: ${problem}`;
    throw new ServiceError('InvalidPasswordException', message);
  }
}

/** AdminLinkProviderForUser: adds an identity to the attribute `identities` of a local user. */
export function adminLinkProviderForUser(call: Call): string {
  const pool = findPool(call);
  const { DestinationUser: destination, SourceUser: source } = call.input;
  const providerName = source?.ProviderName ?? '';
  const userId = source?.ProviderAttributeValue ?? '';
  const providerType = pool.settings.providers.get(providerName);
  if (providerType === undefined) {
    throw new ServiceError(
      'ResourceNotFoundException',
      `Identity provider ${providerName} does not exist.`,
    );
  }
  if (pool.hasUser(`${providerName}_${userId}`)) {
    throw invalidParameter(
      'Merging is not currently supported, provide a SourceUser that has not been signed up in order to link',
    );
  }
  const username = destination?.ProviderAttributeValue ?? '';
  pool.linkIdentity(username, { providerName, providerType, userId });
  return '{}';
}

/** AdminSetUserMFAPreference: the second factors of a user, and the one to ask for first. */
export function adminSetUserMfaPreference(call: Call): string {
  const pool = findPool(call);
  const { Username, SMSMfaSettings, SoftwareTokenMfaSettings, EmailMfaSettings } = call.input;
  const user = pool.user(Username);
  if (SMSMfaSettings?.Enabled === true && !user.attributes.has('phone_number')) {
    throw invalidParameter('User does not have delivery config set to turn on SMS_MFA');
  }
  if (EmailMfaSettings?.Enabled === true && user.attributes.get('email_verified') !== 'true') {
    throw invalidParameter('User does not have delivery config set to turn on EMAIL_OTP');
  }
  // A token is verified by its user only, so that no administrator can turn it on first.
  const hasToken = user.mfaSettings.includes('SOFTWARE_TOKEN_MFA');
  if (SoftwareTokenMfaSettings?.Enabled === true && !hasToken) {
    throw invalidParameter('User has not verified software token mfa');
  }
  const changes = [
    ['SMS_MFA', SMSMfaSettings],
    ['SOFTWARE_TOKEN_MFA', SoftwareTokenMfaSettings],
    ['EMAIL_OTP', EmailMfaSettings],
  ] as const;
  pool.changeUser(Username, changes.reduce(applyMfa, user));
  return '{}';
}

function applyMfa(
  user: Pick<UserRecord, 'mfaSettings' | 'preferredMfa'>,
  [name, setting]: readonly [string, MfaSetting | undefined],
): Pick<UserRecord, 'mfaSettings' | 'preferredMfa'> {
  if (setting === undefined)
    return { mfaSettings: user.mfaSettings, preferredMfa: user.preferredMfa };
  const others = user.mfaSettings.filter((each) => each !== name);
  const enabled = setting.Enabled === true;
  const preferredBefore = user.preferredMfa === name ? null : user.preferredMfa;
  return {
    mfaSettings: enabled ? [...others, name] : others,
    preferredMfa: enabled && setting.PreferredMfa === true ? name : preferredBefore,
  };
}
