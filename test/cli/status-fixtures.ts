import { formatStatus } from '../../src/cli/display/status-text.ts';
import type { SnapshotStatus } from '../../src/runner/snapshot-status.ts';
import type { RequestStatus, Status } from '../../src/runner/status.ts';

export const POOL = 'us-east-1_Main';
export const AT = new Date('2026-11-21T20:48:00Z');
export const minutes = (count: number) => new Date(AT.getTime() + count * 60_000);

export const EMPTY: Status = {
  at: AT,
  pools: [],
  snapshots: [],
  schedules: [],
  workers: [],
  requests: [],
};

export const SNAPSHOT: SnapshotStatus = {
  poolId: POOL,
  snapshot: '20261121T204000Z',
  snapshotAt: minutes(-8),
  walkedAt: null,
  state: 'walking',
  reason: null,
  publishedAt: null,
  archivedAt: null,
  archiveRemovedAt: null,
  settings: null,
  settingsUnread: null,
  privacy: null,
  suppressed: null,
  users: null,
  groups: null,
  memberships: null,
  added: null,
  modified: null,
  removed: null,
  repaired: null,
  mfaKnown: null,
  apiCalls: 1_234,
  throttled: 5,
  retries: 0,
  manifest: null,
  manifestSha256: null,
  runner: null,
  progress: null,
  walking: null,
};

export const WALK = {
  id: 17,
  kind: 'members',
  prefix: null,
  attempt: 1,
  pages: 40,
  items: 2_400,
  expected: 9_600,
  readAt: minutes(0),
  rate: 60,
  estimatedEnd: minutes(2),
} as const;

export const PROGRESS = {
  phase: 'walk',
  done: null,
  total: null,
  beganAt: minutes(-8),
  notedAt: minutes(-8),
} as const;

export const WALKING: SnapshotStatus = {
  ...SNAPSHOT,
  runner: 'workers',
  progress: PROGRESS,
  walking: {
    walks: [
      {
        kind: 'members',
        walks: 40,
        walksDone: 3,
        walksInProgress: 12,
        items: 12_345,
        expected: 20_000,
        readAt: minutes(0),
      },
    ],
    inProgress: [
      WALK,
      { ...WALK, id: 2, kind: 'users', prefix: '3f', rate: null, estimatedEnd: null },
    ],
    rate: 1_440,
    rateSince: minutes(-1),
    readAt: minutes(0),
    estimatedEnd: minutes(5),
  },
};

export function request(differences: Partial<RequestStatus>): RequestStatus {
  return {
    id: 1,
    poolId: POOL,
    source: 'schedule',
    requestedAt: minutes(-30),
    snapshot: null,
    waitingReason: null,
    endedAt: null,
    outcome: null,
    reason: null,
    ...differences,
  };
}

export const FAILED = request({
  endedAt: minutes(-20),
  outcome: 'failed',
  reason: 'Access was denied.',
  snapshot: SNAPSHOT.snapshot,
});

export const WORKER = {
  id: 'w1',
  host: 'worker-a',
  pid: 4242,
  version: '0.1.0',
  startedAt: minutes(-75),
  seenAt: minutes(0),
  alive: true,
  jobs: 4,
  problem: null,
};

export const SCHEDULE = {
  poolId: POOL,
  pattern: '0 2 * * *',
  timezone: 'Europe/Berlin',
  dueAt: new Date('2026-11-22T01:00:00Z'),
  startsAt: new Date('2026-11-22T01:07:00Z'),
};

export const textOf = (differences: Partial<Status>, width = 160) =>
  formatStatus({ ...EMPTY, ...differences }, width);
