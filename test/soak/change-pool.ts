import type { Random } from '../../src/simulator/generate/random.ts';
import type { SimulatedPool } from '../../src/simulator/pool.ts';

/** What is changed of a pool, and how. */
export interface Changing {
  readonly pool: SimulatedPool;
  readonly random: Random;
  /** The users that the pool has by and large: more come where it has fewer, and some go otherwise. */
  readonly size: number;
  /** Waited for after each single change. */
  readonly noted: () => Promise<void>;
}

/** Groups that come and go: without them a pool would lose members by the hundred, and be held. */
const FLEETING_GROUPS = ['fleeting-1', 'fleeting-2', 'fleeting-3'];

const TEXTS = ["O'Brien", 'back\\slash', 'nul \0', 'lone \ud800', '雪 ❄ ٣', '<b>&amp;</b>', '=1+1'];

type Change = (changing: Changing) => Promise<void>;

const CHANGES: readonly Change[] = [
  comeOrGo,
  comeOrGo,
  changeAttributes,
  changeAttributes,
  async ({ pool, random, noted }) => {
    const username = someone(pool, random);
    pool.changeUser(username, { enabled: !pool.user(username).enabled });
    await noted();
  },
  anotherPerson,
  async ({ pool, random, noted }) => {
    const group = random.pick(pool.groupNames());
    pool.updateGroup(group, { description: random.pick(TEXTS), precedence: random.below(9) });
    await noted();
  },
  async ({ pool, random, noted }) => {
    pool.addToGroup(someone(pool, random), random.pick(pool.groupNames()));
    await noted();
  },
  async ({ pool, random, noted }) => {
    const username = someone(pool, random);
    const [group] = pool.groupNamesOf(username);
    if (group !== undefined) pool.removeFromGroup(username, group);
    await noted();
  },
  async ({ pool, random, noted }) => {
    const name = random.pick(FLEETING_GROUPS);
    if (pool.groupNames().includes(name)) pool.deleteGroup(name);
    else pool.createGroup(name, { description: random.pick(TEXTS) });
    await noted();
  },
];

/** Makes one random change of the kinds that a pool sees while people use it. */
export async function changePool(changing: Changing): Promise<void> {
  await changing.random.pick(CHANGES)(changing);
}

async function comeOrGo({ pool, random, size, noted }: Changing): Promise<void> {
  if (pool.userCount < size) {
    pool.createUser({ username: `new-${random.bits()}`, attributes: { email: 'n@example.com' } });
  } else {
    pool.deleteUser(someone(pool, random));
  }
  await noted();
}

async function changeAttributes({ pool, random, noted }: Changing): Promise<void> {
  pool.updateAttributes(someone(pool, random), {
    'custom:department': random.pick(TEXTS),
    name: `${random.pick(TEXTS)} ${random.below(1000)}`,
  });
  await noted();
}

/** The same name, in the same group, for another person. */
async function anotherPerson({ pool, random, noted }: Changing): Promise<void> {
  const username = someone(pool, random);
  const [group] = pool.groupNamesOf(username);
  pool.deleteUser(username);
  await noted();
  pool.createUser({ username });
  await noted();
  if (group === undefined) return;
  pool.addToGroup(username, group);
  await noted();
}

function someone({ store }: SimulatedPool, random: Random): string {
  for (;;) {
    const user = store.get(random.below(store.idLimit));
    if (user !== undefined) return user.username;
  }
}
