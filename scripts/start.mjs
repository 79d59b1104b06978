/**
 * `npm run demo`, `npm test`, `npm run test:faults`, `npm run test:breakages`, `npm run test:soak`
 * and `npm run bench`: each installs and builds what is missing, says so, and runs.
 * Plain JavaScript with nothing but Node, as nothing is installed when it starts.
 */
import { nodeTooOld } from './lib/node-version.mjs';

const tooOld = nodeTooOld();
if (tooOld !== null) {
  console.error(`cognito-mirror: ${tooOld}`);
  process.exit(2);
}

// Only now: what follows needs a Node that is new enough.
const { runMain, Failure } = await import('./lib/failure.mjs');
const { ensureInstalled } = await import('./lib/install.mjs');
const { ensureBuilt, isUpToDate } = await import('./lib/build.mjs');
const { runNode } = await import('./lib/run.mjs');
const { ensureRedisServer } = await import('./lib/unpack-redis.mjs');
const { ROOT } = await import('./lib/checkout.mjs');

await runMain(async () => {
  const [what, ...args] = process.argv.slice(2);
  switch (what) {
    case 'demo':
      await ensureInstalled({ dev: !(await isUpToDate()) });
      await ensureBuilt();
      return runNode([`${ROOT}bin/cognito-mirror.mjs`, 'demo', ...args]);
    case 'test':
      return runVitest(args);
    case 'bench':
      return runVitest(['--config', `${ROOT}bench/vitest.config.ts`, ...args]);
    case 'faults':
      return runVitest(['--config', `${ROOT}test/faults/vitest.config.ts`, ...args]);
    case 'breakages':
      await prepareTests();
      return runNode([`${ROOT}test/faults/breakages.mjs`, ...args]);
    case 'soak':
      return runVitest(['--config', `${ROOT}test/soak/vitest.config.ts`, ...args]);
    default:
      throw new Failure(
        `\`${what ?? ''}\` is not \`demo\`, \`test\`, \`faults\`, \`breakages\`, \`soak\` or \`bench\`.`,
      );
  }
});

/**
 * Runs tests or benchmarks, with all that they need.
 *
 * @param {readonly string[]} args of `vitest run`
 */
async function runVitest(args) {
  await prepareTests();
  return runNode([`${ROOT}node_modules/vitest/vitest.mjs`, 'run', ...args]);
}

async function prepareTests() {
  await ensureInstalled({ dev: true });
  await ensureBuilt();
  await ensureRedisServer();
}
