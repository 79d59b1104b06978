import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { VARIABLES } from '../../src/config/variables.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
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

/** The text without its fenced blocks, in which `#` begins a comment and no heading. */
function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** The anchors that GitHub gives to headings, and those set by hand. */
function anchors(text: string): string[] {
  const prose = withoutBlocks(text);
  const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
  return [...headings, ...[...prose.matchAll(/<a id="([\w-]+)">/g)].map(([, id = '']) => id)];
}

/** Everything in the text that looks like a path below a folder of the repository. */
function paths(text: string, folder: string): string[] {
  return [...text.matchAll(new RegExp(`\`(${folder}/[\\w./-]+)\``, 'g'))].map(([, at = '']) => at);
}

test('the README is short: under 10,000 bytes', () => {
  expect(Buffer.byteLength(read('README.md'))).toBeLessThan(10_000);
});

test('the README links to every page', () => {
  for (const name of DOCUMENTS.filter((each) => each !== 'README.md')) {
    expect(read('README.md').includes(`](${name})`), name).toBe(true);
  }
});

test.each(DOCUMENTS)('every relative link and anchor of %s resolves', (name) => {
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

test.each([
  ['docs/DESIGN.md', 30],
  ['CONTRIBUTING.md', 10],
  ['docs/RELIABILITY.md', 10],
] as const)('every path of the repository that %s names exists', (name, least) => {
  const named = ['src', 'test', 'bench', 'scripts', 'migrations'].flatMap((folder) =>
    paths(read(name), folder),
  );
  expect(named.length).toBeGreaterThan(least);
  for (const path of named) expect(existsSync(join(ROOT, path)), path).toBe(true);
});

test('every file on the way of a page in docs/DESIGN.md exists', () => {
  const section = /^## The way of a page$[\s\S]*?(?=^## )/m.exec(read('docs/DESIGN.md'))?.[0] ?? '';
  const files = [...section.matchAll(/(?<=[ `])(?!src\/)([\w-]+\/[\w/.-]+\.ts)\b/g)].map(
    ([, file = '']) => file,
  );
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) expect(existsSync(join(ROOT, 'src', file)), file).toBe(true);
});

/** The program's commands by name, as the files of `src/cli/commands` make them. Those in a command follow it. */
async function commands(): Promise<Map<string, Command>> {
  const folder = join(ROOT, 'src/cli/commands');
  const modules = await Promise.all(
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => import(join(folder, name)) as Promise<Record<string, unknown>>),
  );
  const made = modules
    .flatMap((module) => Object.entries(module))
    .filter(([name, value]) => name.endsWith('Command') && typeof value === 'function')
    .map(([, create]) => (create as () => Command)());
  return new Map(
    made.flatMap((command): [string, Command][] =>
      command.commands.length === 0
        ? [[command.name(), command]]
        : command.commands.map((each) => [`${command.name()} ${each.name()}`, each]),
    ),
  );
}

/** Every command line of the program in a text: in `sh`, `cron` and `ini` blocks, and in running text. */
function commandLines(text: string): string[] {
  const fenced = ['sh', 'cron', 'ini'].flatMap((language) => blocks(text, language));
  const inFences = fenced.flatMap((block) => [
    ...block
      .replaceAll('\\\n', ' ')
      .matchAll(/(?:node bin\/cognito-mirror\.mjs|npx cognito-mirror) ([^#|)\n]*)/g),
  ]);
  const inText = [
    ...withoutBlocks(text).matchAll(
      /`(?:cognito-mirror|node bin\/cognito-mirror\.mjs) ([a-z][^`]*)`/g,
    ),
  ];
  return [...inFences, ...inText].map(([, line = '']) => line.trim());
}

test('every command in the documents exists, with its options', async () => {
  const known = await commands();
  expect(known.size).toBeGreaterThan(10);
  const lines = DOCUMENTS.flatMap((name) =>
    commandLines(read(name)).map((line) => ({ name, line })),
  );
  expect(lines.length).toBeGreaterThan(25);
  for (const { name, line } of lines) {
    const [first = '', ...rest] = line.split(/\s+/);
    const command = known.get(first) ?? known.get(`${first} ${rest[0]}`);
    expect(command, `${name}: ${line}`).toBeDefined();
    const options = command?.options.map(({ long }) => long) ?? [];
    const used = rest.filter((word) => /^--\w/.test(word)).map((word) => word.split('=')[0]);
    for (const option of used) expect(options, `${name}: ${line}`).toContain(option);
  }
});

test('docs/COMMANDS.md and the README have every command; the former every option', async () => {
  const known = await commands();
  const section = /^## Commands$[\s\S]*?^## /m;
  for (const name of ['docs/COMMANDS.md', 'README.md']) {
    const table = section.exec(read(name))?.[0] ?? '';
    const rows = [...table.matchAll(/^\| `([\w-]+(?: [\w-]+)?)/gm)].map(([, words = '']) =>
      known.has(words) ? words : (words.split(' ')[0] ?? ''),
    );
    expect(new Set(rows), name).toEqual(new Set(known.keys()));
  }
  const table = section.exec(read('docs/COMMANDS.md'))?.[0] ?? '';
  for (const [name, command] of known) {
    if (name === 'simulator') continue;
    const rows = table.split('\n').filter((row) => row.startsWith(`| \`${name}`));
    for (const { long } of command.options) expect(rows.join('\n'), name).toContain(long);
  }
});

test('docs/SIMULATOR.md has every option of the simulator, and no other', async () => {
  const table = /^## Options$[\s\S]*?^## /m.exec(read('docs/SIMULATOR.md'))?.[0] ?? '';
  const rows = [...table.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(--[\w-]+)/g)].map(([, option = '']) => option),
  );
  const options = (await commands()).get('simulator')?.options.map(({ long }) => long) ?? [];
  expect(rows.sort()).toEqual(options.sort());
});

test('every npm script in the documents exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const name of DOCUMENTS) {
    for (const [, script = ''] of read(name).matchAll(/(?:`|^)npm run ([\w:]+)/gm)) {
      expect(scripts, name).toHaveProperty([script]);
    }
  }
});

test('docs/CONFIGURATION.md has every variable, and no other of ours', () => {
  const text = read('docs/CONFIGURATION.md');
  const configuration = /^## Environment variables$[\s\S]*?^## /m.exec(text)?.[0] ?? '';
  const rows = [...configuration.matchAll(/^\| `(\w+)` \|/gm)].map(([, variable = '']) => variable);
  expect(rows.sort()).toEqual(Object.keys(VARIABLES).sort());
});

test('a variable that a document names exists', () => {
  for (const name of DOCUMENTS) {
    for (const [variable] of read(name).matchAll(/\b(?:MIRROR|ARCHIVE)_[A-Z_]+\b/g)) {
      expect(VARIABLES, name).toHaveProperty([variable]);
    }
  }
});

test('the file of docs/CONFIGURATION.md is one that a worker accepts', () => {
  const yaml = blocks(read('docs/CONFIGURATION.md'), 'yaml');
  const block = yaml.find((each) => each.includes('$schema=')) ?? '';
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
