import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findStaleBreakages, findUnbrokenInvariants } from './support/stale-breakages.mjs';

test('every invariant has a breakage, and every breakage still applies to the code', () => {
  expect(findUnbrokenInvariants()).toEqual([]);
  expect(findStaleBreakages(fileURLToPath(new URL('../../', import.meta.url)))).toEqual([]);
});
