import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { type ArchiveResult, writeArchive } from '../../src/archive/write-archive.ts';
import type { SnapshotRows } from '../../src/archive/write-parts.ts';
import { temporaryFolder } from '../support/temp.ts';
import { type Datasets, optionsWith, requestFor, rowsOf } from './support.ts';

type Options = Parameters<typeof optionsWith>[0] & {
  rows?: SnapshotRows;
  request?: Parameters<typeof requestFor>[1];
};

/** The work folder of a test. */
export interface WorkFolder {
  readonly path: string;
  readonly archive: (
    destination: Destination,
    datasets: Datasets,
    options?: Options,
  ) => Promise<ArchiveResult>;
}

/** Gives each test of the file a private work folder, which must be empty afterwards. */
export function useWorkFolder(): WorkFolder {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    temporary = await temporaryFolder();
  });
  afterEach(async () => {
    const left = await readdir(temporary.path);
    await temporary.remove();
    expect(left).toEqual([]);
  });
  return {
    get path() {
      return temporary.path;
    },
    archive: (destination, datasets, options = {}) => {
      const { rows = rowsOf(datasets), request = {}, ...more } = options;
      return writeArchive(destination, requestFor(datasets, request), rows, {
        ...optionsWith(more),
        workFolder: temporary.path,
      });
    },
  };
}
