/**
 * npm runs this at the end of `npm ci` and before it packs: it builds, and makes `npx cognito-mirror`
 * work from a clone. Without development dependencies it leaves the build as it is.
 */
import { canBuild, ensureBuilt, isBuilt, isUpToDate, linkCommand } from './lib/build.mjs';
import { say } from './lib/checkout.mjs';
import { runMain } from './lib/failure.mjs';

await runMain(async () => {
  if (canBuild()) {
    await ensureBuilt();
    return 0;
  }
  await linkCommand();
  if (!isBuilt()) {
    say(
      'not built, as the compiler is a development dependency: run `npm ci`, then `npm ci --omit=dev`.',
    );
  } else if (!(await isUpToDate())) {
    say('the build is older than the sources: run `npm ci`, then `npm ci --omit=dev`.');
  }
  return 0;
});
