import { expect, test } from 'vitest';
import { findIdsOfName, type KnownPool } from '../../src/model/named-pools.ts';

const known = (poolId: string, name = 'shop', accountId = '111122223333'): KnownPool => ({
  poolId,
  name,
  region: poolId.slice(0, poolId.indexOf('_')),
  accountId,
});
const listing = (pools: Record<string, string>) => ({
  region: 'us-east-1',
  pools: Object.entries(pools).map(([poolId, name]) => ({ poolId, name })),
});
const own = async () => '111122223333';
const OLD = 'us-east-1_Old';
const NEW = 'us-east-1_New';
const FAR = 'eu-west-1_Far';

test.each<[string, KnownPool[], Record<string, string>, string[]]>([
  ['that is mirrored and listed', [known(OLD)], { [OLD]: 'shop' }, [OLD]],
  ['whose name another took', [known(OLD)], { [OLD]: 'x', [NEW]: 'shop' }, [NEW]],
  ['that was renamed', [known(OLD)], { [OLD]: 'x' }, []],
  ['that is no longer listed', [known(OLD)], { [NEW]: 'x' }, [OLD]],
  ['created again and mirrored', [known(OLD), known(NEW)], { [NEW]: 'shop' }, [NEW]],
  ['and of one of another Region', [known(FAR)], { [NEW]: 'shop' }, [FAR, NEW]],
  ['and of one of another account', [known(OLD, 'shop', '9')], { [NEW]: 'shop' }, [NEW, OLD]],
  ['and of another listed one', [known(OLD)], { [OLD]: 'shop', [NEW]: 'shop' }, [NEW, OLD]],
])('the name of a pool %s', async (_, mirrored, listed, ids) => {
  expect(await findIdsOfName('shop', mirrored, listing(listed), own)).toEqual(ids);
});

test('a name stays ambiguous if the account of the listed pool is not known', async () => {
  const answer = listing({ [NEW]: 'shop' });
  expect(await findIdsOfName('shop', [known(OLD)], answer, async () => null)).toEqual([NEW, OLD]);
});

test('the id of an emulator counts if it is the name of no pool', async () => {
  expect(await findIdsOfName('local_1', [], listing({}), own)).toEqual(['local_1']);
  expect(await findIdsOfName('local_1', [known(OLD, 'local_1')], null, own)).toEqual([OLD]);
});
