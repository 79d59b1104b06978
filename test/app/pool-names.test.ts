import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createMirror,
  loadOptions,
  type Mirror,
  type MirrorOptions,
  verifyArchives,
} from '../../src/index.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

const SHOP = 'us-east-1_Shop';
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

beforeAll(async () => {
  // The simulator names a pool after its id, so that the two `Crm` have one name.
  source = await openTestMirror({
    users: 5,
    groups: 1,
    pools: [SHOP, 'us-east-1_New', 'us-east-1_Crm', 'eu-west-1_Crm'],
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
  for (const id of ['us-east-1_Crm', 'eu-west-1_Crm']) await withMirror((each) => each.sync(id));
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

  it('may be given by its name, which the database knows', async () => {
    expect(await withMirror((mirror) => mirror.poolIds(['simulated-shop']))).toEqual([SHOP]);
    expect(listings).toBe(0);
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
