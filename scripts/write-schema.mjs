/** `npm run schema`: writes docs/mirror-config.schema.json from the checks of `src/config`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { ROOT } from './lib/checkout.mjs';
import { runMain } from './lib/failure.mjs';

await runMain(async () => {
  await ensureBuilt();
  const { configFileJsonSchema } = await import(`${ROOT}dist/config/file-schema.js`);
  const schema = JSON.stringify(configFileJsonSchema(), null, 2);
  await writeFile(join(ROOT, 'docs/mirror-config.schema.json'), `${schema}\n`);
  return 0;
});
