import type { UserState, Version } from '../model/history.ts';
import type { GroupFields } from '../model/restore.ts';
import { decodeName, unescapeUnstorable } from '../model/storable.ts';
import { isHashed } from '../privacy/hash-key.ts';

/** An identity of a provider that a user is linked with. */
export interface SourceIdentity {
  readonly providerName: string;
  readonly userId: string;
}

/** A user of the snapshot. The username and the names of groups have their stored form. */
export interface SourceUser {
  readonly username: string;
  readonly sub: string | null;
  readonly status: string | null;
  readonly enabled: boolean;
  /** By their own names, as the service had them, without `sub` and readable `identities`. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Linked profiles of other providers, of a user that is not such a profile itself. */
  readonly identities: readonly SourceIdentity[];
  /** The second factors that are known. */
  readonly mfaSettings: readonly string[];
  readonly preferredMfa: string | null;
  readonly groupNames: readonly string[];
  /** False for a member of a group whose user the snapshot lacks, which is rare. */
  readonly isKnown: boolean;
}

/** Attributes that no call sets. */
const KEPT_BY_SERVICE = ['sub', 'identities'];

/** Reads a user of a snapshot. */
export function toSourceUser({ username, content, groupNames }: UserState): SourceUser {
  const stored = readAttributes(content);
  // Identities that are hashed stay: they are lost like any attribute that privacy rules hide.
  const attributes = new Map(
    [...stored].filter(([name, value]) => !KEPT_BY_SERVICE.includes(name) || isHashed(value)),
  );
  return {
    username,
    sub: (content['sub'] as string | null) ?? null,
    status: (content['status'] as string | null) ?? null,
    enabled: (content['enabled'] as boolean | null) ?? true,
    attributes,
    identities: readIdentities(stored.get('identities')),
    mfaSettings: readMfaSettings(content),
    preferredMfa: (content['preferred_mfa'] as string | null | undefined) ?? null,
    groupNames,
    isKnown: true,
  };
}

/** A member of groups whose user the snapshot lacks. */
export function toUnknownUser(username: string, groupNames: readonly string[]): SourceUser {
  const content = { attributes: {}, escaped: [] };
  return { ...toSourceUser({ username, content, groupNames }), isKnown: false };
}

/** The fields of a group of a snapshot, as the service had them. */
export function toGroupFields(content: Version): GroupFields {
  const escaped = content['escaped'] as readonly string[];
  const text = (name: string) => {
    const value = (content[name] as string | null) ?? null;
    return value !== null && escaped.includes(name) ? unescapeUnstorable(value) : value;
  };
  return {
    description: text('description'),
    roleArn: text('role_arn'),
    precedence: (content['precedence'] as number | null) ?? null,
  };
}

function readAttributes(content: Version): Map<string, string> {
  const escaped = new Set(content['escaped'] as readonly string[]);
  const attributes = content['attributes'] as Readonly<Record<string, string>>;
  return new Map(
    Object.entries(attributes).map(([name, value]) => [
      decodeName(name),
      escaped.has(name) ? unescapeUnstorable(value) : value,
    ]),
  );
}

/**
 * The links in the attribute `identities`. A profile of a provider has its own identity there as the
 * primary one: it links nothing.
 */
export function readIdentities(text: string | undefined): SourceIdentity[] {
  if (text === undefined) return [];
  try {
    const listed: unknown = JSON.parse(text);
    if (!Array.isArray(listed)) return [];
    return listed.flatMap(({ providerName, userId, primary }) =>
      typeof providerName === 'string' && userId !== undefined && String(primary) === 'false'
        ? [{ providerName, userId: String(userId) }]
        : [],
    );
  } catch {
    return [];
  }
}

/** Listings show SMS alone, and only by the legacy options. */
function readMfaSettings(content: Version): readonly string[] {
  const known = (content['mfa_settings'] as readonly string[] | null | undefined) ?? [];
  const options = (content['mfa_options'] as readonly { DeliveryMedium?: string }[] | null) ?? [];
  const bySms = options.some(({ DeliveryMedium }) => DeliveryMedium === 'SMS');
  return bySms && !known.includes('SMS_MFA') ? [...known, 'SMS_MFA'] : known;
}
