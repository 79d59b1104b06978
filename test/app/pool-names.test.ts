import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toAccess, toConfig } from '../../src/app/to-config.ts';
import { openSurroundings } from '../../src/doctor/surroundings.ts';
import {
  createMirror,
  loadOptions,
  type Mirror,
  type MirrorOptions,
  verifyArchives,
} from '../../src/index.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

const SHOP = 'us-east-1_Shop';
/** Of one name, which the second took over. The simulator deletes the first once it was mirrored. */
const DELETED = { id: 'us-east-1_Deleted', settings: { name: 'again' } };
const AGAIN = { id: 'us-east-1_Again', settings: { name: 'again' } };
/** The same, but the first is of another account, which no longer lists it here. */
const THEIRS = { id: 'us-east-1_Theirs', account: '999999999999', settings: { name: 'theirs' } };
const OURS = { id: 'us-east-1_Ours', settings: { name: 'theirs' } };
/** Of one name. The second is not mirrored. */
const TWINS = ['us-east-1_Ann', 'us-east-1_Bob'].map((id) => ({ id, settings: { name: 'twin' } }));
const ARN = `arn:aws:cognito-idp:us-east-1:000000000000:userpool/${SHOP}`;

let source: TestMirror;
let folder: string;
let listings: number;
let options: MirrorOptions;

/** Runs `work` with a mirror of its own, so that no name is known yet. */
async function withMirror<T>(
  work: (mirror: Mirror) => Promise<T>,
  more: MirrorOptions = {},
): Promise<T> {
  const mirror = await createMirror({ ...options, ...more });
  try {
    return await work(mirror);
  } finally {
    await mirror.close();
  }
}

/** The pools that `doctor` would examine. */
async function askDoctor(pools: readonly string[]) {
  const asked = { ...options, pools };
  const context = { config: toConfig(asked), access: toAccess(asked), problems: [], env: {} };
  const surroundings = openSurroundings({ ...context, traces: false, unusable: new Set() });
  try {
    return await surroundings.findPools();
  } finally {
    await surroundings.close();
  }
}

beforeAll(async () => {
  // The simulator names a pool after its id, so that the two `Crm` have one name.
  source = await openTestMirror({
    users: 5,
    groups: 1,
    pools: [
      SHOP,
      'us-east-1_New',
      'us-east-1_Crm',
      'eu-west-1_Crm',
      ...[DELETED, AGAIN, THEIRS, OURS, ...TWINS],
    ],
  });
  folder = mkdtempSync(join(tmpdir(), 'pool-names-'));
  options = {
    home: join(folder, 'home'),
    databaseUrl: source.databaseUrl,
    archiveUrl: pathToFileURL(join(folder, 'archive')).href,
    region: 'us-east-1',
    logger: 'silent',
  };
  await withMirror((mirror) => mirror.sync(SHOP));
  const mirrored = ['us-east-1_Crm', 'eu-west-1_Crm', DELETED.id, THEIRS.id, 'us-east-1_Ann'];
  await withMirror(async (mirror) => {
    for (const id of mirrored) await mirror.sync(id);
  });
  const pools = source.simulator.pools as Map<string, unknown>;
  for (const { id } of [DELETED, THEIRS]) pools.delete(id);
});
afterAll(async () => {
  await source.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  listings = 0;
  source.proxy.before = ({ operation }) => {
    if (operation === 'ListUserPools') listings += 1;
  };
});

