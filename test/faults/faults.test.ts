import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlowName } from './support/blows.ts';
import { type Case, playCase, type Strike, UNPACED } from './support/case.ts';
import { type Lane, openLane } from './support/lane.ts';
import type { MomentName } from './support/moments.ts';

/** A fixed selection of what `npm run test:faults` draws. */
let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane.close());

const strike = (blow: BlowName, at: MomentName, nth = 1): Strike => ({ blow, at, nth });

const SELECTION: Readonly<Record<string, Pick<Case, 'rounds'> & Partial<Case>>> = {
  'a process is killed, and asked to end': {
    onS3: true,
    rounds: [
      [
        strike('kill the process before it asks', 'stage a page', 6),
        strike('kill the process before it hears the answer', 'commit the publication'),
        strike('kill the process before it asks', 'store the manifest'),
      ],
      [
        strike('kill the process before it hears the answer', 'stage a page', 2),
        strike('kill the process before it asks', 'publish memberships'),
        strike('ask the process to end', 'read rows to archive', 2),
      ],
    ],
  },
  'Postgres fails': {
    rounds: [
      [
        strike('lose an answer of Postgres', 'stage a page', 2),
        strike('crash Postgres', 'merge reads', 2),
        strike('cut an answer of Postgres in the middle', 'read rows to archive'),
      ],
      [
        strike('restart Postgres', 'stage a page', 2),
        strike('make the publication one of a deadlock', 'publish memberships'),
        strike('lose an answer of Postgres', 'commit the archive'),
      ],
    ],
  },
  'Redis fails': {
    runner: 'sync over Redis',
    rounds: [
      [strike('flush Redis', 'read a page', 3), strike('slow Redis down', 'stage a page')],
      [
        strike("fill Redis's memory", 'take a permit', 4),
        strike('restart Redis', 'read a page', 5),
      ],
    ],
  },
  'S3 fails': {
    onS3: true,
    rounds: [
      [
        strike('store other bytes on S3', 'store the manifest'),
        strike('cut what goes to S3', 'store a part', 2),
        strike('slow S3 down', 'store a part', 4),
      ],
      [
        strike('store fewer bytes on S3', 'store a part', 3),
        strike('expire the credentials of S3', 'store a part', 5),
        strike('lose an answer of S3', 'store the manifest'),
      ],
    ],
  },
  'the service fails': {
    rounds: [
      [
        strike('give empty pages', 'read a page'),
        strike('give malformed JSON', 'read a page', 6),
        strike('cut an answer of the service in the middle', 'list groups'),
      ],
      [
        strike('refuse page tokens', 'read a page'),
        strike('give an answer of another shape', 'list groups'),
        strike('give users twice', 'read a page', 5),
      ],
    ],
  },
  'the pool changes while it is read': {
    rounds: [
      [],
      [strike('change the pool', 'read a page', 2), strike('change the pool', 'read a page', 5)],
      [],
    ],
  },
  'workers are killed, and their clocks are wrong': {
    runner: 'workers',
    rate: 10,
    clocks: [3_600_000, -3_600_000],
    rounds: [
      [strike('kill every worker', 'stage a page', 2)],
      [strike('crash Postgres', 'publish users')],
    ],
  },
};

describe('every promise is kept where', () => {
  it.each(Object.entries(SELECTION))('%s', async (_, selected) => {
    const { rounds } = selected;
    const report = await playCase(lane, {
      seed: 7,
      runner: 'sync',
      onS3: false,
      users: 150,
      rate: UNPACED,
      clocks: [0],
      ...selected,
    });
    // A case whose blows did not fall would show nothing.
    const meant = rounds.flat().map(({ blow }) => blow);
    expect([...report.struck].sort()).toEqual(meant.sort());
  });
});
