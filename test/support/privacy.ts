import type { PrivacyRules } from '../../src/model/privacy.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { PoolPrivacy } from '../../src/privacy/pool-privacy.ts';

/** Long enough for MIRROR_HASH_KEY. */
export const HASH_KEY = 'a-key-of-the-tests-with-many-characters';

export const NO_RULES: PrivacyRules = { omit: [], hash: [] };

/** The rules of a pool, by default none. */
export function privacyOf(
  poolId: string,
  {
    database = NO_RULES,
    archive = NO_RULES,
  }: Partial<Record<'database' | 'archive', PrivacyRules>> = {},
  key = new HashKey(HASH_KEY),
): PoolPrivacy {
  return new PoolPrivacy({ poolId, database, archive, key });
}