describe('a pool', () => {
  it('may be given by its id or ARN, without a look-up', async () => {
    expect(await withMirror((mirror) => mirror.poolIds([ARN, SHOP]))).toEqual([SHOP]);
    expect(listings).toBe(0);
  });

  it('may be given by its name, which the database and the account know', async () => {
    const ask = (mirrored: boolean) =>
      withMirror((mirror) => mirror.poolIds(['simulated-shop'], { mirrored }));
    expect(await ask(true)).toEqual([SHOP]);
    expect(listings).toBe(0);
    expect(await ask(false)).toEqual([SHOP]);
    expect(listings).toBe(1);
  });

  it.each<[string, (mirror: Mirror) => Promise<unknown>]>([
    ['sync', (mirror) => mirror.sync('twin')],
    ['plan', (mirror) => mirror.plan('twin')],
    ['diff now', (mirror) => mirror.diff('twin', async () => {}, { to: 'now' })],
    ['restore', (mirror) => mirror.restore({ from: `${SHOP}/latest`, to: 'twin', dryRun: true })],
    ['worker', (mirror) => mirror.worker({ schedules: { twin: {} } })],
    ['trigger', (mirror) => mirror.trigger('twin')],
  ])('of a name that two have is refused by %s, also if one is mirrored', async (_, work) => {
    await expect(withMirror(work)).rejects.toThrow(
      '"twin" is the name of 2 pools: us-east-1_Ann, us-east-1_Bob. Give the id of one.',
    );
  });

  it('of a name that two have is found by a question about what was mirrored', async () => {
    await withMirror(async (mirror) => {
      const { pools } = await mirror.status({ pools: ['twin'] });
      expect(pools.map(({ poolId }) => poolId)).toEqual(['us-east-1_Ann']);
      // What that look-up found does not decide which pool is read.
      await expect(mirror.plan('twin')).rejects.toThrow('is the name of 2 pools');
    });
    const verified = await verifyArchives({ pools: ['twin'] }, options);
    expect(verified.pools.map(({ poolId }) => poolId)).toEqual(['us-east-1_Ann']);
  });

  it('that was deleted and created again under its name is the new one for the service', async () => {
    await withMirror(async (mirror) => {
      expect((await mirror.plan('again')).poolId).toBe(AGAIN.id);
      expect(await mirror.poolIds(['again'], { mirrored: true })).toEqual([DELETED.id]);
    });
  });

  it('of another account does not give its name up', async () => {
    await expect(withMirror((mirror) => mirror.plan('theirs'))).rejects.toThrow(
      `"theirs" is the name of 2 pools: ${OURS.id}, ${THEIRS.id}.`,
    );
  });

  it('is found in the database alone where the account cannot be listed', async () => {
    source.proxy.before = ({ operation }) =>
      operation === 'ListUserPools'
        ? { __type: 'AccessDeniedException', message: 'denied' }
        : undefined;
    const ask = (name: string) => withMirror((mirror) => mirror.poolIds([name]));
    expect(await ask('twin')).toEqual(['us-east-1_Ann']);
    await expect(ask('simulated-crm')).rejects.toThrow('is the name of 2 pools');
    await expect(ask('simulated-new')).rejects.toThrow('could not be listed');
    // Emulators of the service have such ids.
    expect(await ask('local_1')).toEqual(['local_1']);
    expect(await askDoctor(['twin', 'local_1'])).toEqual({
      found: ['us-east-1_Ann', 'local_1'],
      unknown: [],
    });
    await expect(askDoctor(['simulated-new'])).rejects.toThrow('may not call ListUserPools');
  });

  it('is the same for `doctor`', async () => {
    expect(await askDoctor(['again', 'simulated-new', 'local_1', 'twin', 'no-such'])).toEqual({
      found: [AGAIN.id, 'us-east-1_New', 'local_1'],
      unknown: [
        { name: 'twin', ids: ['us-east-1_Ann', 'us-east-1_Bob'] },
        { name: 'no-such', ids: [] },
      ],
    });
  });

  it('that was never mirrored is found in the list of the account', async () => {
    await withMirror(async (mirror) => {
      const { poolId } = await mirror.plan('simulated-new');
      expect(poolId).toBe('us-east-1_New');
      await mirror.plan('simulated-new');
    });
    expect(listings).toBe(1);
  });

  it('is not sought in the account by a question that only the database answers', async () => {
    const asking = withMirror((mirror) => mirror.history('simulated-new', 'ann'));
    await expect(asking).rejects.toThrow(
      /^POOL: "simulated-new" is not a pool id, and no pool of this name was mirrored\. Give/,
    );
    expect(listings).toBe(0);
  });

  it('of a name that two have is refused with their ids', async () => {
    const asking = withMirror((mirror) => mirror.sync('simulated-crm'));
    await expect(asking).rejects.toThrow(
      'POOL: "simulated-crm" is the name of 2 pools: eu-west-1_Crm, us-east-1_Crm.',
    );
  });

  it('of a name that none has is refused with where it was sought', async () => {
    const asking = withMirror((mirror) => mirror.sync('no-such'));
    await expect(asking).rejects.toThrow('the account has no pool of this name in us-east-1.');
    const without = withMirror((mirror) => mirror.sync('no-such'), {
      credentials: async () => {
        throw new Error('none');
      },
    });
    await expect(without).rejects.toThrow(/could not be listed \(.*credentials/);
  });

  it('that none has is reported under what names it', async () => {
    const file = join(folder, 'unknown.yaml');
    writeFileSync(file, 'pools: { no-such: { maxRemovedRatio: 0.5 } }');
    const variable = { COGNITO_POOLS: 'no-such' };
    const cases = [
      ['POOL', await loadOptions(variable, { pools: ['no-such'] })],
      ['COGNITO_POOLS', await loadOptions(variable)],
      ['MIRROR_CONFIG', await loadOptions({ MIRROR_CONFIG: file })],
    ] as const;
    for (const [subject, loaded] of cases) {
      const more = { ...loaded, ...options };
      const asking = withMirror((mirror) => mirror.planPools(loaded.pools), more);
      await expect(asking).rejects.toMatchObject({ problems: [{ subject }] });
    }
  });

  it('of an ARN in another Region than its id is refused', async () => {
    const arn = ARN.replace('us-east-1:', 'eu-west-1:');
    await expect(withMirror((mirror) => mirror.sync(arn))).rejects.toThrow(
      'has another Region than the pool id in it.',
    );
  });
});

describe('every method', () => {
  it('takes an ARN and a name', async () => {
    const signal = new AbortController().signal;
    await withMirror(async (mirror) => {
      for (const pool of [ARN, 'simulated-shop']) {
        const [user] = await source.rows<{ username: string }>(
          'SELECT username FROM directory.users WHERE pool_id = $1 LIMIT 1',
          [SHOP],
        );
        const { username } = user as { username: string };
        expect((await mirror.sync(pool)).poolId).toBe(SHOP);
        expect((await mirror.status({ pools: [pool] })).pools[0]?.poolId).toBe(SHOP);
        expect((await mirror.checkAge({ pools: [pool], maxAgeSeconds: 60 })).ok).toBe(true);
        expect((await mirror.history(pool, username)).poolId).toBe(SHOP);
        expect((await mirror.accessOfUser(pool, username)).poolId).toBe(SHOP);
        const use = async (_: unknown, batches: AsyncIterable<unknown>) => {
          for await (const batch of batches) void batch;
        };
        const diff = await mirror.diff(pool, use, { to: `${pool}/latest` });
        expect(diff.poolId).toBe(SHOP);
        for await (const page of mirror.list({ kind: 'groups', poolId: pool }, { signal })) {
          expect(page.items).toHaveLength(1);
        }
        const { plan } = await mirror.restore({ from: `${pool}/latest`, to: pool, dryRun: true });
        expect(plan.target.poolId).toBe(SHOP);
        await expect(mirror.release(`${pool}/20010101T000000Z`)).rejects.toThrow(SHOP);
        const verified = await verifyArchives({ pools: [pool] }, options);
        expect(verified.pools[0]?.poolId).toBe(SHOP);
        await mirror.retire(pool);
      }
    });
  });

  it('finds the settings of a pool that the file names', async () => {
    const file = join(folder, 'config.yaml');
    const elsewhere = pathToFileURL(join(folder, 'elsewhere')).href;
    writeFileSync(file, `pools:\n  simulated-new:\n    archiveUrl: ${elsewhere}\n`);
    const loaded = await loadOptions({ MIRROR_CONFIG: file });
    expect(loaded.pools).toEqual(['simulated-new']);
    const { pools, perPool = {} } = loaded;
    await withMirror(
      async (mirror) => {
        const [outcome] = await mirror.syncPools(pools);
        expect(outcome?.report.poolId).toBe('us-east-1_New');
      },
      { pools, perPool },
    );
    const verified = await verifyArchives({ archive: elsewhere }, options);
    expect(verified.pools.map(({ poolId }) => poolId)).toEqual(['us-east-1_New']);
    await expect(
      withMirror((mirror) => mirror.sync('us-east-1_New'), {
        perPool: { 'simulated-new': {}, 'us-east-1_New': {} },
      }),
    ).rejects.toThrow('gives the settings of a pool twice');
  });
});
