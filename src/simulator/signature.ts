import { ServiceError } from './errors.ts';

/** The signer of a request. The signature itself is not verified. */
interface Signer {
  readonly accessKey: string;
  /** The Region of the request, from the credential scope. */
  readonly region: string;
}

const SIGNATURE =
  /^AWS4-HMAC-SHA256 .*?Credential=([^/,\s]+)\/\d{8}\/([a-z0-9-]+)\/[a-z0-9-]+\/aws4_request\b/;

/**
 * Reads a Signature Version 4 `Authorization` header. Throws the service's error if the header is
 * missing or malformed, or if `knownKeys` is given and lacks the access key.
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
