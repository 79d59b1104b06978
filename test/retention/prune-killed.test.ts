import { cpSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { ResumableError } from '../../src/model/errors.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { openFolder, wrap } from '../archive/destinations.ts';
import {
  FIRST,
  LAST,
  listKeys,
  partsOf,
  prune,
  SECOND,
  seal,
  signer,
  useSigner,
  verify,
} from './support.ts';

useSigner();

/** Fails every call that writes or deletes from one of them on, as if the process was killed there. */
function killAt(
  destination: Destination,
  moment: number,
): { killed: Destination; writes: () => number } {
  let writes = 0;
  const count = <T>(run: () => Promise<T>): Promise<T> => {
    writes += 1;
    return writes > moment ? Promise.reject(new ResumableError('killed')) : run();
  };
  const killed = wrap(destination, {
    create: (...args) => count(() => destination.create(...args)),
    // Killed between two objects.
    delete: async (keys, signal) => {
      for (const key of keys) await count(() => destination.delete([key], signal));
      return [];
    },
  });
  return { killed, writes: () => writes };
}

describe.each([
  ['signed', (): Signer | null => signer],
  ['unsigned', (): Signer | null => null],
] as const)('in a %s archive', (_, by) => {
  test('the next run completes what a run began, whenever that was killed', async () => {
    const sealed = await openFolder();
    onTestFinished(sealed.close);
    await seal(sealed.destination, by());
    const before = await listKeys(sealed.destination);
    const copy = async () => {
      const other = await openFolder();
      onTestFinished(other.close);
      cpSync(sealed.folder, other.folder, { recursive: true });
      return other.destination;
    };
    const { killed, writes } = killAt(await copy(), Number.POSITIVE_INFINITY);
    await prune(killed, { signer: by() });
    expect(writes()).toBeGreaterThan(10);
    for (let moment = 0; moment < writes(); moment += 1) {
      const destination = await copy();
      await prune(killAt(destination, moment).killed, { signer: by() });
      // What is gone is explained at any time.
      const codes = (await verify(destination)).findings.map(({ code }) => code);
      expect(codes).not.toContain('missing');
      const pruning = await prune(destination, { signer: by() });
      expect(pruning.snapshots.every(({ outcome }) => outcome !== 'failed')).toBe(true);
      const after = await listKeys(destination);
      expect(partsOf(after, FIRST)).toEqual([]);
      expect(partsOf(after, SECOND)).toEqual([]);
      expect(partsOf(after, LAST)).toEqual(partsOf(before, LAST));
      expect(after.filter((key) => key.startsWith('locks/'))).toEqual([]);
      expect((await verify(destination)).findings).toEqual([]);
      const again = await prune(destination, { signer: by() });
      expect(again.removedBefore).toEqual([FIRST, SECOND]);
    }
  });
});
