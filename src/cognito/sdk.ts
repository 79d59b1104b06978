import { isUtf8 } from 'node:buffer';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { AwsJson1_1Protocol } from '@aws-sdk/core/protocols';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { type AwsAccess, openCredentials } from '../aws/access.ts';
import {
  type CredentialsProvider,
  NoCredentialsError,
  roleCredentials,
} from '../aws/credentials.ts';
import { openRequestHandler } from '../aws/request-handler.ts';
import { configuredEndpoint } from '../aws/shared-config.ts';
import type { Role } from '../config/pool-settings.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { AttemptFailed, classify, type Verdict } from './error-table.ts';
import {
  CredentialsError,
  ParameterRefusedError,
  RefusedRequestError,
  RoleRefusedError,
  ServiceUnavailableError,
} from './errors.ts';

export type Sdk = CognitoIdentityProviderClient;

/** How a pool is read: with the base credentials, or with a role that they assume. */
export interface PoolAccess extends AwsAccess {
  readonly role: Role | null;
}

const CONNECTION_TIMEOUT_MS = 5_000;
/** From the request to the first byte of the answer, and for silence within an answer. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 64;

/**
 * The SDK's client for one Region, with keep-alive and timeouts. Its own retries are off: every
 * attempt must pass its bucket. The SDK's standard chain finds what `access` lacks.
 */
export function openSdk(region: string, access: PoolAccess): Sdk {
  const { role, endpoints, proxies } = access;
  const requestHandler = openRequestHandler(
    {
      maxSockets: MAX_SOCKETS,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: ANSWER_TIMEOUT_MS,
    },
    proxies,
  );
  const sdk = new CognitoIdentityProviderClient({
    region,
    maxAttempts: 1,
    credentials:
      role === null
        ? openCredentials(access, requestHandler)
        : poolCredentials(region, role, access, requestHandler),
    ...(endpoints?.cognito !== undefined && { endpoint: endpoints.cognito }),
    protocol: PlainAnswersProtocol,
    requestHandler,
  });
  // It copies every answer for a log that is off: a tenth of the time of a page.
  sdk.middlewareStack.remove('loggerMiddleware');
  return sdk;
}

