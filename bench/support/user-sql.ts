/** SQL for the `sub` of user number `n`. */
export const SUB = 'md5(n::text)::uuid::text';

/**
 * SQL for the attributes of user number `n`, about 600 bytes as the service has them. One in twenty is
 * linked to a profile of Google.
 *
 * @param mail what follows `user.` and the number in the address, such as `@example.com`
 */
export function selectAttributes(mail: string): string {
  return `jsonb_build_object(
      'sub', ${SUB}, 'email', 'user.' || n || '${mail}', 'email_verified', 'true',
      'name', 'Given Family ' || n, 'given_name', 'Given', 'family_name', 'Family',
      'phone_number', '+4179' || n, 'custom:team', 't-' || n % 5000, 'locale', 'en-US',
      'zoneinfo', 'Europe/Zurich', 'address', n || ' Main Street'
    ) || CASE WHEN n % 20 = 0 THEN jsonb_build_object('identities',
      '[{"userId":"' || n || '","providerName":"Google","primary":"false"}]') ELSE '{}' END`;
}
