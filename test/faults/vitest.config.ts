import { defineConfig, mergeConfig } from 'vitest/config';
import suite from '../../vitest.config.ts';

/** The long run of drawn cases; `npm test` plays a fixed selection. */
export default mergeConfig(
  { ...suite, test: { ...suite.test, include: [] } },
  defineConfig({
    test: { include: ['test/faults/**/*.faults.ts'], disableConsoleIntercept: true },
  }),
);
