import { join } from 'node:path';
import { test } from 'vitest';
import { type Figures, report } from './support/figures.ts';
import { openLab } from './support/lab.ts';
import { plainScript } from './support/plain-script.ts';

const RATE = 30;
/** For about 5,400 pages of users and members: three minutes at the quota's rate. */
const USERS_WHERE_PAGES_ARE_FULL = 172_000;
const PLAIN_SECONDS = 60;

/**
 * A whole snapshot at the service's own quota and 200 ms an answer, against the bound: successful
 * list calls over the rate. Groups have a fifth of the users at most, as a chain of more pages than
 * the service answers in that time one after the other would be the bound.
 */
test('quota', async () => {
  await report('quota', {
    'pages full': await measure(1),
    'pages 40 % full': await measure(0.4),
  });
}, 1_200_000);

async function measure(pageFill: number): Promise<Figures> {
  const lab = await openLab([
    ...['--users', String(USERS_WHERE_PAGES_ARE_FULL * pageFill), '--groups', '40'],
    ...['--largest-group', '0.2', '--page-fill', String(pageFill)],
    ...['--rps', String(RATE), '--latency-ms', '200'],
  ]);
  try {
    const run = await lab.sync({ MIRROR_USER_LIST_RPS: String(RATE) });
    const attempts = await lab.listAttempts();
    const pages = attempts.filter(({ outcome }) => outcome === 'ok').length;
    const throttled = attempts.filter(({ outcome }) => outcome === 'throttled').length;
    const bound = pages / RATE;
    const file = join(lab.folder, 'plain.json');
    const plain = await plainScript(lab.url, lab.databaseUrl, file, PLAIN_SECONDS);
    const plainSeconds = (pages / plain.pages) * plain.seconds;
    return {
      'list calls that succeeded': pages,
      'bound: s': bound,
      'total: s': run.seconds,
      'over the bound: s': run.seconds - bound,
      'walk: s': run.steps.walk.seconds,
      'check, publish and archive: s':
        run.steps.check.seconds + run.steps.publish.seconds + run.steps.archive.seconds,
      'throttled, share of attempts': throttled / attempts.length,
      'plain script, by its first minute: s': plainSeconds,
      'times as fast as the plain script': plainSeconds / run.seconds,
    };
  } finally {
    await lab.close();
  }
}
