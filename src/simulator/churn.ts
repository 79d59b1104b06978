import type { Random } from './generate/random.ts';
import type { SimulatedPool } from './pool.ts';

/** One change of the kind that happens while a walk runs: a user comes, or one goes. */
export function churn(pool: SimulatedPool, random: Random): void {
  if (pool.userCount > 0 && random.chance(0.5)) {
    // Ids of users that are gone are drawn too: a few draws find one in any pool of some size.
    for (let draw = 0; draw < 8; draw += 1) {
      const user = pool.store.get(random.below(pool.store.idLimit));
      if (user === undefined) continue;
      pool.deleteUser(user.username);
      return;
    }
  }
  const code = `${random.bits().toString(36)}${random.bits().toString(36)}`;
  pool.createUser({
    username: `churn-${code}`,
    sub: subOf(random),
    attributes: { email: `churn.${code}@example.com`, email_verified: 'true' },
  });
}

/** A version 4 UUID of the given randomness, so that the same seed makes the same users. */
function subOf(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.bits().toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
