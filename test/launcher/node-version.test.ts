import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeTooOld } from '../../scripts/lib/node-version.mjs';

test.each(['20.19.0', '20.20.2', '22.0.0', '26.1.0'])('Node %s is new enough', (version) => {
  expect(nodeTooOld(version)).toBeNull();
});

test.each(['18.20.0', '20.18.3', '20.9.0', '12.0.0'])('Node %s gets the remedy', (version) => {
  expect(nodeTooOld(version)).toMatch(
    new RegExp(`^this is Node ${version}, and Node 20\\.19 or newer is needed\\. Install `),
  );
});

test('package.json asks for the same Node', () => {
  const { engines } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  expect(engines.node).toBe('>=20.19');
});
