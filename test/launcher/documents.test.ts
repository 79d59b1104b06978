import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { VARIABLES } from '../../src/config/variables.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'docs/DESIGN.md',
  'docs/OPERATIONS.md',
  'docs/METRICS.md',
  'docs/SECURITY.md',
  'docs/RELIABILITY.md',
  'docs/BENCHMARKS.md',
];

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

/** The fenced blocks of a language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );
}

/** The anchors that GitHub gives to headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test.each(DOCUMENTS)('%s links to what is there', (name) => {
  const links = [...read(name).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(
    ([, link = '']) => link,
  );
  for (const link of links) {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? join(ROOT, name) : resolve(ROOT, dirname(name), path);
    expect(existsSync(target), link).toBe(true);
    if (anchor !== undefined) expect(anchors(readFileSync(target, 'utf8')), link).toContain(anchor);
  }
});

test('docs/DESIGN.md names tests that are there', () => {
  const names = [...read('docs/DESIGN.md').matchAll(/`(test\/[\w./-]+)`/g)].map(
    ([, at = '']) => at,
  );
  expect(names.length).toBeGreaterThan(30);
  for (const name of names) expect(existsSync(join(ROOT, name)), name).toBe(true);
});

test('the README has every variable, and no other of ours', () => {
  const configuration = /^## Configuration$[\s\S]*?^### /m.exec(read('README.md'))?.[0] ?? '';
  const rows = [...configuration.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, variable = '']) => variable),
  );
  expect(rows.filter((name) => !name.startsWith('AWS_')).sort()).toEqual(
    Object.keys(VARIABLES).sort(),
  );
});

test("the README's file is one that a worker takes", () => {
  const block = blocks(read('README.md'), 'yaml').find((each) => each.includes('$schema=')) ?? '';
  const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(block) ?? [];
  expect(existsSync(join(ROOT, schema))).toBe(true);
  const folder = mkdtempSync(join(tmpdir(), 'cognito-mirror-documents-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'mirror.yaml');
  writeFileSync(path, block);
  const config = loadConfig(
    {
      DATABASE_URL: 'postgres://localhost/mirror',
      REDIS_URL: 'redis://localhost',
      ARCHIVE_URL: 's3://my-bucket/cognito',
      MIRROR_CONFIG: path,
    },
    { worker: true },
  );
  expect(config.pools).toEqual(['us-east-1_Ab12Cd34', 'us-east-1_Ef56Gh78', 'eu-west-1_Ij90Kl12']);
});
