import { type AwsAccess, openCredentials } from './access.ts';
import { openRequestHandler } from './request-handler.ts';

/**
 * What the SDK marks credentials with, by where they come from, the most telling first. Source: the
 * table of credentials features in `@aws-sdk/types`.
 */
const SOURCES: readonly (readonly [mark: string, text: (profile: string) => string])[] = [
  ['CREDENTIALS_PROFILE_SSO', (profile) => `the profile ${profile}, signed in by SSO`],
  ['CREDENTIALS_PROFILE_SSO_LEGACY', (profile) => `the profile ${profile}, signed in by SSO`],
  ['CREDENTIALS_PROFILE_PROCESS', (profile) => `the profile ${profile}, from its command`],
  ['CREDENTIALS_PROFILE_STS_WEB_ID_TOKEN', (profile) => `the role of the profile ${profile}`],
  ['CREDENTIALS_PROFILE_SOURCE_PROFILE', (profile) => `the role of the profile ${profile}`],
  ['CREDENTIALS_PROFILE_NAMED_PROVIDER', (profile) => `the role of the profile ${profile}`],
  ['CREDENTIALS_PROFILE', (profile) => `the profile ${profile}`],
  ['CREDENTIALS_ENV_VARS_STS_WEB_ID_TOKEN', () => 'the role of AWS_ROLE_ARN'],
  ['CREDENTIALS_ENV_VARS', () => 'the variable AWS_ACCESS_KEY_ID'],
  ['CREDENTIALS_HTTP', () => 'the role of the container'],
  ['CREDENTIALS_IMDS', () => 'the role of the instance'],
];

/**
 * Where the credentials in use come from, in words.
 *
 * @throws NoCredentialsError if there are none
 */
export async function describeCredentials(access: AwsAccess): Promise<string> {
  const handler = openRequestHandler(
    { maxSockets: 1, connectionTimeout: 5_000, requestTimeout: 5_000 },
    access.proxies,
  );
  try {
    const identity = await openCredentials(access, handler)();
    const marks = ('$source' in identity && (identity.$source as object)) || {};
    const profile = process.env.AWS_PROFILE ?? 'default';
    const known = SOURCES.find(([mark]) => mark in marks);
    return known?.[1](profile) ?? 'the AWS SDK';
  } finally {
    handler.destroy();
  }
}
