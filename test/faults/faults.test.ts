import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, openBackends } from './support/backends.ts';
import { type Case, type Injection, playCase, UNPACED } from './support/case.ts';
import type { FaultName } from './support/faults.ts';
import type { MomentName } from './support/moments.ts';

/** A fixed selection of what `npm run test:faults` draws. */
let backends: Backends;
beforeAll(async () => {
  backends = await openBackends();
});
afterAll(() => backends.close());

const inject = (fault: FaultName, at: MomentName, nth = 1): Injection => ({ fault, at, nth });

const SELECTION: Readonly<Record<string, Pick<Case, 'rounds'> & Partial<Case>>> = {
  'a process is killed, and asked to end': {
    onS3: true,
    rounds: [
      [
        inject('kill the process before it asks', 'stage a page', 6),
        inject('kill the process before it hears the answer', 'commit the publication'),
        inject('kill the process before it asks', 'store the manifest'),
      ],
      [
        inject('kill the process before it hears the answer', 'stage a page', 2),
        inject('kill the process before it asks', 'publish memberships'),
        inject('ask the process to end', 'read rows to archive', 2),
      ],
    ],
  },
  'Postgres fails': {
    rounds: [
      [
        inject('lose an answer of Postgres', 'stage a page', 2),
        inject('crash Postgres', 'merge reads', 2),
        inject('cut an answer of Postgres in the middle', 'read rows to archive'),
      ],
      [
        inject('restart Postgres', 'stage a page', 2),
        inject('make the publication one of a deadlock', 'publish memberships'),
        inject('lose an answer of Postgres', 'commit the archive'),
      ],
    ],
  },
  'Redis fails': {
    runner: 'sync over Redis',
    rounds: [
      [inject('flush Redis', 'read a page', 3), inject('slow Redis down', 'stage a page')],
      [
        inject("fill Redis's memory", 'take a permit', 4),
        inject('restart Redis', 'read a page', 5),
      ],
    ],
  },
  'S3 fails': {
    onS3: true,
    rounds: [
      [
        inject('store other bytes on S3', 'store the manifest'),
        inject('cut what goes to S3', 'store a part', 2),
        inject('slow S3 down', 'store a part', 4),
      ],
      [
        inject('store fewer bytes on S3', 'store a part', 3),
        inject('expire the credentials of S3', 'store a part', 5),
        inject('lose an answer of S3', 'store the manifest'),
      ],
    ],
  },
  'the service fails': {
    rounds: [
      [
        inject('give empty pages', 'read a page'),
        inject('give malformed JSON', 'read a page', 6),
        inject('cut an answer of the service in the middle', 'list groups'),
      ],
      [
        inject('refuse page tokens', 'read a page'),
        inject('give an answer of another shape', 'list groups'),
        inject('give users twice', 'read a page', 5),
      ],
    ],
  },
  'the pool changes while it is read': {
    rounds: [
      [],
      [inject('change the pool', 'read a page', 2), inject('change the pool', 'read a page', 5)],
      [],
    ],
  },
  'workers are killed, and their clocks are wrong': {
    runner: 'workers',
    rate: 10,
    clocks: [3_600_000, -3_600_000],
    longWalks: true,
    rounds: [
      [inject('kill every worker', 'stage a page', 2)],
      [inject('crash Postgres', 'publish users')],
    ],
  },
};

describe('every promise is kept where', () => {
  it.each(Object.entries(SELECTION))('%s', async (_, selected) => {
    const { rounds } = selected;
    const report = await playCase(backends, {
      seed: 7,
      runner: 'sync',
      onS3: false,
      users: 150,
      rate: UNPACED,
      clocks: [0],
      longWalks: false,
      ...selected,
    });
    // A case whose faults were not injected would show nothing.
    const meant = rounds.flat().map(({ fault }) => fault);
    expect([...report.injected].sort()).toEqual(meant.sort());
  });
});
