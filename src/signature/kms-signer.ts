import { createPublicKey, verify } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { type AwsAccess, openCredentials } from '../aws/access.ts';
import { toAccessError } from '../aws/access-error.ts';
import { openRequestHandler } from '../aws/request-handler.ts';
import { configuredEndpoint } from '../aws/shared-config.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { explainTls } from '../model/tls-errors.ts';
import { type KeyType, type PublicKey, toPublicKey } from './public-key.ts';
import { createSigner, type Signer } from './signer.ts';

const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** KMS's algorithm for each type of key. With RAW, KMS hashes what it signs: 4,096 bytes at most. */
const ALGORITHMS = {
  'ssh-ed25519': 'ED25519_SHA_512',
  'ecdsa-sha2-nistp256': 'ECDSA_SHA_256',
} as const satisfies Record<KeyType, string>;

/** What `openKmsSigner` signs to prove that it may. */
const PROBE = Buffer.from('cognito-mirror signs this to check that it can sign manifests.\n');

/**
 * Opens a key of KMS: fetches its public key, and signs a few bytes to check the permission.
 *
 * @throws ActionRequiredError if the key does not exist, is of another type, or cannot be used.
 */
export async function openKmsSigner(
  arn: string,
  access: AwsAccess,
  signal: AbortSignal,
): Promise<Signer> {
  const client = await createKmsClient(arn, access);
  const publicKey = await fetchPublicKey(client, arn, signal).catch(requireReachable);
  const signBytes = async (bytes: Buffer, abortSignal: AbortSignal) => {
    const command = new SignCommand({
      KeyId: arn,
      Message: bytes,
      MessageType: 'RAW',
      SigningAlgorithm: ALGORITHMS[publicKey.type],
    });
    const { Signature } = await call(arn, 'kms:Sign', abortSignal, () =>
      client.send(command, { abortSignal }),
    );
    return Buffer.from(Signature ?? []);
  };
  const probe = await signBytes(PROBE, signal);
  const algorithm = publicKey.type === 'ssh-ed25519' ? null : 'sha256';
  if (!verify(algorithm, PROBE, publicKey.key, probe)) {
    throw kmsError(
      'signed with another key than the one that it returned.',
      'Check the endpoint of KMS, if one is set.',
    );
  }
  return createSigner(publicKey, signBytes);
}

async function createKmsClient(arn: string, access: AwsAccess): Promise<KMSClient> {
  const requestHandler = openRequestHandler(
    {
      maxSockets: 2,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    access.proxies,
  );
  const endpoint = access.endpoints?.kms;
  const client = new KMSClient({
    credentials: openCredentials(access, requestHandler),
    region: arn.split(':')[3] as string,
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: ATTEMPTS,
    requestHandler,
  });
  if (endpoint === undefined) await configuredEndpoint(client.config, 'AWS_ENDPOINT_URL_KMS');
  return client;
}

async function fetchPublicKey(
  client: KMSClient,
  arn: string,
  abortSignal: AbortSignal,
): Promise<PublicKey> {
  const { PublicKey: der, KeySpec } = await call(arn, 'kms:GetPublicKey', abortSignal, () =>
    client.send(new GetPublicKeyCommand({ KeyId: arn }), { abortSignal }),
  );
  const key = createPublicKey({ key: Buffer.from(der ?? []), format: 'der', type: 'spki' });
  const publicKey = toPublicKey(key);
  if (publicKey !== null) return publicKey;
  throw kmsError(
    `the key has the type ${KeySpec}.`,
    'Use a key for signing of type ECC_NIST_EDWARDS25519 or ECC_NIST_P256.',
  );
}

/** At the start, a server that cannot be reached is a problem for a person. */
function requireReachable(error: unknown): never {
  if (!(error instanceof UnreachableError)) throw error;
  throw kmsError(
    `KMS cannot be reached (${error.reason}).`,
    'Check the network, and the endpoint of KMS if one is set: AWS_ENDPOINT_URL_KMS or AWS_ENDPOINT_URL.',
    { cause: error },
  );
}

/** KMS gave no answer. */
class UnreachableError extends ResumableError {
  readonly reason: string;

  constructor(reason: string, options: ErrorOptions) {
    super(
      `KMS could not be reached to sign the manifest (${reason}). Run the command again to resume.`,
      options,
    );
    this.reason = reason;
  }
}

/** Errors of KMS after which a person must change the key or the setting. */
const REMEDIES: Readonly<Record<string, string>> = {
  NotFoundException: 'Set it to the ARN of a key that exists, in its own Region.',
  DisabledException: 'Enable the key.',
  KMSInvalidStateException: 'Enable the key, or cancel its deletion.',
  InvalidKeyUsageException: 'Use a key whose usage is SIGN_VERIFY.',
  UnsupportedOperationException: 'Use a key for signing: ECC_NIST_EDWARDS25519 or ECC_NIST_P256.',
  InvalidArnException: 'Set it to the ARN of a key.',
};

/** Runs a call and converts its failure to an error of this program. */
async function call<T>(
  arn: string,
  action: string,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    signal.throwIfAborted();
    throw explainKmsError(error, arn, action);
  }
}

function explainKmsError(error: unknown, arn: string, action: string): Error {
  const access = toAccessError(error);
  if (access !== null) return access;
  const { name, code, $metadata } = error as {
    name?: string;
    code?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const cause = { cause: error };
  const status = $metadata?.httpStatusCode;
  const remedy = REMEDIES[name ?? ''];
  if (remedy !== undefined) return kmsError(`KMS refuses the key (${name}).`, remedy, cause);
  const tls = explainTls(code ?? '', 'NODE_EXTRA_CA_CERTS=FILE in the environment');
  if (tls !== null) return kmsError(tls.problem, tls.remedy, cause);
  if (name === 'AccessDeniedException') {
    const allow = `Allow the IAM action ${action} on ${arn}, in the policies of the identity and of the key.`;
    return kmsError('access to the key is denied.', allow, cause);
  }
  if (status !== undefined && status >= 400 && status < 500 && !/Thrott|Limit/.test(name ?? '')) {
    const renew = 'Check the credentials, the clock of this machine and the ARN.';
    return kmsError(`KMS rejected the request (${name}).`, renew, cause);
  }
  if (status === undefined) return new UnreachableError(code ?? name ?? 'unknown error', cause);
  return new ResumableError(
    `KMS failed to sign the manifest (${name}, HTTP ${status}). Run the command again to resume.`,
    cause,
  );
}

function kmsError(problem: string, remedy: string, options?: ErrorOptions): ActionRequiredError {
  return ActionRequiredError.of('ARCHIVE_SIGNING_KEY', problem, remedy, options);
}
