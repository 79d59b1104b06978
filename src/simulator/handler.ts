import {
  adminLinkProviderForUser,
  adminSetUserMfaPreference,
  adminSetUserPassword,
} from './accounts.ts';
import type { AttemptLog } from './attempt-log.ts';
import { type Call, parsePoolArn, type Services } from './call.ts';
import * as configuration from './configuration-reads.ts';
import { createUserPool } from './create-pool.ts';
import { injected, internalError, ServiceError, throttled } from './errors.ts';
import { createDenial, type Denial, type FaultName } from './faults.ts';
import { adminListGroupsForUser, listGroups, listUsers, listUsersInGroup } from './lists.ts';
import type { Bucket, Quotas } from './quota.ts';
import { adminGetUser, describeUserPool, getCsvHeader, listUserPools } from './reads.ts';
import { type Input, type Operation, REQUESTS } from './requests.ts';
import { readSignature } from './signature.ts';
import { validate } from './validation.ts';
import * as writes from './writes.ts';

const TARGET = 'AWSCognitoIdentityProviderService.';

/** An operation: its quota, and the function that returns its response as JSON. */
interface OperationEntry {
  readonly bucket: Bucket;
  readonly run: (call: Call) => string;
}

const OPERATIONS: Readonly<Record<Operation, OperationEntry>> = {
  ListUsers: { bucket: 'UserList', run: listUsers },
  ListUsersInGroup: { bucket: 'UserList', run: listUsersInGroup },
  ListGroups: { bucket: 'UserPoolResourceRead', run: listGroups },
  ListUserPools: { bucket: 'UserPoolRead', run: listUserPools },
  DescribeUserPool: { bucket: 'UserPoolRead', run: describeUserPool },
  GetCSVHeader: { bucket: 'UserPoolResourceRead', run: getCsvHeader },
  AdminGetUser: { bucket: 'UserRead', run: adminGetUser },
  AdminListGroupsForUser: { bucket: 'UserResourceRead', run: adminListGroupsForUser },
  AdminCreateUser: { bucket: 'UserCreation', run: writes.adminCreateUser },
  AdminDeleteUser: { bucket: 'UserUpdate', run: writes.adminDeleteUser },
  AdminUpdateUserAttributes: { bucket: 'UserUpdate', run: writes.adminUpdateUserAttributes },
  AdminSetUserPassword: { bucket: 'UserAccountRecovery', run: adminSetUserPassword },
  AdminLinkProviderForUser: { bucket: 'UserUpdate', run: adminLinkProviderForUser },
  AdminSetUserMFAPreference: { bucket: 'UserUpdate', run: adminSetUserMfaPreference },
  AdminEnableUser: { bucket: 'UserUpdate', run: writes.adminEnableUser },
  AdminDisableUser: { bucket: 'UserUpdate', run: writes.adminDisableUser },
  CreateGroup: { bucket: 'UserPoolResourceUpdate', run: writes.createGroup },
  UpdateGroup: { bucket: 'UserPoolResourceUpdate', run: writes.updateGroup },
  DeleteGroup: { bucket: 'UserPoolResourceUpdate', run: writes.deleteGroup },
  AdminAddUserToGroup: { bucket: 'UserResourceUpdate', run: writes.adminAddUserToGroup },
  AdminRemoveUserFromGroup: { bucket: 'UserResourceUpdate', run: writes.adminRemoveUserFromGroup },
  GetUserPoolMfaConfig: {
    bucket: 'UserPoolResourceRead',
    run: configuration.getUserPoolMfaConfig,
  },
  ListUserPoolClients: { bucket: 'UserPoolClientRead', run: configuration.listUserPoolClients },
  DescribeUserPoolClient: {
    bucket: 'UserPoolClientRead',
    run: configuration.describeUserPoolClient,
  },
  ListIdentityProviders: {
    bucket: 'UserPoolResourceRead',
    run: configuration.listIdentityProviders,
  },
  DescribeIdentityProvider: {
    bucket: 'UserPoolResourceRead',
    run: configuration.describeIdentityProvider,
  },
  ListResourceServers: { bucket: 'UserPoolResourceRead', run: configuration.listResourceServers },
  DescribeUserPoolDomain: {
    bucket: 'UserPoolResourceRead',
    run: configuration.describeUserPoolDomain,
  },
  GetUICustomization: { bucket: 'UserPoolResourceRead', run: configuration.getUiCustomization },
  ListTagsForResource: { bucket: 'UserPoolResourceRead', run: configuration.listTagsForResource },
  CreateUserPool: { bucket: 'UserPoolUpdate', run: createUserPool },
};

/** An HTTP request to the API. */
interface ApiRequest {
  readonly id: string;
  /** Its number in the attempt log. */
  readonly sequence: number;
  readonly authorization: string | undefined;
  readonly target: string | undefined;
  readonly body: string;
}

