import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import { temporaryFolder } from '../support/temp.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Sample {
  readonly name: string;
  readonly code: string;
}

/** The runnable samples of docs/API.md, named by the heading above them. */
async function readSamples(): Promise<Sample[]> {
  const text = await readFile(join(ROOT, 'docs/API.md'), 'utf8');
  let heading = '';
  return [...text.matchAll(/^#+ ([^\n]*)$|^```ts\n(.*?)^```$/gms)].flatMap(([, title, code]) => {
    heading = title ?? heading;
    return code === undefined ? [] : [{ name: heading, code }];
  });
}

/** A sample as JavaScript, with the folder of this test as home. Types are not what it shows. */
function toScript(code: string, home: string): string {
  return code.replaceAll('/var/lib/cognito-mirror', home).replaceAll(' as const', '');
}

let simulator: Simulator;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  simulator = await startSimulator({ rps: 0, users: 30, groups: 2, pools: ['us-east-1_Ab12Cd34'] });
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'node_modules'));
  await symlink(ROOT, join(folder.path, 'node_modules', 'cognito-mirror'));
});
afterAll(async () => {
  await simulator.close();
  await folder.remove();
});

const samples = await readSamples();

test('docs/API.md has samples', () => {
  expect(samples.length).toBeGreaterThan(6);
});

test.each(samples.map((sample, index) => ({ ...sample, index })))(
  'sample $index of docs/API.md runs: $name',
  async ({ code, index }) => {
    const file = join(folder.path, `sample-${index}.mjs`);
    await writeFile(file, toScript(code, join(folder.path, 'home')));
    const env = {
      PATH: process.env['PATH'],
      HOME: folder.path,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: simulator.url,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    };
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder.path, env });
    expect(stderr).toBe('');
    expect(stdout).not.toBe('');
  },
);
