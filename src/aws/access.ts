import type { NodeHttpHandler } from '@smithy/node-http-handler';
import type { ProxyVariables } from '../web/proxy.ts';
import {
  type CredentialsProvider,
  NoCredentialsError,
  standardCredentials,
} from './credentials.ts';

/** AWS credentials, as the AWS SDK has them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When they expire; a function that returns them is then called again. */
  readonly expiration?: Date;
}

/** The endpoints of services, such as a simulator; the SDK finds the one of each absent entry. */
export interface Endpoints {
  readonly cognito?: string;
  readonly s3?: string;
  readonly kms?: string;
  readonly sts?: string;
}

/** How clients of the AWS SDK reach AWS. The SDK's standard chain finds whatever is absent. */
export interface AwsAccess {
  readonly credentials?: Credentials | (() => Promise<Credentials>);
  /** The Region of the bucket and of `all` pools. */
  readonly region?: string;
  readonly endpoints?: Endpoints;
  /** The HTTP proxies that requests use; none if absent. */
  readonly proxies?: ProxyVariables;
}

/**
 * The credentials of `access`, or of the SDK's standard chain.
 *
 * @returns a provider that rejects with NoCredentialsError
 */
export function openCredentials(
  { credentials }: AwsAccess,
  requestHandler: NodeHttpHandler,
): CredentialsProvider {
  if (credentials === undefined) return standardCredentials(requestHandler);
  return async () => {
    try {
      return typeof credentials === 'function' ? await credentials() : credentials;
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : 'unknown error';
      throw new NoCredentialsError({
        temporary: false,
        problem: `the function given as \`credentials\` failed (${name}).`,
        remedy: 'Return an access key id and a secret access key from it.',
      });
    }
  };
}
