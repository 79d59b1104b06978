import { IAM_ACTIONS } from '../aws/iam-actions.ts';
import { configuredRegion } from '../aws/shared-config.ts';
import type { Config } from '../config/config.ts';
import { type PoolSettings, resolvePoolSettings } from '../config/pool-settings.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { CallOptions } from './calls.ts';
import type { MirrorOptions } from './options.ts';
import { findPoolIds } from './pool-names.ts';

/** One statement of an IAM policy. */
export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[] | string;
  readonly Resource: readonly string[] | string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** An IAM policy. */
export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/** What a policy has to allow besides the runs of the mirror. */
export interface PolicyRequest extends CallOptions {
  /** The account of the pools; by default any, as the id of a pool is enough to name it. */
  readonly account?: string | undefined;
  /** The policy of this role of another account, which reads its pools; by default the mirror's own. */
  readonly role?: string | undefined;
  /** True for `init` and for pools given by name: to list the pools of the account. */
  readonly listPools?: boolean | undefined;
  /** True for a bucket that keeps versions. A bucket with locks keeps them. */
  readonly versioned?: boolean | undefined;
  /** True to restore into the pools. */
  readonly restore?: boolean | undefined;
  /** With `restore`: the roles of groups. */
  readonly groupRoles?: readonly string[] | undefined;
}

/** The resources of one pool. */
interface NamedPool extends PoolSettings {
  readonly arn: string;
}

/** @throws ActionRequiredError if no pool is configured, or a pool is unknown by its name */
export async function makePolicy(
  request: PolicyRequest,
  options: MirrorOptions,
  signal: AbortSignal,
): Promise<Policy> {
  const { pools = [] } = options;
  const named = pools === 'all' ? [] : pools;
  const { poolIds, config } = await findPoolIds(named, {}, options, signal);
  const region = options.region ?? (await configuredRegion().catch(() => null));
  const every = pools === 'all' ? [...poolIds, ...config.file.pools.keys()] : poolIds;
  if (every.length === 0 && pools !== 'all') {
    const remedy = 'Set it, or name pools on the command line.';
    throw ActionRequiredError.of('COGNITO_POOLS', 'no pool is named.', remedy);
  }
  const account = request.account ?? '*';
  const all = every.map((poolId) => toNamedPool(config, poolId, account));
  const { role } = request;
  if (role !== undefined) {
    const ofRole = all.filter((pool) => pool.role?.arn === role);
    if (ofRole.length > 0) return toPolicy(poolStatements(ofRole, request));
    throw ActionRequiredError.of('--role', 'no pool of the file has it.', 'Give the ARN as there.');
  }
  const own = all.filter((pool) => pool.role === null);
  if (pools === 'all') own.push(toAnyPool(config, region ?? '*', account));
  const roles = all.flatMap((pool) => pool.role?.arn ?? []);
  return toPolicy([
    ...poolStatements(own, { ...request, listPools: request.listPools || pools === 'all' }),
    ...statement('ReadPoolsOfOtherAccounts', IAM_ACTIONS.assumeRole, roles),
    ...archiveStatements(config, pools === 'all' ? [...all, ...own] : all, request, region),
  ]);
}

function toPolicy(Statement: readonly PolicyStatement[]): Policy {
  return { Version: '2012-10-17', Statement };
}

/** A statement, or none without a resource. One of them is written as IAM's examples write it. */
function statement(
  Sid: string,
  actions: readonly string[],
  resources: readonly string[],
  Condition?: PolicyStatement['Condition'],
): PolicyStatement[] {
  const [...named] = new Set(resources);
  if (named.length === 0) return [];
  const oneOrAll = (list: readonly string[]) => (list.length === 1 ? (list[0] as string) : list);
  return [
    {
      Sid,
      Effect: 'Allow',
      Action: oneOrAll(actions),
      Resource: oneOrAll(named),
      ...(Condition && { Condition }),
    },
  ];
}

function poolStatements(
  pools: readonly NamedPool[],
  { listPools = false, restore = false, groupRoles = [] }: PolicyRequest,
): PolicyStatement[] {
  const arns = pools.map(({ arn }) => arn);
  const withSettings = pools.filter(({ poolSettings }) => poolSettings).map(({ arn }) => arn);
  const anything = (isNeeded: boolean) => (isNeeded ? ['*'] : []);
  return [
    ...statement('ReadPools', IAM_ACTIONS.readPool, arns),
    ...statement('FindPools', IAM_ACTIONS.listPools, anything(listPools)),
    ...statement('OnlyForPoolSettings', IAM_ACTIONS.poolSettings, withSettings),
    ...statement(
      'OnlyForPoolSettingsWithADomain',
      IAM_ACTIONS.poolDomain,
      anything(withSettings.length > 0),
    ),
    ...statement('RestoreIntoThisPool', IAM_ACTIONS.restore, restore ? arns : []),
    ...statement('OnlyForGroupsWithARole', IAM_ACTIONS.groupRoles, restore ? groupRoles : []),
  ];
}

