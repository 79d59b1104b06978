import { ServiceError } from './errors.ts';

/** The service's limit of linked identities (its quotas page). */
const MAX_IDENTITIES = 5;

/** A person as an identity provider knows them. */
export interface Identity {
  readonly providerName: string;
  /** Such as `Google`, `SAML` or `OIDC`. */
  readonly providerType: string;
  readonly userId: string;
}

/**
 * The attribute `identities` with one identity more.
 *
 * @param identities the attribute before: a JSON array as text, or undefined
 * @param now milliseconds since 1970
 * @throws ServiceError if the identity is linked already, or too many are
 */
export function addIdentity(
  identities: string | undefined,
  { providerName, providerType, userId }: Identity,
  now: number,
): string {
  const linked = JSON.parse(identities ?? '[]') as Identity[];
  if (linked.some((each) => each.providerName === providerName && each.userId === userId)) {
    throw new ServiceError(
      'InvalidParameterException',
      'SourceUser is already linked to DestinationUser',
    );
  }
  if (linked.length >= MAX_IDENTITIES) {
    throw new ServiceError('LimitExceededException', 'Exceeded the number of linked identities.');
  }
  const added = {
    userId,
    providerName,
    providerType,
    issuer: null,
    primary: false,
    dateCreated: String(now),
  };
  return JSON.stringify([...linked, added]);
}
