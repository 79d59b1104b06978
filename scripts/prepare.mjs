/**
 * `npm run build`, which npm also runs at the end of `npm ci` and before it packs. After a build,
 * `npm ci --omit=dev` finds it up to date and keeps it.
 */
import { ensureBuilt } from './lib/build.mjs';
import { runMain } from './lib/failure.mjs';

await runMain(async () => {
  await ensureBuilt();
  return 0;
});
