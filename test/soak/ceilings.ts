import type { Bound } from './bounds.ts';

/** What nothing may exceed in any soak of three workers with eight pools at most. */
export const CEILINGS: Readonly<Record<string, Bound>> = {
  // As /proc has them.
  ...(process.platform === 'linux' && {
    'largest worker, MB': { most: 400 },
    'most open files of a worker': { most: 150 },
    // What one sort may take (work_mem).
    'largest connection in Postgres, MB': { most: 64 },
  }),
  // Fifteen a worker: ten for jobs, and single ones.
  connections: { most: 45 },
  // A thousand finished jobs a queue are kept, of snapshots with keys of their own.
  'Redis keys': { most: 5_000 },
  'Redis, MB': { most: 30 },
  // Two archives a worker at a time, with four parts each.
  'temporary files': { most: 100 },
  'temporary files, MB': { most: 20 },
  // Five a stage: of each pool the one that is read, and one that has just ended.
  'stage tables': { most: 80 },
  'stages, MB': { most: 50 },
  'current state, MB': { most: 50 },
  'machinery, MB': { most: 10 },
  'catalogs of Postgres, MB': { most: 50 },
};
