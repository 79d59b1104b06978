import { randomBytes } from 'node:crypto';
import type { Call } from './call.ts';
import { emptyConfiguration } from './configuration.ts';
import { invalidParameter } from './errors.ts';
import { SimulatedPool } from './pool.ts';
import { describePool } from './reads.ts';
import type { SchemaInput } from './requests.ts';
import { createSchema, type SchemaAttribute } from './schema.ts';
import { createSettings, DEFAULT_PASSWORD_POLICY } from './settings.ts';

/** CreateUserPool: a pool without users in the Region of the request. */
export function createUserPool(call: Call): string {
  const { input, region, services } = call;
  const usernameAttributes = input.UsernameAttributes ?? [];
  const aliasAttributes = input.AliasAttributes ?? [];
  if (usernameAttributes.length > 0 && aliasAttributes.length > 0) {
    throw invalidParameter(
      'Only one of the aliasAttributes or usernameAttributes can be set in a user pool.',
    );
  }
  const settings = createSettings(`${region}_${createPoolName()}`, services.account, {
    name: input.PoolName ?? '',
    createdAt: Math.floor(services.now()),
    mfaConfiguration: input.MfaConfiguration ?? 'OFF',
    tier: input.UserPoolTier ?? 'ESSENTIALS',
    usernameAttributes,
    aliasAttributes,
    triggers: input.LambdaConfig ?? {},
    passwordPolicy: { ...DEFAULT_PASSWORD_POLICY, ...input.Policies?.PasswordPolicy },
    providers: new Map(),
    schema: createSchema((input.Schema ?? []).map(readAttribute)),
  });
  const pool = new SimulatedPool({
    settings,
    users: 0,
    groups: 0,
    seed: 0,
    now: services.now,
    configuration: emptyConfiguration(),
  });
  services.pools.set(settings.id, pool);
  return JSON.stringify({ UserPool: describePool(pool) });
}

/** Nine letters and digits, as the service chooses them. */
function createPoolName(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from(randomBytes(9), (byte) => letters[byte % letters.length]).join('');
}

/** A name without a prefix belongs to a custom attribute, unless it is a standard one. */
function readAttribute(input: SchemaInput): SchemaAttribute {
  const standard = createSchema().get(input.Name);
  const isDeveloperOnly = input.DeveloperOnlyAttribute === true;
  const type = input.AttributeDataType ?? standard?.type ?? 'String';
  const { StringAttributeConstraints: text, NumberAttributeConstraints: number } = input;
  if (standard !== undefined && type !== standard.type) {
    throw invalidParameter(
      `You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute ${input.Name}`,
    );
  }
  if (standard === undefined && input.Required === true) {
    throw invalidParameter('Required custom attributes are not supported currently.');
  }
  return {
    name:
      standard === undefined ? `${isDeveloperOnly ? 'dev:' : ''}custom:${input.Name}` : input.Name,
    type,
    required: input.Required ?? false,
    mutable: input.Mutable ?? true,
    min: readLimit(text?.MinLength ?? number?.MinValue) ?? standard?.min,
    max: readLimit(text?.MaxLength ?? number?.MaxValue) ?? standard?.max,
  };
}

function readLimit(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
