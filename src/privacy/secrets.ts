import type { Json, Settings } from '../model/pool-settings.ts';
import type { HashKey } from './hash-key.ts';

/** Names of fields whose texts are secrets, wherever they are. */
const SECRET_NAME =
  /secret|private_?key|pass(word|phrase|wd)|credential|external_?id|api_?key|access_?key/i;

/** Names of parameters in a URL that carry a secret. */
const SECRET_PARAMETER = /secret|token|password|key|sig|code|credential|auth/i;

/** Details of identity providers that are not secret (API reference, CreateIdentityProvider). */
const SHOWN_DETAILS = new Set([
  'ActiveEncryptionCertificate',
  'EncryptedResponses',
  'IDPInit',
  'IDPSignout',
  'MetadataFile',
  'MetadataURL',
  'RequestSigningAlgorithm',
  'SLORedirectBindingURI',
  'SSORedirectBindingURI',
  'api_version',
  'attributes_request_method',
  'attributes_url',
  'attributes_url_add_attributes',
  'authorize_scopes',
  'authorize_url',
  'client_id',
  'jwks_uri',
  'key_id',
  'oidc_issuer',
  'team_id',
  'token_request_method',
  'token_url',
]);

/**
 * Replaces the secrets in the settings of one pool by keyed hashes: a change shows, and the value does
 * not. The same secret has another hash in another pool, part or field.
 */
export class Secrets {
  readonly #poolId: string;
  readonly #key: HashKey;

  constructor(poolId: string, key: HashKey) {
    this.#poolId = poolId;
    this.#key = key;
  }

  /** @param part such as `client/1a2b3c` */
  hide(part: string, settings: Settings): Settings {
    return this.#hideFields(part, settings, false);
  }

  #hideFields(path: string, fields: Settings, isSecret: boolean): Settings {
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => {
        const own = isSecret || SECRET_NAME.test(name) || isUnknownDetail(path, name);
        return [name, this.#hideValue(`${path}.${name}`, value, own)];
      }),
    );
  }

  #hideValue(path: string, value: Json, isSecret: boolean): Json {
    if (typeof value === 'string') {
      if (value === '' || !(isSecret || carriesSecret(value))) return value;
      return this.#key.hash(this.#poolId, `settings:${path}`, value);
    }
    if (Array.isArray(value)) return value.map((each) => this.#hideValue(path, each, isSecret));
    if (typeof value === 'object' && value !== null) {
      return this.#hideFields(path, value as Settings, isSecret);
    }
    return value;
  }
}

/** A provider may get details that this program does not know. */
function isUnknownDetail(path: string, name: string): boolean {
  return path.endsWith('.ProviderDetails') && !SHOWN_DETAILS.has(name);
}

/** True for a URL with a password or a parameter that is a secret. */
function carriesSecret(text: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text) || !URL.canParse(text)) return false;
  const { password, searchParams } = new URL(text);
  return password !== '' || [...searchParams.keys()].some((name) => SECRET_PARAMETER.test(name));
}
