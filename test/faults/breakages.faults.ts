import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findStaleBreakages } from './support/stale-breakages.mjs';

test('every invariant has a breakage, and every breakage still applies to the code', () => {
  expect(findStaleBreakages(fileURLToPath(new URL('../../', import.meta.url)))).toEqual([]);
});