function archiveStatements(
  config: Config,
  pools: readonly PoolSettings[],
  { versioned = false }: PolicyRequest,
  region: string | null,
): PolicyStatement[] {
  const urls = [...new Set(pools.map(({ archiveUrl }) => archiveUrl))];
  const places = urls.flatMap((url) => {
    const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(url) ?? [];
    return bucket === undefined ? [] : [{ url, bucket, prefix }];
  });
  const isLocked = (url: string) =>
    pools.some(({ archiveUrl, archiveLock }) => archiveUrl === url && archiveLock !== null);
  const partition = partitionOf(region ?? '');
  const statements = places.flatMap(({ url, bucket, prefix }, index) => {
    const sid = (name: string) => `${name}${index === 0 ? '' : index + 1}`;
    const arn = `arn:${partition}:s3:::${bucket}`;
    const objects = `${arn}/${prefix === '' ? '' : `${prefix}/`}*`;
    const below = prefix === '' ? undefined : { StringLike: { 's3:prefix': `${prefix}/*` } };
    const { listArchive, writeArchive, listVersions, deleteVersions } = IAM_ACTIONS;
    const whole = (isNeeded: boolean, resource: string) => (isNeeded ? [resource] : []);
    const locked = isLocked(url);
    return [
      ...statement(sid('ListArchive'), listArchive, [arn], below),
      ...statement(sid('WriteArchive'), writeArchive, [objects]),
      ...statement(sid('OnlyWithVersions'), listVersions, whole(versioned || locked, arn), below),
      ...statement(
        sid('OnlyToDeleteVersions'),
        deleteVersions,
        whole(versioned || locked, objects),
      ),
      ...statement(sid('OnlyWithLocks'), IAM_ACTIONS.locks, whole(locked, objects)),
      ...statement(sid('OnlyToFindObjectLock'), IAM_ACTIONS.findObjectLock, whole(locked, arn)),
      ...statement(sid('OnlyForDoctor'), IAM_ACTIONS.examineArchive, [arn]),
    ];
  });
  const { archiveKmsKeyId: key, archiveSigningKey: signing } = config;
  const encrypting = key === null || places.length === 0 ? null : toKey(key, partition, region);
  return [
    ...statements,
    ...(encrypting === null
      ? []
      : statement('OnlyWithAKmsKey', IAM_ACTIONS.encrypt, [encrypting.arn], encrypting.condition)),
    ...statement(
      'OnlyToSignWithKms',
      IAM_ACTIONS.sign,
      signing?.startsWith('kms:') ? [signing.slice('kms:'.length)] : [],
    ),
  ];
}

/** A key by ARN, id or alias. A policy cannot name an alias as a resource, so a condition does. */
function toKey(
  key: string,
  partition: string,
  region: string | null,
): { arn: string; condition?: PolicyStatement['Condition'] } {
  const [, alias] = /(?:^|:)(alias\/.+)$/.exec(key) ?? [];
  if (key.startsWith('arn:') && alias === undefined) return { arn: key };
  const of = (id: string) => `arn:${partition}:kms:${region ?? '*'}:*:key/${id}`;
  if (alias === undefined) return { arn: of(key) };
  return {
    arn: of('*'),
    condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } },
  };
}

function toNamedPool(config: Config, poolId: string, account: string): NamedPool {
  const settings = resolvePoolSettings(config, poolId);
  const { region, role } = settings;
  const owner = role === null ? account : (role.arn.split(':')[4] ?? account);
  const arn = `arn:${partitionOf(region)}:cognito-idp:${region}:${owner}:userpool/${poolId}`;
  return { ...settings, arn };
}

/** Every pool of the account in a Region. */
function toAnyPool(config: Config, region: string, account: string): NamedPool {
  const settings = resolvePoolSettings(config, `${region}_`);
  const arn = `arn:${partitionOf(region)}:cognito-idp:${region}:${account}:userpool/*`;
  return { ...settings, region, arn };
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
