import { defineConfig, mergeConfig } from 'vitest/config';
import suite from '../../vitest.config.ts';

/** The long soak; `npm test` has a minute of it. */
export default mergeConfig(
  { ...suite, test: { ...suite.test, include: [] } },
  defineConfig({
    test: { include: ['test/soak/*.soak.ts'], disableConsoleIntercept: true },
  }),
);
