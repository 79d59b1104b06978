import type { MfaOption, UserRecord } from '../records.ts';
import { mix, Random } from './random.ts';
import type { SubTable } from './sub-table.ts';
import { type Origin, PROVIDERS, type Provider, type Usernames } from './usernames.ts';
import {
  CITIES,
  FAMILY_NAMES,
  GIVEN_NAMES,
  HANDLES,
  LOCALES,
  MAIL_DOMAINS,
  ODD_TEXTS,
  PLANS,
  TIME_ZONES,
} from './words.ts';

/** Generated dates are before this time, so that they do not depend on the clock. */
export const GENERATED_BEFORE = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** Rare statuses: one of each per 97 users. The last one does not exist yet. */
const RARE_STATUSES = [
  'ARCHIVED',
  'COMPROMISED',
  'UNKNOWN',
  'RESET_REQUIRED',
  'PENDING_PASSKEY_ENROLLMENT',
];
const RARE_EVERY = 97;

/** One user in 31 has an odd text, each text in turn. */
const ODD_EVERY = 31;
const ODD_ATTRIBUTES = ['name', 'nickname', 'custom:notes', 'family_name', 'address'];

/** The custom attributes of a generated pool, with their prefix. */
export const CUSTOM_ATTRIBUTES = [
  'custom:tenant',
  'custom:plan',
  'custom:seats',
  'custom:notes',
  'custom:größe',
  'dev:custom:crm_id',
] as const;

const SMS_MFA: readonly MfaOption[] = [{ DeliveryMedium: 'SMS', AttributeName: 'phone_number' }];
const NO_MFA: readonly MfaOption[] = [];

const PROVIDER_TYPES: Record<Provider, string> = {
  Google: 'Google',
  Facebook: 'Facebook',
  SAML: 'SAML',
};

/** Generates a user from its index and stores nothing. */
export class Profiles {
  readonly #seed: number;
  readonly #subs: SubTable;
  readonly #usernames: Usernames;

  constructor(seed: number, subs: SubTable, usernames: Usernames) {
    this.#seed = seed;
    this.#subs = subs;
    this.#usernames = usernames;
  }