/** A response. With `cut`, the connection is closed before it or in the middle of it. */
export interface ApiAnswer {
  readonly status: number;
  readonly error: ServiceError | undefined;
  readonly body: string;
  readonly cut: 'before' | 'within' | undefined;
  readonly slow: boolean;
}

interface HandlerOptions {
  readonly services: Services;
  readonly quotas: Quotas;
  readonly attempts: AttemptLog;
  readonly denied: ReadonlyMap<Operation, Denial>;
  readonly accessKeys: readonly string[] | undefined;
}

/** Checks a request's signature, quota, faults and fields, and runs its operation. */
export class ApiHandler {
  readonly #options: HandlerOptions;

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** Responds to a request. Errors of the service are responses too. */
  answer(request: ApiRequest): ApiAnswer {
    const { attempts, services } = this.#options;
    let operation: Operation | undefined;
    try {
      operation = parseOperation(request.target);
      const signer = readSignature(request.authorization, this.#options.accessKeys);
      const input = parseBody(request.body);
      const call = {
        operation,
        input: input as unknown as Input,
        requestId: request.id,
        region: signer.region,
        services,
      };
      this.#record(request, call);
      const cut = this.#admit(call);
      if (cut === 'before') {
        attempts.settle(request.sequence, { outcome: 'dropped', injected: true });
        return { status: 0, error: undefined, body: '', cut, slow: false };
      }
      const slow = services.faults.strikes('slow', operation);
      validate(input, REQUESTS[operation]);
      const body = OPERATIONS[operation].run(call);
      attempts.settle(request.sequence, {
        outcome: cut === undefined ? 'ok' : 'dropped',
        injected: cut !== undefined,
      });
      return { status: 200, error: undefined, body, cut, slow };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return this.refuse(request.sequence, error, operation);
    }
  }

  /** Logs an error of the service and returns its response. */
  refuse(sequence: number, error: ServiceError, operation?: Operation): ApiAnswer {
    this.#options.attempts.settle(sequence, {
      outcome: error.type === 'TooManyRequestsException' ? 'throttled' : 'error',
      error: error.type,
      injected: error.injected,
      ...(operation === undefined ? {} : { operation }),
    });
    const body = JSON.stringify({ __type: error.type, message: error.message });
    return { status: error.status, error, body, cut: undefined, slow: false };
  }

  #record(request: ApiRequest, call: Call): void {
    this.#options.attempts.settle(request.sequence, {
      operation: call.operation,
      poolId: findPoolId(call) ?? null,
      bucket: findBucket(call.operation),
      subject: findSubject(call.input),
    });
  }

  /** Applies quota, denials and faults. Returns when to cut the connection, if at all. */
  #admit(call: Call): 'before' | 'within' | undefined {
    const { quotas, services, denied } = this.#options;
    const { operation, region } = call;
    const poolId = findPoolId(call);
    const pool = poolId === undefined ? undefined : services.pools.get(poolId);
    const account = pool?.settings.account ?? services.account;
    const place = { bucket: findBucket(operation), operation, account, region, poolId };
    if (!quotas.take(place)) throw throttled();
    const strikes = (fault: FaultName) => services.faults.strikes(fault, operation);
    if (strikes('throttle')) throw injected(throttled());
    if (strikes('internal-error')) throw injected(internalError());
    if (strikes('deny')) throw injected(createDenial('NotAuthorizedException', place));
    const denial = denied.get(operation);
    if (denial !== undefined) throw createDenial(denial, place);
    if (!strikes('drop')) return undefined;
    return services.random.chance(0.5) ? 'before' : 'within';
  }
}

function parseOperation(target: string | undefined): Operation {
  const name = target?.startsWith(TARGET) === true ? target.slice(TARGET.length) : '';
  if (Object.hasOwn(OPERATIONS, name)) return name as Operation;
  throw new ServiceError('UnknownOperationException', `Unknown operation ${name}`);
}

function findBucket(operation: Operation): Bucket {
  return OPERATIONS[operation].bucket;
}

function findPoolId(call: Call): string | undefined {
  const id: unknown = call.input.UserPoolId ?? parsePoolArn(call.input.ResourceArn);
  return typeof id === 'string' ? id : undefined;
}

/** What a request names, whether or not it is valid. */
function findSubject(input: Input): string | null {
  const { DestinationUser, SourceUser } = input;
  const names: unknown[] = [
    input.Username ?? DestinationUser?.ProviderAttributeValue,
    input.GroupName,
    SourceUser?.ProviderName,
    SourceUser?.ProviderAttributeValue,
    input.ClientId ?? input.ProviderName ?? input.Domain,
  ];
  const given = names.filter((name) => typeof name === 'string');
  return given.length === 0 ? null : given.join(' ');
}

/** The body as an object. Like the service, it treats null as absent. */
function parseBody(body: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body === '' ? '{}' : body);
  } catch {
    throw new ServiceError('SerializationException', 'The request body is not JSON.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ServiceError('SerializationException', 'The request body is not a JSON object.');
  }
  return Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== null));
}
