import { createRequire } from 'node:module';
import type { Document } from 'yaml';

type Yaml = typeof import('yaml');

/** A problem with the text as YAML. It never quotes the text. */
interface YamlProblem {
  readonly line: number;
  readonly problem: string;
  readonly remedy: string;
}

interface YamlText {
  readonly problems: readonly YamlProblem[];
  /** Mappings as objects, sequences as arrays; undefined if the text cannot be understood. */
  readonly value: unknown;
  /** The line of the key at a path, or of the nearest key above it. */
  readonly findLine: (path: readonly PropertyKey[]) => number;
}

/** The settings need six levels. The parser recurses, and Node can crash when the stack is full. */
const MAX_LEVELS = 100;

/** So many pools can share settings. An alias of aliases counts as many times as it expands to. */
const MAX_ALIASES = 1_000;

const TOO_LARGE = {
  problem: 'the YAML is nested too deeply, or its aliases expand to too much.',
  remedy: 'Write the settings out without them.',
};

/** Assigning this key to an object would set its prototype. */
const PROTOTYPE = '__proto__';

/** Reads YAML 1.2 with merge keys. A syntax error is reported alone, as others follow from it. */
export function readYaml(text: string): YamlText {
  // Loaded on demand: most commands have no file to read, and the parser takes time to load.
  const yaml = createRequire(import.meta.url)('yaml') as Yaml;
  const fail = (problem: YamlProblem): YamlText => ({
    problems: [problem],
    value: undefined,
    findLine: () => problem.line,
  });
  const deepLine = findDeepLine(yaml, text);
  if (deepLine !== null) return fail({ line: deepLine, ...TOO_LARGE });
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter,
    merge: true,
    prettyErrors: false,
    // Warnings go to standard error and can quote the text.
    logLevel: 'error',
    // The check below takes linear time, the parser's own quadratic time.
    uniqueKeys: false,
  });
  const lineAt = (offset = 0) => Math.max(1, lineCounter.linePos(offset).line);
  const [error] = document.errors;
  if (error !== undefined) return fail({ line: lineAt(error.pos[0]), ...describe(error.code) });

  const { problems, lines } = checkKeys(yaml, document, lineAt);
  const findLine = (path: readonly PropertyKey[]): number =>
    path.length === 0 ? 1 : (lines.get(path.join('\n')) ?? findLine(path.slice(0, -1)));
  try {
    return { problems, value: document.toJS({ maxAliasCount: MAX_ALIASES }), findLine };
  } catch {
    // Too many aliases, an alias without an anchor, or a merge of something else than a mapping.
    return problems.length > 0
      ? { problems, value: undefined, findLine }
      : fail({ line: 1, ...TOO_LARGE });
  }
}

/** The first line that is nested too deeply. The lexer and this part of the parser do not recurse. */
function findDeepLine(yaml: Yaml, text: string): number | null {
  const lines = new yaml.LineCounter();
  lines.addNewLine(0);
  const parser = new yaml.Parser(lines.addNewLine);
  for (const token of new yaml.Lexer().lex(text)) {
    Array.from(parser.next(token));
    if (parser.stack.length > MAX_LEVELS) return Math.max(1, lines.linePos(parser.offset).line);
  }
  return null;
}

/** The parser's own message can quote the text. */
function describe(code: string): Omit<YamlProblem, 'line'> {
  return code === 'MULTIPLE_DOCS'
    ? { problem: 'a second YAML document starts here.', remedy: 'Put everything into one.' }
    : { problem: `invalid YAML (${code}).`, remedy: 'Check indentation, colons and quotes.' };
}

/** Notes the line of each key by its path, and checks keys and aliases. */
function checkKeys(yaml: Yaml, document: Document, lineAt: (offset?: number) => number) {
  const problems: YamlProblem[] = [];
  const lines = new Map<string, number>();
  const anchors = new Set<string>();
  yaml.visit(document, {
    Node(_, node, parents) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (yaml.isAlias(node) && !anchors.has(node.source)) {
        const problem = 'the alias has no anchor above it.';
        const remedy = 'Define the anchor with & above it.';
        problems.push({ line: lineAt(node.range?.[0]), problem, remedy });
      }
      if (!yaml.isMap(node)) return;
      const path = parents.filter(yaml.isPair).map(({ key }) => String(key));
      const seen = new Set<string>();
      node.items = node.items.filter(({ key }) => {
        const line = lineAt(yaml.isNode(key) ? key.range?.[0] : 0);
        const name = readKey(yaml, key);
        if (name === null) {
          const problem = 'YAML does not read the key as it is written.';
          problems.push({ line, problem, remedy: 'Quote or rename it.' });
          return false;
        }
        if (seen.has(name)) {
          problems.push({ line, problem: 'duplicate key.', remedy: 'Remove one of the two.' });
        }
        seen.add(name);
        lines.set([...path, name].join('\n'), line);
        return true;
      });
    },
  });
  return { problems, lines };
}

/** A key as it is written; null if YAML reads something else, such as 12 for 012. */
function readKey(yaml: Yaml, key: unknown): string | null {
  if (!yaml.isScalar(key) || key.source === undefined || key.source === PROTOTYPE) return null;
  const { value, source, type } = key;
  const isMerge = source === '<<' && type === 'PLAIN';
  return typeof value === 'string' || isMerge || String(value) === source ? source : null;
}
