import { expect, test } from 'vitest';
import { MemberList } from '../../src/simulator/group-store.ts';
import fc from '../support/fast-check.ts';
import { byName, listAll, simulate } from './support.ts';

const DIGITS = '0123456789abcdef'.split('');

test('walks of all 16 prefixes return exactly the users of a single walk', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        users: fc.integer({ min: 0, max: 300 }),
        created: fc.integer({ min: 0, max: 20 }),
        seed: fc.nat(1000),
        pageFill: fc.constantFrom(0.1, 0.5, 0.9, 1),
        Limit: fc.integer({ min: 1, max: 60 }),
        empty: fc.constantFrom(0, 0.3, 1),
        short: fc.constantFrom(0, 0.5, 1),
        repeat: fc.constantFrom(0, 0.5),
        secondDigit: fc.option(fc.nat(15), { nil: undefined }),
      }),
      async ({ users, created, seed, pageFill, Limit, empty, short, repeat, secondDigit }) => {
        const digit = secondDigit === undefined ? {} : { secondDigit };
        const { simulator, pool, client } = await simulate({
          users,
          groups: 0,
          seed,
          pageFill,
          ...digit,
        });
        for (let n = 0; n < created; n += 1) pool.createUser({ username: `created-${n}` });
        const serial = (await listAll(client)).flat();
        simulator.faults.set({ 'empty-page': empty, 'short-page': short, 'repeat-user': repeat });
        const walks = await Promise.all(
          DIGITS.map((prefix) => listAll(client, { Filter: `sub ^= "${prefix}"`, Limit })),
        );
        const sharded = new Map(walks.flat(2).map((user) => [user.Username, user]));
        expect(byName([...sharded.values()])).toEqual(byName(serial));
        expect(serial).toHaveLength(users + created);
        client.destroy();
        await simulator.close();
      },
    ),
    { numRuns: 12 },
  );
});

test('a member list behaves as a sorted set', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('add', 'delete'), fc.nat(50))),
      fc.nat(60),
      (changes, from) => {
        const list = new MemberList();
        const model = new Set<number>();
        for (const [change, id] of changes as ['add' | 'delete', number][]) {
          const differs = change === 'add' ? !model.has(id) : model.has(id);
          expect(list[change](id)).toBe(differs);
          model[change](id);
          expect(list.has(id)).toBe(model.has(id));
        }
        const sorted = [...model].toSorted((a, b) => a - b);
        expect([...list.from(from)]).toEqual(sorted.filter((id) => id >= from));
        expect(list.size).toBe(model.size);
      },
    ),
  );
});