/** Throws ActionRequiredError if the endpoint that is set for the service is not a URL. */
export async function requireCognitoEndpoint({ endpoints }: AwsAccess = {}): Promise<void> {
  if (endpoints?.cognito !== undefined) return;
  const sdk = new CognitoIdentityProviderClient({});
  await configuredEndpoint(sdk.config, 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER');
  sdk.destroy();
}

type Deserialize = AwsJson1_1Protocol['deserializeResponse'];
type Item = Record<string, unknown>;

/** Finds the objects with dates in the answers to the mirror's calls. */
const DATED = new Map<string, (answer: Item) => unknown>([
  ['ListUsers', (answer) => answer['Users']],
  ['ListUsersInGroup', (answer) => answer['Users']],
  ['ListGroups', (answer) => answer['Groups']],
  ['ListUserPools', (answer) => answer['UserPools']],
  ['DescribeUserPool', (answer) => [answer['UserPool']]],
  ['AdminGetUser', (answer) => [answer]],
  ['GetUserPoolMfaConfig', (answer) => [answer]],
  ['ListUserPoolClients', (answer) => answer['UserPoolClients']],
  ['DescribeUserPoolClient', (answer) => [answer['UserPoolClient']]],
  ['ListIdentityProviders', (answer) => answer['Providers']],
  ['DescribeIdentityProvider', (answer) => [answer['IdentityProvider']]],
  ['ListResourceServers', (answer) => answer['ResourceServers']],
  ['DescribeUserPoolDomain', (answer) => [answer['DomainDescription']]],
  ['GetUICustomization', (answer) => [answer['UICustomization']]],
  ['ListTagsForResource', () => []],
  ['AdminCreateUser', (answer) => [answer['User']]],
]);

const DATES = ['UserCreateDate', 'UserLastModifiedDate', 'CreationDate', 'LastModifiedDate'];

/**
 * The SDK's protocol with a plain JSON parser for answers: following the operation's schema takes
 * three times as long, and a walk consists of pages. Dates arrive as epoch seconds and become `Date`.
 * A date of another form is left unchanged: `normalise.ts` refuses it with its name, the SDK does not.
 */
class PlainAnswersProtocol extends AwsJson1_1Protocol {
  override async deserializeResponse<Output extends Awaited<ReturnType<Deserialize>>>(
    ...[operation, context, response]: Parameters<Deserialize>
  ): Promise<Output> {
    const findDated = DATED.get(operation.name);
    if (findDated === undefined || response.statusCode >= 300) {
      return super.deserializeResponse(operation, context, response);
    }
    const bytes = Buffer.from(await context.streamCollector(response.body));
    // Decoding it anyway would replace what was sent by U+FFFD.
    if (!isUtf8(bytes)) throw new TypeError('The answer is not UTF-8.');
    const text = bytes.toString('utf8');
    const answer = (text === '' ? {} : JSON.parse(text)) as Item;
    const items = findDated(answer);
    if (Array.isArray(items)) for (const item of items) convertDates(item);
    return { ...answer, $metadata: this.deserializeMetadata(response) } as unknown as Output;
  }
}

function convertDates(item: unknown): void {
  if (typeof item !== 'object' || item === null) return;
  for (const name of DATES) {
    const seconds = (item as Item)[name];
    if (typeof seconds !== 'number') continue;
    (item as Item)[name] = new Date(Math.round(seconds * 1000));
  }
}

/** Identifies the mirror in CloudTrail, and in policies that require a session name. */
const SESSION_NAME = 'cognito-mirror';

/**
 * The credentials of a pool's role. Each fetch is one attempt. The client keeps the result until five
 * minutes before it expires, and fetches once for all concurrent callers.
 *
 * @throws AttemptFailed whose verdict says whether to try again.
 */
function poolCredentials(
  region: string,
  role: Role,
  access: AwsAccess,
  requestHandler: NodeHttpHandler,
): CredentialsProvider {
  const provider = roleCredentials(
    { ...role, region, sessionName: SESSION_NAME },
    openCredentials(access, requestHandler),
    requestHandler,
    access.endpoints?.sts,
  );
  return async (identity) => {
    try {
      return await provider(identity);
    } catch (error) {
      if (error instanceof NoCredentialsError) throw error;
      throw new AttemptFailed(classifyRoleError(error, region, role));
    }
  };
}

/** Replaces the call of STS in the error table. Messages must not show it. */
const OPERATION = 'DescribeUserPool';

/** STS fails like every service; only its refusals are about the role. */
function classifyRoleError(error: unknown, region: string, role: Role): Verdict {
  const verdict = classify(error, {
    operation: OPERATION,
    poolId: '',
    region,
    carriesToken: false,
    carriesShardFilter: false,
  });
  // An ActionRequiredError here is a proxy variable that does not name a proxy.
  if (error instanceof ActionRequiredError || verdict.error instanceof CredentialsError) {
    return verdict;
  }
  if (verdict.action !== 'stop') {
    // Throttling by STS must not slow a bucket of Cognito down.
    const unavailable = new ServiceUnavailableError(
      `${role.arn}: STS did not answer the request to assume the role (${verdict.reason}). Check ` +
        'the network, and AWS_ENDPOINT_URL_STS if it is set; then run it again to resume.',
    );
    return { ...verdict, action: 'retry', error: unavailable };
  }
  // The proxy or the server refused the connection; STS decided nothing about the role.
  if (
    verdict.error instanceof RefusedRequestError &&
    !(verdict.error instanceof ParameterRefusedError)
  ) {
    const problems = verdict.error.problems.map(({ subject, ...rest }) => ({
      subject: subject === OPERATION ? `${role.arn}: STS` : subject,
      ...rest,
    }));
    return { ...verdict, error: new RefusedRequestError(problems) };
  }
  return { ...verdict, error: new RoleRefusedError(role, verdict.reason) };
}
