import { isUtf8 } from 'node:buffer';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { AwsJson1_1Protocol } from '@aws-sdk/core/protocols';
import { standardCredentials } from '../aws/credentials.ts';
import { openRequestHandler } from '../aws/request-handler.ts';
import { configuredEndpoint } from '../aws/shared-config.ts';
import type { Role } from '../config/pool-settings.ts';
import { poolCredentials } from './role-credentials.ts';

export type Sdk = CognitoIdentityProviderClient;

const CONNECTION_TIMEOUT_MS = 5_000;
/** From the request to the answer's head, and of silence within an answer. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 64;

/**
 * The SDK's client for one Region, with keep-alive, timeouts, and its own retries off: every
 * attempt must pass its bucket. Credentials and the endpoint come from the SDK's standard chain; with
 * a role, the credentials are the role's.
 */
export function openSdk(region: string, role: Role | null): Sdk {
  const requestHandler = openRequestHandler({
    maxSockets: MAX_SOCKETS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: ANSWER_TIMEOUT_MS,
    socketTimeout: ANSWER_TIMEOUT_MS,
  });
  const sdk = new CognitoIdentityProviderClient({
    region,
    maxAttempts: 1,
    credentials:
      role === null
        ? standardCredentials(requestHandler)
        : poolCredentials(region, role, requestHandler),
    protocol: PlainAnswersProtocol,
    requestHandler,
  });
  // It copies every answer for a log that there is none of: a tenth of the time that a page takes.
  sdk.middlewareStack.remove('loggerMiddleware');
  return sdk;
}

/** Throws ConfigurationError where the endpoint that is set for the service is not a URL. */
export async function requireCognitoEndpoint(): Promise<void> {
  const sdk = new CognitoIdentityProviderClient({});
  await configuredEndpoint(sdk.config, 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER');
  sdk.destroy();
}

type Deserialize = AwsJson1_1Protocol['deserializeResponse'];
type Item = Record<string, unknown>;

/** Where the answers to the mirror's calls have their dates: in a list, an object, or themselves. */
const DATED = new Map<string, (answer: Item) => unknown>([
  ['ListUsers', (answer) => answer['Users']],
  ['ListUsersInGroup', (answer) => answer['Users']],
  ['ListGroups', (answer) => answer['Groups']],
  ['ListUserPools', (answer) => answer['UserPools']],
  ['DescribeUserPool', (answer) => [answer['UserPool']]],
  ['AdminGetUser', (answer) => [answer]],
]);

const DATES = ['UserCreateDate', 'UserLastModifiedDate', 'CreationDate', 'LastModifiedDate'];

/**
 * The SDK's own protocol, but for answers that are parsed at once: going through each item by the
 * operation's schema takes three times as long as parsing it, and a walk is nothing but pages. Dates
 * are sent as epoch seconds, and become `Date`. One of another form is left as it came:
 * `normalise.ts` refuses it by its name, where the SDK names no field.
 */
export class PlainAnswersProtocol extends AwsJson1_1Protocol {
  override async deserializeResponse<Output extends Awaited<ReturnType<Deserialize>>>(
    ...[operation, context, response]: Parameters<Deserialize>
  ): Promise<Output> {
    const itemsOf = DATED.get(operation.name);
    if (itemsOf === undefined || response.statusCode >= 300) {
      return super.deserializeResponse(operation, context, response);
    }
    const bytes = Buffer.from(await context.streamCollector(response.body));
    // To read it all the same would put U+FFFD in the place of what was sent.
    if (!isUtf8(bytes)) throw new TypeError('The answer is no UTF-8.');
    const text = bytes.toString('utf8');
    const answer = (text === '' ? {} : JSON.parse(text)) as Item;
    const items = itemsOf(answer);
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
