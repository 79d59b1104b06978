import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider';
import type { Pool } from '../model/directory.ts';
import type { PasswordPolicy, TargetAttribute, TargetPool } from '../model/restore.ts';
import { MalformedAnswerError } from './errors.ts';
import { normalisePool } from './normalise.ts';

/** The service's defaults for what a pool without a policy of its own has (API reference). */
const DEFAULT_POLICY: PasswordPolicy = {
  minimumLength: 8,
  requireUppercase: true,
  requireLowercase: true,
  requireNumbers: true,
  requireSymbols: true,
  temporaryPasswordValidityDays: 7,
};

/**
 * A pool of DescribeUserPool with the rules that writes must respect.
 *
 * @throws MalformedAnswerError if a field has a wrong type
 */
export function normaliseTargetPool(
  place: Pick<Pool, 'poolId' | 'region'>,
  pool: UserPoolType | undefined,
): TargetPool {
  const { poolId, accountId, region, name, estimatedUsers } = normalisePool(place, pool);
  const policy = pool?.Policies?.PasswordPolicy;
  return {
    poolId,
    accountId,
    region,
    name,
    estimatedUsers,
    schema: new Map((pool?.SchemaAttributes ?? []).map(readAttribute)),
    usernameAttributes: readTexts('UsernameAttributes', pool?.UsernameAttributes),
    aliasAttributes: readTexts('AliasAttributes', pool?.AliasAttributes),
    autoVerifiedAttributes: readTexts('AutoVerifiedAttributes', pool?.AutoVerifiedAttributes),
    // Pools from before the setting existed have no configuration, and compare case.
    caseSensitive: pool?.UsernameConfiguration?.CaseSensitive ?? true,
    passwordPolicy: {
      minimumLength: policy?.MinimumLength ?? DEFAULT_POLICY.minimumLength,
      requireUppercase: policy?.RequireUppercase ?? DEFAULT_POLICY.requireUppercase,
      requireLowercase: policy?.RequireLowercase ?? DEFAULT_POLICY.requireLowercase,
      requireNumbers: policy?.RequireNumbers ?? DEFAULT_POLICY.requireNumbers,
      requireSymbols: policy?.RequireSymbols ?? DEFAULT_POLICY.requireSymbols,
      temporaryPasswordValidityDays:
        policy?.TemporaryPasswordValidityDays ?? DEFAULT_POLICY.temporaryPasswordValidityDays,
    },
    triggers: readTriggers(pool),
    tier: pool?.UserPoolTier ?? null,
    mfaConfiguration: pool?.MfaConfiguration ?? null,
    deletionProtection:
      pool?.DeletionProtection === undefined ? null : pool.DeletionProtection === 'ACTIVE',
  };
}

function readAttribute(
  attribute: NonNullable<UserPoolType['SchemaAttributes']>[number],
): [string, TargetAttribute] {
  const { Name, AttributeDataType: type, Required, Mutable } = attribute;
  if (typeof Name !== 'string') throw new MalformedAnswerError('an attribute lacks its name');
  const text = attribute.StringAttributeConstraints;
  const number = attribute.NumberAttributeConstraints;
  return [
    Name,
    {
      type: type ?? 'String',
      required: Required ?? false,
      mutable: Mutable ?? true,
      min: readLimit(type === 'Number' ? number?.MinValue : text?.MinLength),
      max: readLimit(type === 'Number' ? number?.MaxValue : text?.MaxLength),
    },
  ];
}

/** The service gives limits as texts. */
function readLimit(text: string | undefined): number | null {
  const limit = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(limit) ? limit : null;
}

function readTexts(field: string, texts: readonly string[] | undefined): readonly string[] {
  const given: unknown = texts ?? [];
  if (Array.isArray(given) && given.every((text) => typeof text === 'string')) return given;
  throw new MalformedAnswerError(`the ${field} of a pool must be a list of strings`);
}

/** `KMSKeyID` of the configuration is a key, not a trigger. Some triggers have a version beside an ARN. */
function readTriggers(pool: UserPoolType | undefined): string[] {
  return Object.entries(pool?.LambdaConfig ?? {})
    .filter(([name, value]) => name !== 'KMSKeyID' && Boolean(value))
    .map(([name]) => name.replace(/Config$/, ''))
    .filter((name, index, all) => all.indexOf(name) === index)
    .sort();
}