  /** The user at this index; the same on every call. */
  at(index: number): UserRecord {
    const random = new Random(mix(this.#seed ^ 0x9f0f, index));
    const origin = this.#usernames.findOrigin(index);
    const username = this.#usernames.at(index);
    const createdAt = GENERATED_BEFORE - 1 - Math.floor(random.fraction() ** 2 * 6 * YEAR_MS);
    const modifiedAt = random.chance(0.3)
      ? createdAt
      : createdAt + Math.floor((GENERATED_BEFORE - 1 - createdAt) * random.fraction());
    const attributes = this.#attributes(index, origin, username, createdAt, random);
    const hasSms = attributes.has('phone_number') && random.chance(0.08);
    return {
      username,
      status: this.#status(index, origin, random),
      enabled: !random.chance(0.03),
      createdAt,
      modifiedAt,
      attributes,
      mfaOptions: hasSms ? SMS_MFA : NO_MFA,
      ...this.#mfa(index, hasSms),
    };
  }

  /** Its own random numbers keep everything else of a user as it was before second factors existed. */
  #mfa(index: number, hasSms: boolean): Pick<UserRecord, 'mfaSettings' | 'preferredMfa'> {
    const random = new Random(mix(this.#seed ^ 0x3fa, index));
    const mfaSettings = [
      ...(hasSms ? ['SMS_MFA'] : []),
      ...(random.chance(0.1) ? ['SOFTWARE_TOKEN_MFA'] : []),
    ];
    return { mfaSettings, preferredMfa: mfaSettings.at(-1) ?? null };
  }

  #status(index: number, origin: Origin, random: Random): string {
    if (origin !== 'native' && origin !== 'linked') return 'EXTERNAL_PROVIDER';
    const rare = RARE_STATUSES[(index + this.#seed) % RARE_EVERY];
    if (rare !== undefined) return rare;
    const percent = random.below(100);
    if (percent < 7) return 'FORCE_CHANGE_PASSWORD';
    return percent < 14 ? 'UNCONFIRMED' : 'CONFIRMED';
  }

  #attributes(
    index: number,
    origin: Origin,
    username: string,
    createdAt: number,
    random: Random,
  ): Map<string, string> {
    const given = random.pick(GIVEN_NAMES);
    const family = random.pick(FAMILY_NAMES);
    const attributes = new Map<string, string>([['sub', this.#subs.at(index)]]);
    if (random.chance(0.93)) {
      const handle = `${random.pick(HANDLES)}.${index.toString(36)}`;
      attributes.set('email', `${handle}@${random.pick(MAIL_DOMAINS)}`);
      attributes.set('email_verified', random.chance(0.85) ? 'true' : 'false');
    }
    if (random.chance(0.35)) {
      attributes.set('phone_number', `+4179${String(random.below(1e7)).padStart(7, '0')}`);
      attributes.set('phone_number_verified', random.chance(0.7) ? 'true' : 'false');
    }
    if (random.chance(0.6)) attributes.set('name', `${given} ${family}`);
    if (random.chance(0.55)) attributes.set('given_name', given);
    if (random.chance(0.5)) attributes.set('family_name', family);
    if (random.chance(0.15)) attributes.set('preferred_username', `${given}${random.below(1e6)}`);
    addRareAttributes(attributes, random);
    if (origin !== 'native') {
      attributes.set('identities', createIdentities(origin, username, createdAt, random));
    }
    this.#addOdd(index, attributes);
    return attributes;
  }

  /** Sets an odd text for some users, each text in turn. */
  #addOdd(index: number, attributes: Map<string, string>): void {
    const turn = index + this.#seed;
    if (turn % ODD_EVERY !== 0) return;
    const round = Math.floor(turn / ODD_EVERY);
    const text = ODD_TEXTS[round % ODD_TEXTS.length] as string;
    attributes.set(ODD_ATTRIBUTES[round % ODD_ATTRIBUTES.length] as string, text);
  }
}

/** Adds attributes that only some users have. */
function addRareAttributes(attributes: Map<string, string>, random: Random): void {
  if (random.chance(0.4)) attributes.set('custom:tenant', `t-${random.below(5000)}`);
  if (random.chance(0.3)) attributes.set('custom:plan', random.pick(PLANS));
  if (random.chance(0.1)) attributes.set('custom:seats', String(random.below(500)));
  if (random.chance(0.03)) attributes.set('custom:größe', 'XL');
  if (random.chance(0.1)) attributes.set('dev:custom:crm_id', `CRM${random.bits()}`);
  if (random.chance(0.3)) attributes.set('locale', random.pick(LOCALES));
  if (random.chance(0.2)) attributes.set('zoneinfo', random.pick(TIME_ZONES));
  if (random.chance(0.1))
    attributes.set('birthdate', `19${60 + random.below(40)}-07-1${random.below(9)}`);
  if (random.chance(0.08))
    attributes.set('address', `${random.below(300)} Main St, ${random.pick(CITIES)}`);
  if (random.chance(0.06))
    attributes.set('picture', `https://img.example.com/${random.bits()}.png`);
  if (random.chance(0.05)) attributes.set('gender', random.pick(['female', 'male', 'other']));
  if (random.chance(0.05)) attributes.set('updated_at', String(1_600_000_000 + random.below(1e8)));
}

/** The `identities` attribute: a JSON array as text. Linked users have one to three identities. */
function createIdentities(
  origin: Exclude<Origin, 'native'>,
  username: string,
  createdAt: number,
  random: Random,
): string {
  const providers =
    origin === 'linked' ? PROVIDERS.slice(random.below(PROVIDERS.length)) : [origin];
  return JSON.stringify(
    providers.map((provider) => ({
      userId:
        origin === 'linked' ? String(random.bits()) : username.slice(username.indexOf('_') + 1),
      providerName: provider,
      providerType: PROVIDER_TYPES[provider],
      issuer: provider === 'SAML' ? 'https://idp.corp.example/metadata' : null,
      primary: origin !== 'linked',
      dateCreated: String(createdAt),
    })),
  );
}
