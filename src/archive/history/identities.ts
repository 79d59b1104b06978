/** The longest username. */
const LONGEST = 128;

/**
 * The usernames of the federated profiles that an attribute `identities` names, as
 * `directory.identity_names` has them: providerName_userId.
 */
export function identityNames(identities: string | undefined | null): string[] {
  return parseArray(identities ?? '').flatMap((identity) => {
    const { providerName, userId } = (identity ?? {}) as Record<string, unknown>;
    const [provider, user] = [toText(providerName), toText(userId)];
    if (provider === null || user === null) return [];
    return [Array.from(`${provider}_${user}`).slice(0, LONGEST).join('')];
  });
}

function parseArray(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function toText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
