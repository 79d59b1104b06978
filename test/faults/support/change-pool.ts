import type { Random } from '../../../src/simulator/generate/random.ts';
import type { SimulatedPool } from '../../../src/simulator/pool.ts';

type Change = (pool: SimulatedPool, random: Random) => void;

const anyUser = (pool: SimulatedPool, random: Random) =>
  random.pick([...pool.users()].map(({ username }) => username));

/** What happens in a pool from one day to the next. */
const CHANGES: readonly Change[] = [
  (pool, random) => {
    const username = `new-${random.bits()}`;
    pool.createUser({ username, attributes: { email: `${username}@example.com` } });
    pool.addToGroup(username, random.pick(pool.groupNames()));
  },
  (pool, random) => pool.deleteUser(anyUser(pool, random)),
  // The same name, another person.
  (pool, random) => {
    const username = anyUser(pool, random);
    pool.deleteUser(username);
    pool.createUser({ username });
  },
  (pool, random) =>
    pool.updateAttributes(anyUser(pool, random), { 'custom:department': `d${random.bits()}\\` }),
  (pool, random) => {
    const username = anyUser(pool, random);
    pool.changeUser(username, { enabled: !pool.user(username).enabled });
  },
  (pool, random) => pool.addToGroup(anyUser(pool, random), random.pick(pool.groupNames())),
  (pool, random) => pool.createGroup(`group-${random.bits()}`, { precedence: random.below(9) }),
  (pool, random) => {
    // One is left to add users to.
    if (pool.groupNames().length > 1) pool.deleteGroup(random.pick(pool.groupNames()));
  },
];

/** Makes so many random changes; the pool should have some users more than that, and a group. */
export function changePool(pool: SimulatedPool, random: Random, changes: number): void {
  for (let i = 0; i < changes; i += 1) random.pick(CHANGES)(pool, random);
}
