import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { checkLayers } from '../../scripts/lib/layers.mjs';
import { temporaryFolder } from '../support/temp.ts';

/** What the check says of a tree of these files. */
async function check(files: Record<string, string>): Promise<string[]> {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return checkLayers(path);
}

test('the sources of this project keep the layers', () => {
  expect(checkLayers(fileURLToPath(new URL('../../src', import.meta.url)))).toEqual([]);
});

test('imports downward and within a folder pass', async () => {
  expect(
    await check({
      'cli/main.ts':
        "import { a } from '../index.ts';\nimport '../common/text.ts';\nawait import('../simulator/server.ts');",
      'index.ts': "export { a } from './app/run.ts';",
      'app/run.ts': "import { s } from '../snapshot/walk.ts';",
      'snapshot/walk.ts':
        "import {\n  one,\n  two,\n} from '../postgres/store/leases.ts';\nimport '../model/user.ts';",
      'postgres/store/leases.ts': "import pg from 'pg';\nimport { x } from '../connection.ts';",
      'postgres/connection.ts': '',
      'common/text.ts': '',
      'model/user.ts': "// import { x } from '../cli/main.ts';",
      'simulator/server.ts': "export * from './pool.ts';",
      'simulator/pool.ts': '',
    }),
  ).toEqual([]);
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    'from the command line past the API',
    { 'cli/a.ts': "import { b } from '../app/b.ts';", 'app/b.ts': '' },
    /cli imports only index\.ts, common/,
  ],
  ['upward', { 'model/a.ts': "import { b } from '../config/b.ts';", 'config/b.ts': '' }, /upward/],
  [
    'upward by type alone',
    { 'quota/a.ts': "import type { B } from '../runner/b.ts';", 'runner/b.ts': '' },
    /upward/,
  ],
  [
    'upward when it runs',
    { 'quota/a.ts': "const b = await import('../app/run.ts');", 'app/run.ts': '' },
    /upward/,
  ],
  [
    'sideways',
    { 'archive/a.ts': "export { b } from '../postgres/b.ts';", 'postgres/b.ts': '' },
    /sideways/,
  ],
  [
    'upward between folders of postgres',
    { 'postgres/store/a.ts': "import '../coordination/b.ts';", 'postgres/coordination/b.ts': '' },
    /upward/,
  ],
  [
    'of the simulator',
    { 'runner/a.ts': "import '../simulator/b.ts';", 'simulator/b.ts': '' },
    /stands alone/,
  ],
  [
    'by the simulator',
    { 'simulator/a.ts': "import '../model/b.ts';", 'model/b.ts': '' },
    /stands alone/,
  ],
  [
    'of an unknown folder',
    { 'app/a.ts': "import '../utils/b.ts';", 'utils/b.ts': '' },
    /is not a layer/,
  ],
  ['out of src', { 'cli/a.ts': "import '../../test/b.ts';" }, /is not a source file/],
  ['of pg', { 'snapshot/a.ts': "import pg from 'pg';" }, /only src\/postgres/],
  [
    "of the service's SDK",
    { 'runner/a.ts': "await import('@aws-sdk/client-cognito-identity-provider');" },
    /only src\/cognito/,
  ],
  [
    'of the S3 SDK',
    { 'cli/a.ts': "import { S3 } from '@aws-sdk/client-s3';" },
    /only src\/archive/,
  ],
  [
    'of the renderer of pages by JSX',
    { 'report/page.tsx': 'const a = <p />;', 'cli/a.tsx': 'const a = <p />;' },
    /cli\/a\.tsx imports hono\/jsx/,
  ],
  ['of Bottleneck', { 'cognito/a.ts': "import Bottleneck from 'bottleneck';" }, /only src\/quota/],
])('an import %s is found', async (_, files, problem) => {
  const problems = await check(files);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(problem);
});

test('SQL outside postgres is found', async () => {
  const problems = await check({ 'runner/a.ts': 'const q = `\n  SELECT a\n  FROM b`;' });
  expect(problems).toEqual([expect.stringContaining('runner/a.ts holds SQL')]);
});

test('a circle of files is found once, with its way', async () => {
  const problems = await check({
    'model/a.ts': "import './b.ts';",
    'model/b.ts': "import './c.ts';",
    'model/c.ts': "import type { A } from './a.ts';",
  });
  expect(problems).toEqual([
    'Files import each other in a circle: model/a.ts → model/b.ts → model/c.ts → model/a.ts.',
  ]);
});
