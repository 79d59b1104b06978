import { ServiceError } from './errors.ts';

/** What a request's signature tells; the signature itself is not checked. */
export interface Signer {
  readonly accessKey: string;
  /** From the credential scope: requests are for this Region. */
  readonly region: string;
}

const SIGNATURE =
  /^AWS4-HMAC-SHA256 .*?Credential=([^/,\s]+)\/\d{8}\/([a-z0-9-]+)\/[a-z0-9-]+\/aws4_request\b/;

/**
 * Reads a Signature Version 4 `Authorization` header. Refuses, as the service does, a request
 * without one, a malformed one, and an access key that is not among the known, if any are named.
 */
export function readSignature(
  header: string | undefined,
  knownKeys: readonly string[] | undefined,
): Signer {
  if (header === undefined || header === '') {
    throw new ServiceError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const match = SIGNATURE.exec(header);
  if (match === null) {
    throw new ServiceError(
      'IncompleteSignatureException',
      "Authorization header requires 'Credential' parameter of Signature Version 4.",
    );
  }
  const [, accessKey, region] = match as unknown as [string, string, string];
  if (knownKeys !== undefined && !knownKeys.includes(accessKey)) {
    throw new ServiceError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
  return { accessKey, region };
}
