import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { requireEndpoint } from '../config/aws-environment.ts';

/** The Region that the SDK's own order gives (see `aws-environment.ts`), or null where none is set. */
export async function configuredRegion(): Promise<string | null> {
  const sdk = new CognitoIdentityProviderClient({});
  try {
    return await sdk.config.region();
  } catch (error) {
    if (error instanceof Error && error.message === 'Region is missing') return null;
    throw error;
  } finally {
    sdk.destroy();
  }
}

/** Throws ConfigurationError where the endpoint of Cognito that is set is not a URL. */
export async function requireCognitoEndpoint(): Promise<void> {
  const sdk = new CognitoIdentityProviderClient({});
  const url = await sdk.config.serviceConfiguredEndpoint?.();
  sdk.destroy();
  requireEndpoint(url, 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER');
}
